"""What heads and regularizers can ask for."""

from __future__ import annotations

#: What a step can supply, and which part of the model (or data) it comes from.
SOURCES = {
    'features': 'model.backbone',
    'embeddings': 'model.backbone',
    'queries': 'model.projector',
    'keys': 'model.projector, model.key_encoder and a policy with a key view',
    'similarities': 'model.projector, model.key_encoder, model.queue and a policy with a key view',
    'class_logits': 'model.classifier',
    'labels': 'a dataset with labels',
}
