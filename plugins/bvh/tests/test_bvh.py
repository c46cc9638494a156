"""BVH against a skeleton computed by hand, and against matrices multiplied number by number."""

from __future__ import annotations

import math
import runpy
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.cards import load_card
from skelreg.datasets.prepare import prepare
from skelreg.errors import DataError
from skelreg.graphs import read_layout
from skelreg.testing import check_reader
from skelreg_bvh import EXAMPLE
from skelreg_bvh.__main__ import main
from skelreg_bvh.kinematics import positions
from skelreg_bvh.layout import layout_of
from skelreg_bvh.parser import parse
from skelreg_bvh.reader import BVHReader

CARD = load_card(EXAMPLE / 'waving.card.yaml')
ARM = """HIERARCHY
ROOT Hip
{
  OFFSET 1 0 0
  CHANNELS 6 Xposition Yposition Zposition %s
  JOINT Elbow
  {
    OFFSET 0 2 0
    CHANNELS 3 %s
    End Site
    {
      OFFSET 0 0 3
    }
  }
}
MOTION
Frames: %d
Frame Time: 0.01
%s
"""


def arm(*frames: str, root: str = 'Zrotation Xrotation Yrotation', elbow: str | None = None) -> str:
    return ARM % (root, elbow or root, len(frames), '\n'.join(frames))


def at(text: str, **options: Any) -> np.ndarray:
    return positions(parse(text, 'arm.bvh'), **options)


def test_rest_pose_is_the_sum_of_the_offsets() -> None:
    assert at(arm('0 0 0 0 0 0 0 0 0'))[0].tolist() == [[1, 0, 0], [1, 2, 0], [1, 2, 3]]


def test_quarter_turns_by_hand() -> None:
    """The root moves by (10, 0, 0) and turns 90 degrees about z: up becomes left, and z stays."""
    np.testing.assert_allclose(
        at(arm('10 0 0 90 0 0 0 0 0'))[0], [[11, 0, 0], [9, 0, 0], [9, 0, 3]], atol=1e-12
    )
    # The elbow alone turns 90 degrees about x: the forearm's z becomes -y.
    np.testing.assert_allclose(
        at(arm('0 0 0 0 0 0 0 90 0'))[0], [[1, 0, 0], [1, 2, 0], [1, -1, 0]], atol=1e-12
    )
    # First x in the elbow's own frame, then z of the root about everything: (0, -3, 0) becomes (3, 0, 0).
    np.testing.assert_allclose(
        at(arm('0 0 0 90 0 0 0 90 0'))[0], [[1, 0, 0], [-1, 0, 0], [2, 0, 0]], atol=1e-12
    )


def slow(text: str, frame: int) -> list[list[float]]:
    """Positions from products of 4 x 4 matrices, each written out."""
    recording = parse(text, 'slow.bvh')
    values, worlds = recording.values[frame].tolist(), []
    for joint in recording.joints:
        x, y, z = joint.offset
        local = [[1, 0, 0, x], [0, 1, 0, y], [0, 0, 1, z], [0, 0, 0, 1]]
        moves = [(channel, values.pop(0)) for channel in joint.channels]
        for channel, value in moves:
            c, s = math.cos(math.radians(value)), math.sin(math.radians(value))
            step = {
                'Xposition': [[1, 0, 0, value], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
                'Yposition': [[1, 0, 0, 0], [0, 1, 0, value], [0, 0, 1, 0], [0, 0, 0, 1]],
                'Zposition': [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, value], [0, 0, 0, 1]],
                'Xrotation': [[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]],
                'Yrotation': [[c, 0, s, 0], [0, 1, 0, 0], [-s, 0, c, 0], [0, 0, 0, 1]],
                'Zrotation': [[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
            }[channel]
            local = product(local, step)
        worlds.append(local if joint.parent < 0 else product(worlds[joint.parent], local))
    return [[world[row][3] for row in range(3)] for world in worlds]


def product(a: list[list[float]], b: list[list[float]]) -> list[list[float]]:
    return [[sum(a[i][k] * b[k][j] for k in range(4)) for j in range(4)] for i in range(4)]


@pytest.mark.parametrize('order', list(permutations(('Xrotation', 'Yrotation', 'Zrotation'))))
def test_every_order_of_channels_is_applied_as_it_stands(order: tuple[str, ...]) -> None:
    rows = [' '.join(map(str, row)) for row in np.random.default_rng(0).uniform(-180, 180, (3, 9)).round(3)]
    text = arm(*rows, root=' '.join(order), elbow=' '.join(reversed(order)))
    for frame in range(3):
        np.testing.assert_allclose(at(text)[frame], slow(text, frame), atol=1e-9)


def test_absolute_positions_stand_in_the_place_of_the_offset() -> None:
    assert at(arm('5 6 7 0 0 0 0 0 0'), placement='absolute')[0, 0].tolist() == [5, 6, 7]
    assert at(arm('5 6 7 0 0 0 0 0 0'), placement='added')[0, 0].tolist() == [6, 6, 7]


GOOD = arm('0 0 0 0 0 0 0 0 0', '1 0 0 0 0 0 0 0 0')
MALFORMED = [
    (GOOD.replace('HIERARCHY', 'HIERARCHIE'), 'another word than it should.*line 1'),
    (GOOD.replace('OFFSET 0 2 0', 'OFFSET 0 two 0'), 'no number.*line 8'),
    (GOOD.replace('OFFSET 0 2 0', 'OFFSET 0 nan 0'), 'not finite.*line 8'),
    (GOOD.replace('CHANNELS 3', 'CHANNELS 4'), 'another word than it should'),
    (GOOD.replace('CHANNELS 3', 'CHANNELS 2'), 'another word than it should.*line 9'),
    (GOOD.replace('CHANNELS 3', 'CHANNELS 99'), 'no count.*line 9'),
    (GOOD.replace('CHANNELS 3 Zrotation', 'CHANNELS 3 Yrotation'), 'channel twice.*line 9'),
    (GOOD.replace('JOINT Elbow', 'JOINT Hip'), 'joints have one name'),
    (GOOD.replace('Frames: 2', 'Frames: 3'), 'another number of frames'),
    (GOOD.replace('Frame Time: 0.01', 'Frame Time: 0'), 'no duration.*line 18'),
    (GOOD.replace('1 0 0 0 0 0 0 0 0', '1 0 0 0 0 0 0 0'), 'one value for each channel.*line 20'),
    (GOOD.replace('1 0 0 0 0 0 0 0 0', '1 0 0 0 x 0 0 0 0'), 'something else than numbers.*line 20'),
    (GOOD.replace('1 0 0 0 0 0 0 0 0', '1 0 0 0 inf 0 0 0 0'), 'not finite.*line 20'),
    (GOOD[: GOOD.index('MOTION')], 'ends too early'),
    ('', 'ends too early'),
]


@pytest.mark.parametrize(('text', 'reason'), MALFORMED)
def test_malformed_file_is_named_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(DataError, match=f'(?s){reason}') as caught:
        parse(text, 'arm.bvh')
    assert 'arm.bvh' in str(caught.value)


def test_file_cut_anywhere_is_refused_or_malformed_but_never_a_crash() -> None:
    for end in range(len(GOOD.rstrip()) - 1):
        with pytest.raises(DataError):
            parse(GOOD[:end], 'arm.bvh')


def test_joints_nested_very_deep_are_no_recursion() -> None:
    depth = 3000
    text = 'HIERARCHY ROOT j { OFFSET 0 0 0 ' + ''.join(f'JOINT j{i} {{ OFFSET 0 1 0 ' for i in range(depth))
    recording = parse(text + '} ' * (depth + 1) + '\nMOTION\nFrames: 0\nFrame Time: 1\n', 'deep.bvh')
    assert len(recording.joints) == depth + 1


def test_it_keeps_the_contract_of_readers() -> None:
    check_reader(dict(type='BVHReader', scale=0.01), EXAMPLE, CARD)


def test_example_becomes_an_archive(tmp_path: Path) -> None:
    archive = prepare(CARD, EXAMPLE, tmp_path / 'waving').archive
    assert archive.index['name'].tolist() == ['still_2_1', 'wave_1_1']
    assert archive.index['label'].tolist() == [1, 0] and archive.index['subject'].tolist() == [2, 1]
    assert archive.layout.name == 'waving' and archive.channels == ('x', 'y', 'z')
    np.testing.assert_allclose(archive.sequence(1)[0, 0, 0], [0, 0.9, 0], atol=1e-6)  # 90 cm above the floor


def read(tmp_path: Path, name: str = 'wave_1_1', text: str | None = None, **options: Any) -> Any:
    (tmp_path / f'{name}.bvh').write_text(text or (EXAMPLE / 'wave_1_1.bvh').read_text())
    reader = BVHReader(CARD, **options)
    return reader.read(reader.sources(tmp_path)[0])[0]


def test_frame_rate_takes_the_nearest_frames(tmp_path: Path) -> None:
    whole, half = read(tmp_path), read(tmp_path, frame_rate=15.0)
    assert np.array_equal(half.frames, whole.frames[[0, 2, 4]])
    with pytest.raises(DataError, match='fewer frames a second'):
        read(tmp_path, frame_rate=60.0)


def test_name_gives_label_and_columns(tmp_path: Path) -> None:
    sequence = read(tmp_path, 'p07-c2-1', pattern=r'p(?P<subject>\d+)-c(?P<camera>\d+)-(?P<label>\d)')
    assert sequence.label == 1 and dict(sequence.columns) == dict(subject=7, camera=2, setup=-1)


@pytest.mark.parametrize(
    ('name', 'reason'), [('wave', 'does not say what the file is'), ('jump_1_1', 'neither a class')]
)
def test_name_that_says_nothing_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read(tmp_path, name)


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (('Spine', 'Chest'), 'lacking: Spine.*too many: Chest'),
        (('JOINT RightArm', 'JOINT LeftLeg'), 'lacking: RightArm'),
    ],
)
def test_file_of_another_skeleton_is_refused(tmp_path: Path, change: tuple[str, str], reason: str) -> None:
    with pytest.raises(DataError, match=f'(?s){reason}'):
        read(tmp_path, text=(EXAMPLE / 'wave_1_1.bvh').read_text().replace(*change))


def test_joint_that_hangs_elsewhere_is_refused(tmp_path: Path) -> None:
    text = (EXAMPLE / 'wave_1_1.bvh').read_text()
    swapped = text.replace('JOINT Spine', 'JOINT Hips').replace('ROOT Hips', 'ROOT Spine')
    with pytest.raises(DataError, match=r'(?s)joint Spine hangs elsewhere.*got: nothing, it is the root'):
        read(tmp_path, text=swapped)


@pytest.mark.parametrize(
    'wrong',
    [dict(pattern='('), dict(pattern='.*'), dict(scale=0), dict(frame_rate=-1), dict(placement='both')],
)
def test_impossible_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r'pattern|scale|placement'):
        BVHReader(CARD, **wrong)


def test_command_writes_a_layout_and_a_card_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(EXAMPLE / 'wave_1_1.bvh'), '--name', 'mine', '--out', str(tmp_path)]
    monkeypatch.setattr('sys.argv', ['skelreg_bvh', *arguments])
    main()
    layout = read_layout(tmp_path / 'mine.yaml')
    assert layout.joints == ('Hips', 'Spine', 'LeftArm', 'RightArm')
    assert layout.parents == (0, 0, 1, 1) and layout.mirror == ((2, 3),)
    assert dict(layout.parts) == {'trunk': (0, 1), 'LeftArm': (2,), 'RightArm': (3,)}
    assert load_card(tmp_path / 'mine.card.yaml').layout_name == 'mine'
    with pytest.raises(DataError, match='file exists'):
        main()


def test_the_commands_of_the_page_make_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, out = tmp_path / 'raw', tmp_path / 'archive'
    raw.mkdir()
    for path in EXAMPLE.glob('*.bvh'):
        (raw / path.name).write_bytes(path.read_bytes())
    arguments = [str(raw / 'wave_1_1.bvh'), '--name', 'mocap', '--out', str(tmp_path), '--end-sites']
    monkeypatch.setattr('sys.argv', ['skelreg_bvh', *arguments])
    main()
    options = ['--reader-option', 'scale=0.01', '--reader-option', 'frame_rate=15']
    words = [str(tmp_path / 'mocap.card.yaml'), '--source', str(raw), '--out', str(out), *options]
    monkeypatch.setattr('sys.argv', ['prepare_data', *words])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(Path(__file__).parents[3] / 'tools/prepare_data.py'), run_name='__main__')
    assert end.value.code == 0
    frames = np.load(out / 'frames.npy')  # of still_2_1, then of wave_1_1, whose 90 cm are 0.9 m
    np.testing.assert_allclose(frames[-3:, 0, 0], [[0, 0.9, 0]] * 3, atol=1e-6)
    assert load_card(tmp_path / 'mocap.card.yaml').class_names == ('still', 'wave')


def test_layout_of_the_example_is_the_one_that_is_shipped() -> None:
    joints = parse((EXAMPLE / 'wave_1_1.bvh').read_text(), 'wave_1_1.bvh').joints
    shipped = read_layout(EXAMPLE / 'waving.yaml')
    made = layout_of(joints, end_sites=True)
    assert made['joints'] == list(shipped.joints) and len(made['edges']) == len(shipped.edges)
