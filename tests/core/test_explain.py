from __future__ import annotations

from skelreg.explain import explain
from skelreg.runner import load_config
from tests.runs import ROOT, SKELETONCLR


def test_noise_has_the_frames_that_the_model_sees() -> None:
    page = explain(load_config(ROOT / 'configs/assl/gru_ntu60.py'))
    assert 'one sequence (3, 40, 25, 2) costs' in page


def test_config_that_draws_for_all_ranks_together_can_be_explained() -> None:
    options = {'model.data_preprocessor.global_draws': True}
    assert 'loss = 1 * contrast/info_nce' in explain(load_config(ROOT / SKELETONCLR, options))
