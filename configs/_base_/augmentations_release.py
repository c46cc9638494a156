# The growing sets as HiCLR's release has them: see the table in hiclr/README.md. Its basic set is the same.
release_normal = [
    dict(type='SpatialFlip', p=0.5, mirror_coordinate=False),
    dict(type='Rotate', one_sided=True),
    dict(type='GaussianNoise', std=0.01, p=0.5, keep_absent=False),
    dict(type='GaussianBlur', sigma=(0.1, 2.0), p=0.5, normalized=False),
    dict(type='AxisMask', p=0.5),
]
release_strong = [dict(type='JointMask', ratio=0.1, shared=True, keep_absent=False)]
