# HiCLR with masked motion prediction beside its loss.
_base_ = ['../../../../configs/hiclr/gru_nucla.py']
model = dict(
    regularizers=dict(
        motion=dict(
            type='MaskedMotionPrediction',
            weight=0.1,
            mask=dict(type='MotionAwareMask', ratio=0.67),
        ),
    ),
)
