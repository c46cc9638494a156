import pytest
import torch

from skelreg.augmentations.masking import FrameMask, JointMask

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
