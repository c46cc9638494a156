# HiCLR with a fourth stage: the strongest view is mixed with another sequence, and follows the masked one.
_base_ = ['../../../../configs/hiclr/gru_nucla.py']
model = dict(
    data_preprocessor=dict(
        policy=dict(
            stages=[
                {{_base_.basic}},
                {{_base_.normal}},
                {{_base_.strong}},
                [dict(type='ResizeMix', parts=(1, 2), frames=(0.2, 0.4))],
            ]
        )
    ),
)
