import pytest
import torch

from skelreg.augmentations.masking import BlockMask, FrameMask, JointMask, PartMask
from skelreg.graphs import get_layout

X = torch.randn(6, 3, 10, 25, 2)


@pytest.mark.parametrize(('ratio', 'hidden'), [(0.1, 2), (0.2, 5), (0.5, 12)])
def test_each_frame_hides_the_share_rounded_down(ratio, hidden):
    mask = JointMask(ratio=ratio).sample(X)['mask']
    assert (mask.sum(dim=2) == hidden).all()


def test_frames_hide_different_joints_unless_told_otherwise():
    moving, still = JointMask().sample(X)['mask'], JointMask(per_frame=False).sample(X)['mask']
    assert (moving != moving[:, :1]).any()
    assert torch.equal(still, still[:, :1].expand_as(still))


def test_frame_mask_hides_whole_frames():
    mask = FrameMask(ratio=0.35).sample(X)['mask']
    assert (mask.any(dim=2) == mask.all(dim=2)).all()
    assert (mask.all(dim=2).sum(dim=1) == 3).all()


def test_sequences_have_masks_of_their_own():
    mask = JointMask().sample(X)['mask']
    assert not any(torch.equal(mask[0], other) for other in mask[1:])


def test_shared_mask_is_the_same_for_the_whole_batch():
    mask = JointMask(shared=True).sample(X)['mask']
    assert torch.equal(mask, mask[:1].expand_as(mask))


def test_release_mask_fills_absent_bodies():
    mask = JointMask(ratio=0.5, keep_absent=False)
    torch.nn.init.constant_(mask.fill, 1.0)
    assert (mask(torch.zeros_like(X)) == 1).sum() == 6 * 3 * 10 * 12 * 2


def test_fill_starts_at_zero_and_learns():
    augmentation = JointMask(keep_absent=False)
    assert augmentation.fill.item() == 0
    augmentation(X).sum().backward()
    assert augmentation.fill.grad.item() == 6 * 3 * 10 * 2 * 2


def test_share_of_less_than_one_joint_is_refused():
    with pytest.raises(ValueError, match='nothing is hidden'):
        JointMask(ratio=0.01)(X)


@pytest.mark.parametrize(('ratio', 'parts'), [(0.2, 1), (0.4, 2), (0.6, 3)])
def test_part_mask_hides_whole_parts_all_along(ratio, parts):
    layout = get_layout('nucla')
    mask = PartMask(ratio=ratio, layout=layout).sample(X[:, :, :, :20])['mask']
    assert torch.equal(mask, mask[:, :1].expand_as(mask))
    for row in mask[:, 0]:
        assert sum(bool(row[list(joints)].all()) for joints in layout.parts.values()) == parts
    assert (mask[:, 0].sum(dim=1) == 4 * parts).all()


def test_block_mask_hides_one_run_of_frames_of_one_part_or_the_whole_body():
    layout = get_layout('nucla')
    x = torch.zeros(200, 3, 40, 20, 1)
    mask = BlockMask(frames=(0.3, 0.6), whole_body=0.5, layout=layout).sample(x)['mask']
    wholes = 0
    for row in mask:
        frames = row.any(dim=1).nonzero()[:, 0].tolist()
        joints = row.any(dim=0).nonzero()[:, 0].tolist()
        assert frames == list(range(frames[0], frames[-1] + 1)) and 12 <= len(frames) <= 24
        assert row.sum() == len(frames) * len(joints)
        assert len(joints) == 20 or tuple(joints) in layout.parts.values()
        wholes += len(joints) == 20
    assert 60 < wholes < 140


def test_blocks_reach_both_ends():
    mask = BlockMask(frames=(0.5, 0.5), whole_body=1.0).sample(torch.zeros(300, 3, 4, 25, 1))['mask']
    starts = mask[:, :, 0].float().argmax(dim=1)
    assert set(starts.tolist()) == {0, 1, 2}


@pytest.mark.parametrize('options', [dict(frames=(0, 0.5)), dict(frames=(0.5, 0.3)), dict(whole_body=2)])
def test_bad_blocks_are_refused(options):
    with pytest.raises(ValueError, match='must be a'):
        BlockMask(**options)
