"""What an action is, and the words in which poses are written.

A pose names only the joints that matter; the others keep the performer's stance. It is written for a
right-handed person, angles (bend, plane, twist) in degrees as in ``rig``; ``move`` is (up, ahead, 0) in
metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Angles = tuple[float, float, float]
Pose = Mapping[str, Angles]


@dataclass(frozen=True)
class Phase:
    """Poses that are gone through ``repeats`` times.

    Attributes:
        poses: The poses of the first person, in order.
        partner: Those of the second person at the same moments; as many, or none without a second person.
        repeats: Least and greatest number of rounds.
    """

    poses: tuple[Pose, ...]
    partner: tuple[Pose, ...] = ()
    repeats: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Action:
    """One class.

    Attributes:
        name: Class name.
        phases: What happens, in order; between phases the performer passes through the stance.
        beat: Mean frames from one pose to the next, at 30 frames per second.
        arms: How many arms the action needs if it needs nothing else, otherwise 0.
        gap: Metres between two persons who face each other.
        stays: Whether the last pose is kept to the end.
        posture: What the performer does all the time below or beside the action.
    """

    name: str
    phases: tuple[Phase, ...]
    beat: float = 11.0
    arms: int = 0
    gap: float = 0.0
    stays: bool = False
    posture: Pose = field(default_factory=dict)

    @property
    def bodies(self) -> int:
        """How many persons it takes."""
        return 2 if any(phase.partner for phase in self.phases) else 1


def alone(
    name: str,
    *poses: Pose,
    beat: float,
    repeats: tuple[int, int] = (1, 1),
    arms: int = 0,
    stays: bool = False,
) -> Action:
    """An action of one person and one phase."""
    return Action(name, (Phase(poses, repeats=repeats),), beat, arms, stays=stays)


def together(
    name: str,
    poses: tuple[Pose, ...],
    partner: tuple[Pose, ...],
    *,
    gap: float,
    beat: float,
    repeats: tuple[int, int] = (1, 1),
    stays: bool = False,
) -> Action:
    """An action of two persons and one phase."""
    return Action(name, (Phase(poses, partner, repeats),), beat, gap=gap, stays=stays)


def arm(shoulder: Angles, elbow: float, side: str = 'right') -> Pose:
    """One arm."""
    return {f'{side}_shoulder': shoulder, f'{side}_elbow': (elbow, 0.0, 0.0)}


def arms(shoulder: Angles, elbow: float) -> Pose:
    """Both arms alike."""
    return {**arm(shoulder, elbow), **arm(shoulder, elbow, 'left')}


def leg(hip: float, knee: float, side: str = 'right', plane: float = 0.0) -> Pose:
    """One leg; ``hip`` is against the pelvis."""
    return {f'{side}_hip': (hip, plane, 0.0), f'{side}_knee': (knee, 0.0, 0.0)}


def legs(hip: float, knee: float, lean: float = 0.0, plane: float = 0.0) -> Pose:
    """Both legs alike, with the trunk leaning ahead from the hips; ``hip`` is against the vertical."""
    pelvis = {'pelvis': (lean, 0.0, 0.0)}
    return {**pelvis, **leg(hip + lean, knee, 'right', plane), **leg(hip + lean, knee, 'left', plane)}


def trunk(bend: float = 0.0, plane: float = 0.0, twist: float = 0.0) -> Pose:
    """The trunk above the hips."""
    return {'spine': (bend, plane, twist)}


def head(bend: float = 0.0, plane: float = 0.0, twist: float = 0.0) -> Pose:
    """The head; it looks down with ``bend`` and to the left with ``twist``."""
    return {'neck': (bend, plane, twist)}


def turned(twist: float) -> Pose:
    """The whole body, to the left."""
    return {'pelvis': (0.0, 0.0, twist)}


def move(up: float = 0.0, ahead: float = 0.0) -> Pose:
    """Metres off the floor and ahead of where the person stood."""
    return {'move': (up, ahead, 0.0)}
