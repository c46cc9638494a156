"""The authors' state dicts, to our names and back: the same names, the same bits."""

import numpy as np
import pytest
import torch

from skelreg.learner.foreign import from_hiclr_dsta, from_hiclr_stgcn, to_hiclr_dsta, to_hiclr_stgcn

#: What the release computes from its number of frames, and buffers that are always zero.
TABLES = ('pes.pe', 'pet.pe', 'atts', 'attt')


def authors_state(folder, name):
    with np.load(folder / f'{name}.npz', allow_pickle=False) as file:
        keys = [key for key in file.files if key.startswith('state/')]
        return {key.removeprefix('state/'): torch.as_tensor(file[key]) for key in keys}


def with_prefix(state):
    """A bare encoder comes back as the query encoder."""
    if any(name.startswith('encoder_q.') for name in state):
        return state
    return {f'encoder_q.{name}': value for name, value in state.items()}


def compare(found, expected):
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value), name


@pytest.mark.parametrize('name', ['pretext_stgcn', 'stgcn_eval_0', 'skeletonclr'])
def test_stgcn_comes_back_bit_for_bit(golden_folder, name):
    state = authors_state(golden_folder, name)
    compare(to_hiclr_stgcn(from_hiclr_stgcn(state), 'ntu_rgbd', 'release_spatial'), with_prefix(state))


@pytest.mark.parametrize('name', ['pretext_dsta', 'dsta_eval_0', 'dsta_temporal_att_eval'])
def test_transformer_comes_back_bit_for_bit(golden_folder, name):
    state = authors_state(golden_folder, name)
    expected = {key: value for key, value in with_prefix(state).items() if not key.endswith(TABLES)}
    compare(to_hiclr_dsta(from_hiclr_dsta(state)), expected)
