"""The synthetic generator: what it promises about bytes, bodies, columns and bones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.cards import load_card
from skelreg.datasets.splits import select
from skelreg.datasets.synthetic import catalogue, generate
from skelreg.datasets.synthetic.actions import Action, arm
from skelreg.datasets.synthetic.attachment import attachment
from skelreg.datasets.synthetic.performance import LONGEST, SHORTEST
from skelreg.datasets.synthetic.repertoire import BASE
from skelreg.datasets.synthetic.rig import JOINT_INDEX, JOINTS, OFFSETS, ROWS, forward_kinematics, mirrored
from skelreg.errors import ConfigError
from skelreg.graphs import SkeletonLayout, get_layout
from skelreg.graphs.layout import _files as layout_files
from skelreg.graphs.layout import read_layout


@pytest.fixture(scope='module')
def archive() -> SkeletonArchive:
    return generate(num_sequences=240)


@pytest.fixture
def odd_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SkeletonLayout:
    """A layout whose joint names say nothing; two parts are named, the tail is not."""
    path = tmp_path / 'odd.yaml'
    path.write_text(
        'joints: [a, b, c, d, e, f, g]\n'
        'edges: [[b, a], [c, b], [d, a], [e, d], [f, a], [g, f]]\n'
        'centre: a\n'
        'parts: {left_arm: [b, c], right_leg: [d, e]}\n'
    )
    monkeypatch.setitem(layout_files, 'odd', path)
    return read_layout(path)


def bone_lengths(archive: SkeletonArchive, i: int) -> np.ndarray:
    children, parents = np.array(archive.layout.edges).T
    bodies = archive.sequence(i)[:, : archive.index['bodies'][i]]
    return np.linalg.norm(bodies[:, :, children] - bodies[:, :, parents], axis=-1)


def test_same_seed_gives_the_same_bytes() -> None:
    first, second = generate(num_sequences=24, seed=3), generate(num_sequences=24, seed=3)
    assert first.frames.tobytes() == second.frames.tobytes()
    assert first.checksum == second.checksum


def test_another_seed_gives_other_sequences() -> None:
    first, second = generate(num_sequences=12, seed=0), generate(num_sequences=12, seed=1)
    assert not set(first.index['digest']) & set(second.index['digest'])


def test_a_sequence_does_not_depend_on_how_many_there_are(archive: SkeletonArchive) -> None:
    fewer = generate(num_sequences=30)
    for name, column in fewer.index.items():
        assert (column == archive.index[name][:30]).all(), name


def test_no_two_sequences_are_equal(archive: SkeletonArchive) -> None:
    assert len(set(archive.index['digest'])) == len(archive)


@pytest.mark.parametrize(('layout', 'max_bodies'), [('ntu_rgbd', 2), ('nucla', 1), ('ntu_rgbd', 3)])
def test_frames_fit_the_layout_and_lengths(layout: str, max_bodies: int) -> None:
    archive = generate(layout, num_sequences=24, max_bodies=max_bodies)
    lengths = archive.index['length']
    assert archive.frames.shape == (lengths.sum(), max_bodies, get_layout(layout).num_joints, 3)
    assert lengths.min() >= SHORTEST and lengths.max() <= LONGEST
    assert np.isfinite(archive.frames).all()


def test_says_that_it_is_synthetic(archive: SkeletonArchive) -> None:
    assert archive.is_synthetic and archive.meta['dataset'] == 'synthetic'


def test_classes_are_balanced(archive: SkeletonArchive) -> None:
    assert (np.bincount(archive.index['label']) == 20).all()


def test_subjects_and_cameras_are_balanced_within_a_class() -> None:
    archive = generate('nucla', num_sequences=60, num_classes=2, max_bodies=1, num_subjects=10)
    triples = np.stack([archive.index[name] for name in ('label', 'subject', 'camera')], axis=1)
    assert len(np.unique(triples, axis=0)) == 60


def test_two_person_actions_have_two_bodies(archive: SkeletonArchive) -> None:
    names = np.array(archive.meta['class_names'])[archive.index['label']]
    in_pairs = np.isin(names, [action.name for action in BASE if action.bodies == 2])
    assert in_pairs.any() and (archive.index['bodies'] == np.where(in_pairs, 2, 1)).all()


def test_absent_bodies_are_zero_and_present_ones_are_not(archive: SkeletonArchive) -> None:
    for i, bodies in enumerate(archive.index['bodies']):
        present = (archive.sequence(i) != 0).any(axis=(0, 2, 3))
        assert present.tolist() == [True, bodies == 2]


@pytest.mark.parametrize(('split', 'column'), [('xsub', 'subject'), ('xview', 'camera')])
def test_splits_part_people_or_cameras(archive: SkeletonArchive, split: str, column: str) -> None:
    card = load_card('ntu60')
    rules = [card.rule(split, subset) for subset in ('train', 'test')]
    train, test = (select(archive.index, rule, where=split) for rule in rules)
    assert not set(archive.index[column][train]) & set(archive.index[column][test])
    assert set(archive.index['label'][train]) == set(archive.index['label'][test]) == set(range(12))


@pytest.mark.parametrize('split', ['464', '464-clean', 'held_out'])
def test_nucla_splits_have_both_subsets(split: str) -> None:
    archive = generate('nucla', num_sequences=120, num_classes=10, max_bodies=1, num_subjects=10)
    card = load_card('nucla')
    for subset in ('train', 'test'):
        assert len(select(archive.index, card.rule(split, subset), where=split)) > 0


@pytest.mark.parametrize('layout', ['ntu_rgbd', 'nucla'])
def test_bones_keep_their_lengths_without_noise(layout: str) -> None:
    archive = generate(layout, num_sequences=28, num_classes=28, noise=0.0)
    for i in range(len(archive)):
        lengths = bone_lengths(archive, i)
        assert (lengths > 0.01).all()
        assert np.ptp(lengths, axis=0).max() < 1e-4


def test_noise_shakes_the_bones(archive: SkeletonArchive) -> None:
    assert np.ptp(bone_lengths(archive, 0), axis=0).min() > 1e-3


def test_a_joint_without_a_telling_name_lies_on_the_limb_of_its_part(odd_layout: SkeletonLayout) -> None:
    weights = attachment(odd_layout)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert weights[1, JOINT_INDEX['left_shoulder']] == 1.0 and weights[2, JOINT_INDEX['left_hand_tip']] == 1.0
    assert weights[4, JOINT_INDEX['right_foot']] == 1.0


def test_a_layout_of_nameless_joints_moves(odd_layout: SkeletonLayout) -> None:
    archive = generate(odd_layout, num_sequences=12)
    assert (archive.sequence(0)[:, 0].std(axis=0).max(axis=-1) > 0).all()


def test_every_joint_of_both_kinects_has_its_own_place() -> None:
    for layout in ('ntu_rgbd', 'nucla'):
        weights = attachment(get_layout(layout))
        assert (weights.max(axis=1) == 1.0).all() and weights.sum(axis=0).max() == 1.0


def test_zero_angles_give_the_rest_pose() -> None:
    pose = forward_kinematics(np.zeros((1, len(JOINTS), 3), dtype=np.float32), OFFSETS)[0]
    np.testing.assert_allclose(pose[JOINT_INDEX['left_wrist']], (0.19, -0.06, -0.01), atol=1e-6)
    np.testing.assert_allclose(pose[JOINT_INDEX['right_ankle']], (-0.10, -0.85, -0.01), atol=1e-6)


@pytest.mark.parametrize(('plane', 'direction'), [(0.0, (0, 0, 1)), (90.0, (-1, 0, 0)), (-90.0, (1, 0, 0))])
def test_a_right_arm_bends_ahead_outwards_and_across(plane: float, direction: tuple[int, ...]) -> None:
    angles = np.zeros((1, len(JOINTS), 3), dtype=np.float32)
    for name, values in arm((90.0, plane, 0.0), 0.0).items():
        angles[0, ROWS[name]] = values
    pose = forward_kinematics(angles, OFFSETS)[0]
    forearm = pose[JOINT_INDEX['right_wrist']] - pose[JOINT_INDEX['right_elbow']]
    np.testing.assert_allclose(forearm, 0.25 * np.array(direction), atol=1e-6)


def test_a_mirrored_pose_is_the_mirror_image() -> None:
    angles = np.random.default_rng(0).normal(0.0, 40.0, (3, len(JOINTS), 3)).astype(np.float32)
    pose, image = forward_kinematics(angles, OFFSETS), forward_kinematics(mirrored(angles), OFFSETS)
    left, right = JOINT_INDEX['left_hand'], JOINT_INDEX['right_hand']
    np.testing.assert_allclose(image[:, left] * (-1, 1, 1), pose[:, right], atol=1e-5)


@pytest.mark.parametrize(('max_bodies', 'num_classes'), [(1, 120), (2, 60), (2, 120)])
def test_catalogue_makes_as_many_different_classes_as_asked(max_bodies: int, num_classes: int) -> None:
    actions = catalogue(num_classes, max_bodies)
    assert len({action.name for action in actions}) == num_classes
    assert len({repr((action.phases, action.posture)) for action in actions}) == num_classes
    assert max(action.bodies for action in actions) == max_bodies


@pytest.mark.parametrize('action', BASE, ids=lambda action: action.name)
def test_poses_name_joints_of_the_rig_and_partners_keep_step(action: Action) -> None:
    for phase in action.phases:
        assert {name for pose in (*phase.poses, *phase.partner) for name in pose} <= set(ROWS)
        assert len(phase.partner) in (0, len(phase.poses))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(num_classes=0), 'num_classes'),
        (dict(num_classes=100_000), 'num_classes'),
        (dict(num_sequences=0), 'sequences'),
        (dict(seed=-1), 'seed'),
        (dict(noise=-1.0), 'noise'),
        (dict(layout='ntu_rgdb'), 'ntu_rgbd'),
    ],
)
def test_refuses_what_it_cannot_make(arguments: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        generate(**arguments)
