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
# The other strong augmentations of the paper: on the edges of the backbone's graph, and by style.
edges = [dict(type='DropEdges', max_ratio=0.1), dict(type='AddEdges', max_ratio=0.05)]
style = [dict(type='SkeleAdaIN')]
# Compositions of them: two stages in one, and the three strong ones together.
basic_and_normal = [*basic, *normal]
normal_and_strong = [*normal, *strong]
all_strong = [*strong, *edges, *style]
# A fourth stage of the authors' research code.
stronger = [dict(type='SkeleAdaIN', mode='V'), *edges]
