"""Masks, streams and styles against the authors' code."""

import torch

from skelreg.augmentations.masking import JointMask
from skelreg.augmentations.style import SkeleAdaIN
from skelreg.functional.augment import selection_mask
from skelreg.functional.streams import to_stream


def hidden_joints(report, case):
    """(T, V), joints drawn for every frame."""
    num_frames, num_joints = int(report.read(f'{case}/frame')), report.read(f'{case}/mask').shape[3]
    draws = torch.stack([report.tensor(f'{case}/draw{frame}') for frame in range(num_frames)])
    return selection_mask(draws, num_joints)


def hidden_joints_all_along(report, case):
    """(T, V), one draw for all frames."""
    num_frames, num_joints = int(report.read(f'{case}/frame')), report.read(f'{case}/mask').shape[3]
    return selection_mask(report.tensor(f'{case}/draw0'), num_joints).expand(num_frames, num_joints)


def hidden_frames(report, case):
    """(T, V); the draw gives each frame its rank, and the highest ranks are hidden."""
    num_frames, num_joints = int(report.read(f'{case}/frame')), report.read(f'{case}/mask').shape[3]
    ranks = report.tensor(f'{case}/draw0')
    count = int(num_frames * float(case.rpartition('/')[2]))
    frames = selection_mask(ranks.argsort(descending=True)[:count], num_frames)
    return frames[:, None].expand(num_frames, num_joints)


HIDDEN = {'jointmask': hidden_joints, 'jointmask2': hidden_joints_all_along, 'temporalmask': hidden_frames}


def kept(hidden, shape, beyond):
    """What our component leaves of a batch of ones, in the release's axes; ``beyond`` fills later frames."""
    n, num_frames, m, v, c = shape
    component = JointMask(shared=True, keep_absent=False)
    ours = component.apply(torch.ones(n, c, len(hidden), v, m), mask=hidden[None])
    rest = torch.full((n, c, num_frames - len(hidden), v, m), beyond)
    return torch.cat([ours, rest], dim=2).permute(0, 2, 4, 3, 1)  # (N, T, M, V, C)


def test_masks_and_streams_equal_the_release(golden):
    with golden('masks_streams_adain') as report:
        report.leave_out('*/seed', 'the recorded draws are fed instead')
        for key in [key for key in report.keys if key.endswith('/mask')]:
            case = key.removesuffix('/mask')
            name = case.partition('/')[0]
            # The release's buffers are longer than the masked frames: joint masks keep the rest, frame
            # masks hide it.
            beyond = 0.0 if name == 'temporalmask' else 1.0
            report.compare(key, kept(HIDDEN[name](report, case), report.read(key).shape, beyond), atol=0)
        x = report.tensor('stream/joint')
        for stream in ('joint', 'motion', 'bone'):
            report.compare(f'stream/{stream}', to_stream(x, stream, 'ntu_rgbd'))
        for key in [key for key in report.stems('adain/') if key.endswith('/in')]:
            check_style(report, f'adain/{key.removesuffix("/in")}')


def check_style(report, case):
    x, shift = report.tensor(f'{case}/in'), int(report.read(f'{case}/shift'))
    style = (torch.arange(len(x)) + shift) % len(x)
    for mode in ('TV', 'V'):
        ours = SkeleAdaIN(mode, keep_absent=False).apply(x, style=style)
        report.compare(f'{case}/{mode}', ours, rtol=1e-5, atol=1e-5)
