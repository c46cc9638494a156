import pickle

import pytest
import yaml

from skelreg.errors import ConfigError
from skelreg.graphs import add_layout_file, get_layout, layout, layout_names, read_layout

STICK = {
    'joints': ['hip', 'head', 'left', 'right'],
    'edges': [['head', 'hip'], ['left', 'hip'], ['right', 'hip']],
    'centre': 'hip',
    'mirror': [['left', 'right']],
    'parts': {'arms': ['left', 'right']},
}


def write(folder, name='stick', **changes):
    content = {key: value for key, value in {**STICK, **changes}.items() if value is not None}
    path = folder / f'{name}.yaml'
    path.write_text(yaml.safe_dump(content), encoding='utf-8')
    return path


@pytest.fixture
def known_layouts(monkeypatch):
    monkeypatch.setattr(layout, '_files', dict(layout._files))


def test_the_layouts_of_the_field_are_known():
    assert {'ntu_rgbd', 'nucla', 'coco'} <= set(layout_names())


@pytest.mark.parametrize(
    ('name', 'joints', 'root', 'centre'),
    [
        ('ntu_rgbd', 25, 'spine_shoulder', 'spine_shoulder'),
        ('nucla', 20, 'neck', 'spine'),
        ('coco', 17, 'nose', 'nose'),
    ],
)
def test_layout_has_its_joints_root_and_centre(name, joints, root, centre):
    ours = get_layout(name)
    roots = [ours.joints[j] for j, parent in enumerate(ours.parents) if parent == j]
    assert (ours.num_joints, roots, ours.joints[ours.centre]) == (joints, [root], centre)


@pytest.mark.parametrize('name', ['ntu_rgbd', 'nucla', 'coco'])
def test_flip_index_undoes_itself_and_exchanges_sides(name):
    ours = get_layout(name)
    assert [ours.flip_index[j] for j in ours.flip_index] == list(range(ours.num_joints))
    for joint, image in enumerate(ours.flip_index):
        assert ours.joints[image] == ours.joints[joint].replace('left', '?').replace('right', 'left').replace(
            '?', 'right'
        )


@pytest.mark.parametrize('name', ['ntu_rgbd', 'nucla', 'coco'])
def test_parts_cover_each_joint_once(name):
    ours = get_layout(name)
    members = sorted(joint for part in ours.parts.values() for joint in part)
    assert members == list(range(ours.num_joints))


def test_layout_is_passed_through_hashable_and_survives_pickling():
    ours = get_layout('nucla')
    assert get_layout(ours) is ours
    assert pickle.loads(pickle.dumps(ours)) == ours
    assert hash(ours) == hash(get_layout('nucla'))


def test_unknown_layout_names_the_closest():
    with pytest.raises(ConfigError, match='Closest: ntu_rgbd'):
        get_layout('ntu_rgb')


def test_added_file_is_found_by_its_stem(tmp_path, known_layouts):
    path = write(tmp_path)
    add_layout_file(path)
    add_layout_file(path)
    assert get_layout('stick').edges == ((1, 0), (2, 0), (3, 0))


def test_a_path_is_a_layout_and_is_known_by_its_stem_from_then_on(tmp_path, known_layouts):
    ours = get_layout(str(write(tmp_path)))
    assert ours.joints == ('hip', 'head', 'left', 'right') and get_layout('stick') == ours


def test_a_path_to_nothing_is_named(tmp_path, known_layouts):
    with pytest.raises(ConfigError, match=r'cannot be read \(.*absent.yaml'):
        get_layout(str(tmp_path / 'absent.yaml'))


def test_added_file_cannot_take_a_name(tmp_path, known_layouts):
    with pytest.raises(ConfigError, match='belongs to skelreg itself'):
        add_layout_file(write(tmp_path, name='nucla'))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'centre': None}, 'lacks centre'),
        ({'colour': 'red'}, "no key 'colour'"),
        ({'joints': 'hip'}, 'no list of names'),
        ({'joints': ['hip', 'head', 'left', 'left']}, 'stand twice'),
        ({'centre': 'hips'}, r'Closest: hip'),
        ({'edges': [['head', 'hip', 'left']]}, r'accepted: a list of \[child, parent\]'),
        ({'edges': [['head', 'hip'], ['left', 'hip']]}, 'joints without a parent: hip, right'),
        ({'edges': [['head', 'hip'], ['head', 'left'], ['right', 'hip']]}, 'two parents'),
        ({'edges': [['head', 'left'], ['left', 'head'], ['right', 'hip']]}, 'circle'),
        ({'mirror': [['left', 'right'], ['head', 'left']]}, 'two mirror images'),
        ({'parts': {'arms': 'left'}}, 'map to no lists'),
    ],
)
def test_bad_layout_file_says_what_and_where(tmp_path, changes, message):
    path = write(tmp_path, **changes)
    with pytest.raises(ConfigError, match=message) as caught:
        read_layout(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize('text', ['joints: [', '- a list', ''])
def test_file_that_is_no_mapping_is_refused(tmp_path, text):
    path = tmp_path / 'broken.yaml'
    path.write_text(text, encoding='utf-8')
    with pytest.raises(ConfigError, match='layout file'):
        read_layout(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match='cannot be read'):
        read_layout(tmp_path / 'absent.yaml')
