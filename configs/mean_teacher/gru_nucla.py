_base_ = ['../supervised/gru_nucla.py']
model = dict(
    teacher=dict(momentum=0.99, predicts=True),
    # Two weak views, each with its own draw: one for the teacher, one for the student.
    data_preprocessor=dict(
        policy=dict(
            type='GrowingPolicy',
            stages=[[dict(type='TemporalCrop', padding_ratio=6), dict(type='Shear', amplitude=0.1)], []],
        ),
    ),
    regularizers=dict(teaching=dict(type='MeanTeacher', weight=50.0, ramp=16)),
)
