"""What heads and regularizers can ask for."""

from __future__ import annotations

#: What a step can supply, and which part of the model (or data) it comes from.
SOURCES = {
    'features': 'model.backbone',
    'embeddings': 'model.backbone',
    'projections': 'model.projector',
    'queries': 'model.projector',
    'keys': 'model.projector, model.key_encoder and a policy with a key view',
    'view_keys': 'model.projector and model.key_encoder',
    'similarities': 'model.projector, model.key_encoder, model.queue and a policy with a key view',
    'class_logits': 'model.classifier',
    'teacher_logits': 'model.teacher and model.classifier',
    'extra_views': 'model.backbone',
    'labels': 'a dataset with labels',
    'unlabelled': "a dataset with label_budget and unlabelled='keep'",
    'positions': 'a dataset',
    'branches': 'model.branches',
}
