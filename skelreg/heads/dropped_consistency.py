"""AimCLR's objective: the weakest view teaches the stronger ones, and one with its best features dropped."""

from __future__ import annotations

from ..errors import ConfigError
from ..functional.contrast import multi_positive_nce, share_right, soft_cross_entropy
from ..functional.feature_drop import LEAST_ATTENTION, drop_salient, pool_map
from ..registry import HEADS
from ..structures import Step, Terms
from .mining import MiningHead


@HEADS.register_module()
class DroppedConsistencyHead(MiningHead):
    """InfoNCE of the weakest view; its distribution over key and queue teaches those of the stronger views.

    The strongest view is a student twice: as it is, and pooled from its feature map after the features that
    stand out most are dropped. Every student weighs 1 / number of students. The teacher is detached. With
    nearest-neighbour mining, the positives of the InfoNCE term are the own key and the topk nearest queue
    entries of the teacher and of every student.

    Reference: AimCLR, AAAI 2022, as in the authors' release, which has one stronger view.

    Args:
        temperature: Divides the cosines, for teacher and students alike.
        drop_threshold: Features that stand out at least so far are dropped, see
            `skelreg.functional.feature_drop.drop_salient`.
        mining_start_epoch: Neighbours are mined in epochs after so many are finished; None never mines.
        topk: How many neighbours the teacher and each student contribute.
    """

    needs = frozenset({'features', 'similarities'})
    min_views = 2

    def __init__(
        self,
        temperature: float = 0.07,
        drop_threshold: float = 0.7,
        mining_start_epoch: int | None = None,
        topk: int = 1,
    ) -> None:
        super().__init__(temperature, mining_start_epoch, topk)
        if drop_threshold <= LEAST_ATTENTION:
            raise ValueError(
                f'drop_threshold must be > {LEAST_ATTENTION:.3f}, the least attention there is, got '
                f'{drop_threshold}; AimCLR configs use 0.7'
            )
        self.drop_threshold = drop_threshold

    def forward(self, step: Step) -> Terms:
        strongest = step.features[-1].map
        if strongest is None:
            raise ConfigError(
                'DroppedConsistencyHead drops parts of a feature map, and this backbone keeps none',
                where='model.heads', fix='take a backbone that returns a map, such as STGCN',
            )
        strongest = strongest.float()
        dropped = pool_map(drop_salient(strongest, self.drop_threshold), bodies_of=strongest)
        teacher, *students = step.similarities
        students.append(step.compared(dropped))
        positives = self.positives([teacher, *students])
        losses = {'info_nce': multi_positive_nce(teacher, positives, self.temperature)}
        names = [*(f'view_{i}' for i in range(1, len(students))), 'dropped']
        for name, student in zip(names, students, strict=True):
            level = soft_cross_entropy(teacher.detach(), student, self.temperature)
            losses[name] = level / len(students)
        return Terms(losses, {'top1': share_right(teacher)})
