"""Learning rates and score fusion against the authors' code."""

import re

from skelreg.functional.accuracy import topk_hits
from skelreg.functional.fusion import fuse_scores
from tests.reference.schedules import step_rate, warmup_step_rate

# 'finetune_dsta_0.1_step35_55_warm5_e1to80': stage, base rate, step epochs, warm-up, first and last epoch.
SCHEDULE = re.compile(r'(\w+?)_([\d.]+)_step([\d_]+?)(?:_warm(\d+))?_e(\d+)to(\d+)')
WEIGHTS = {'avg': (0.5, 0.5, 0.5), 'weighted': (0.6, 0.6, 0.4)}


def rates(key):
    _, base, steps, warmup, first, last = SCHEDULE.fullmatch(key).groups()
    steps = [int(step) for step in steps.split('_')]
    epochs = range(int(first), int(last) + 1)
    if warmup is None:
        return [step_rate(epoch, float(base), steps) for epoch in epochs]
    return [warmup_step_rate(epoch, float(base), steps, int(warmup)) for epoch in epochs]


def test_schedules_and_fusion_equal_the_release(golden):
    with golden('schedules_ensemble') as report:
        for key in report.keys:
            if not key.startswith('ensemble/'):
                report.compare(key, rates(key))
        scores, labels = report.tensor('ensemble/scores_joint_bone_motion'), report.tensor('ensemble/labels')
        for name, weights in WEIGHTS.items():
            fused = fuse_scores(scores, weights)
            report.compare(f'ensemble/{name}/fused', fused)
            for k in (1, 5):
                share = topk_hits(fused, labels, k).double().mean()
                report.compare(f'ensemble/{name}/top{k}', share)
