# The growing sets of HiCLR: each stage of a policy adds one of these lists to the stages before it.
basic = [dict(type='TemporalCrop', padding_ratio=6), dict(type='Shear', amplitude=0.5)]
normal = [
    dict(type='SpatialFlip', p=0.5),
    dict(type='Rotate'),
    dict(type='GaussianNoise', std=0.01, p=0.5),
    dict(type='GaussianBlur', sigma=(0.1, 2.0), p=0.5),
    dict(type='AxisMask', p=0.5),
]
strong = [dict(type='JointMask', ratio=0.1)]
