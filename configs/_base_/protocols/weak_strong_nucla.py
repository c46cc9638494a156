# A weak view, a crop in time with a slight shear, and a strong one with HiCLR's augmentations on top. The
# labelled sequences are learnt from in their weak view.
_base_ = ['./joint_nucla.py']
model = dict(
    data_preprocessor=dict(
        policy=dict(
            type='GrowingPolicy',
            stages=[
                [dict(type='TemporalCrop', padding_ratio=6), dict(type='Shear', amplitude=0.1)],
                [
                    dict(type='Shear', amplitude=0.5),
                    dict(type='SpatialFlip', p=0.5),
                    dict(type='Rotate'),
                    dict(type='GaussianNoise', std=0.01, p=0.5),
                    dict(type='GaussianBlur', sigma=(0.1, 2.0), p=0.5),
                    dict(type='AxisMask', p=0.5),
                    dict(type='JointMask', ratio=0.1),
                ],
            ],
        ),
    ),
    heads=dict(classification=dict(views=1)),
)
