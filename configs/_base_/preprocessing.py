# What the authors of HiCLR do to raw frames, all of it before and after resampling to 50, as they order it.
release_preprocessing = [
    dict(type='CountedFrames', max_frames=300),
    dict(type='CenterEachFrame'),
    dict(type='ResampleFrames', num_frames=50),
    dict(type='AlignShoulders'),
]
