"""The release's feeders: views of pretraining and fine-tuning, streams, and the draw of labelled samples.

Its draws are replayed from the seeds, in its order, and given to this project's augmentations.
"""

import random

import numpy as np
import torch
from mmengine.config import Config

from skelreg.augmentations import policies
from skelreg.datasets.label_split import LabelBudget, draw_rows
from skelreg.functional.streams import STREAMS, to_stream
from tests.golden.release import BASIC
from tests.runs import ROOT

ITEM = 2  # the sample that the fine-tuning keys are of


class ReleaseDraws:
    """The release's random numbers for one augmentation after the other, as parameters of ours."""

    def __init__(self, seed):
        random.seed(int(seed))
        np.random.seed(int(seed))
        self.names, self.values = [], []

    def _note(self, name, value):
        self.names.append(name)
        self.values.append(value)
        return value

    def uniform(self, low, high):
        return self._note('random.uniform', random.uniform(low, high))

    def random(self):
        return self._note('random.random', random.random())

    def axis(self):
        return self._note('random.randint', random.randint(0, 2))

    def parameters(self, augmentation, x):
        """What `augmentation.apply` takes, for x (1, C, T, V, M)."""
        drawn = getattr(self, type(augmentation).__name__)(augmentation, x[0])
        return {name: torch.as_tensor(value)[None] for name, value in drawn.items()}

    def TemporalCrop(self, crop, x):
        places = 2 * (x.shape[1] // crop.padding_ratio) + 1
        return {'start': self._note('np.randint', np.random.randint(0, places))}

    def Shear(self, shear, x):
        a1, a2, a3, b1, b2, b3 = (self.uniform(-shear.amplitude, shear.amplitude) for _ in range(6))
        return {'factors': torch.tensor([[0, a1, b1], [a2, 0, b2], [a3, b3, 0]]).double()}

    def SpatialFlip(self, flip, x):
        return {'applied': self.random() < flip.p}

    def TimeFlip(self, flip, x):
        return {'applied': self.random() < flip.p}

    def Rotate(self, rotate, x):
        main = self.axis()
        largest = [rotate.main_degrees if axis == main else rotate.minor_degrees for axis in range(3)]
        return {'degrees': torch.tensor([self.uniform(0, degrees) for degrees in largest]).double()}

    def GaussianNoise(self, noise, x):
        if self.random() >= noise.p:
            return {'noise': torch.zeros_like(x)[None], 'place': -1}
        drawn = self._note('np.normal', np.random.normal(0, noise.std, tuple(x.shape)))
        return {'noise': drawn[None], 'place': 0}

    def GaussianBlur(self, blur, x):
        sigma = self.uniform(*blur.sigma)
        applied = self._note('np.random_sample', np.random.random_sample()) < blur.p
        return {'sigma': torch.tensor(sigma).double(), 'applied': applied}

    def AxisMask(self, mask, x):
        return {'axis': self.axis() if self.random() < mask.p else -1}


def render(augmentations, x, draws):
    """One view of one sample, (C, T, V, M), in double precision as the release computes it."""
    x = x[None].double()
    for augmentation in augmentations:
        x = augmentation.apply(x, **draws.parameters(augmentation, x))
    return x[0]


def basic_and_normal(key, stages):
    """The release's four views: basic for the query and for the key, and normal twice."""
    recipe = dict(policies.GrowingPolicy(key=key, stages=stages, layout='ntu_rgbd').recipe())
    return [recipe['stage_0'], recipe['key'], recipe['stage_1'], recipe['stage_1']]


def compare_views(report, case, views, draws):
    x = report.tensor(f'{case}/in')
    for number, augmentations in enumerate(views, start=1):
        report.compare(f'{case}/view{number}', render(augmentations, x, draws))


def draw_as_released(labels, budget, seed):
    """The samples that the release labels: classes as they appear, each by Python's own generator."""
    random.seed(int(seed))
    chosen = []
    for label in dict.fromkeys(labels.tolist()):
        members = np.flatnonzero(labels == label).tolist()
        chosen += random.sample(members, budget.count(len(members)))
    return sorted(chosen)


def compare_pretraining(report):
    policy = Config.fromfile(ROOT / 'configs/hiclr/stgcn_ntu60_release.py').model.data_preprocessor.policy
    released = basic_and_normal(policy.key, policy.stages)
    some = basic_and_normal(BASIC, [BASIC, [{'type': 'Rotate', 'one_sided': True}, {'type': 'TimeFlip'}]])
    for case in sorted({key.split('/view')[0] for key in report.keys if '/view' in key}):
        draws = ReleaseDraws(report.read(f'{case}/seed'))
        compare_views(report, case, some if case == 'triple_method26' else released, draws)
        if f'{case}/draw_names' not in report:
            continue
        assert set(report.read(f'{case}/dtypes')) == {'float64'}
        assert draws.names == report.read(f'{case}/draw_names').tolist()
        for index, value in enumerate(draws.values):
            if f'{case}/draw{index}' in report:  # arrays of noise are not in the file
                report.compare(f'{case}/draw{index}', value, atol=0)


def compare_evaluation(report):
    single, basic = report.tensor('single/in'), policies.SingleViewPolicy(BASIC).recipe()[0][1]
    report.compare('single/out', render(basic, single, ReleaseDraws(report.read('single/seed'))))
    report.compare('single_noaug/out', render([], single, None), atol=0)


def compare_fine_tuning(report):
    streams = {stream: to_stream(report.tensor('all_in'), stream, 'ntu_rgbd')[ITEM] for stream in STREAMS}
    for stream, ours in streams.items():
        report.compare(f'finetune/{stream}/item2', ours)
    # Recorded with bones: this feeder makes the stream first and augments what comes out.
    draws = ReleaseDraws(report.read('finetune_aug/seed'))
    basic = policies.SingleViewPolicy(BASIC).recipe()[0][1]
    report.compare('finetune_aug/item2', render(basic, streams['bone'], draws))


def compare_labelled(report):
    labels = report.read('labels')
    names = [f's{i:03d}' for i in range(len(labels))]
    budget_of = {}
    for share in sorted({key.split('/')[1] for key in report.keys if key.startswith('semi/')}):
        budget = LabelBudget('per_class_ratio', float(share))
        chosen = draw_as_released(labels, budget, report.read(f'semi/{share}/seed'))
        assert [names[i] for i in chosen] == report.read(f'semi/{share}/names').tolist()
        report.compare(f'semi/{share}/labels', labels[chosen], atol=0)
        budget_of[len(chosen)] = budget
        if all(budget.count(n) for n in np.bincount(labels)):  # ours refuses to lose a class
            ours = draw_rows(names, labels, budget)
            assert np.array_equal(np.bincount(labels[ours]), np.bincount(labels[chosen]))
    again = report.read('semieval/names').tolist()
    chosen = draw_as_released(labels, budget_of[len(again)], report.read('semieval/seed'))
    assert [names[i] for i in chosen] == again
    # An epoch is as long as with all labels: the labelled samples come round again and again.
    length = int(report.read('semieval/len'))
    assert length == len(labels)
    report.compare('semieval/item_last_label', labels[chosen][(length - 1) % len(chosen)], atol=0)


def test_feeders_equal_the_release(golden):
    with golden('feeders') as report:
        report.leave_out('triple/*/label', 'labels are handed through')
        report.leave_out('finetune_norm/*', 'standardised joints, off in all configs of the release')
        compare_pretraining(report)
        compare_evaluation(report)
        compare_fine_tuning(report)
        compare_labelled(report)
