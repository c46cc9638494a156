# Nearest neighbours of the coordinates themselves: tools/test.py without a checkpoint.
_base_ = ['../_base_/datasets/nucla.py', '../_base_/protocols/knn.py', '../_base_/runtime.py']
model = dict(
    layout={{_base_.layout}},
    backbone=dict(
        type='RawCoordinates',
        num_frames={{_base_.train_dataloader.dataset.num_frames}},
        max_bodies=1,
    ),
)
