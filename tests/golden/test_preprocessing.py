"""The release's way from recordings to 50 frames, by the transforms of its leaf."""

import numpy as np
import torch
from mmengine.config import Config

from skelreg.datasets.resample import resample
from skelreg.functional.streams import motion
from skelreg.registry import TRANSFORMS
from tests.runs import ROOT

PADDED = 300


def test_preprocessing_equals_the_release(golden):
    leaf = Config.fromfile(ROOT / 'configs/hiclr/stgcn_ntu60_release.py')
    transforms = [
        TRANSFORMS.build(dict(cfg), layout='ntu_rgbd', channels=('x', 'y', 'z'))
        for cfg in leaf.train_dataloader.dataset.transforms
    ]
    with golden('preprocess_ntu') as report:
        report.leave_out('label50/*', 'the labels that went in are not in the file')
        for i, length in enumerate(report.read('lens')):
            raw = report.read(f'raw/{i}')  # (3, L, 25, 2)
            assert raw.shape[1] == length
            frames = np.zeros((PADDED, raw.shape[3], raw.shape[2], raw.shape[0]), np.float32)
            frames[:length] = raw.transpose(1, 3, 2, 0)
            position = frames
            for transform in transforms:
                position = transform(position)
            report.compare(f'pos50/{i}', position.transpose(3, 0, 2, 1), atol=1e-6)
            # The release stores motion too, which HiCLR never reads: of padded frames, without turning.
            steps = motion(torch.from_numpy(frames.transpose(3, 0, 2, 1))[None])[0].numpy()[:, :length]
            kept = resample(steps.transpose(1, 3, 2, 0), len(position))
            report.compare(f'mot50/{i}', kept.transpose(3, 0, 2, 1), atol=1e-6)
