"""What a depth camera makes of the scene: the view, and the faults of skeleton tracking."""

from __future__ import annotations

import numpy as np

from .rig import Array


def place(bodies: Array, gap: float, heading: float) -> Array:
    """Bodies in one scene whose centre is the origin; two of them face each other across ``gap`` metres.

    Args:
        bodies: Each in its own axes: x to the person's left, y up, z ahead.
        gap: Distance between two persons in metres.
        heading: Direction that the first person faces, radians about the vertical.
    Shape:
        bodies: (B, T, V, 3); output: the same.
    """
    scene = bodies.copy()
    if len(bodies) == 2:
        scene[0, ..., 2] -= gap / 2
        scene[1, ..., [0, 2]] *= -1.0
        scene[1, ..., 2] += gap / 2
    return scene @ _about_y(heading).T


def view(scene: Array, yaw: float, pitch: float, distance: float, height: float) -> Array:
    """The scene in a camera's axes: y up, z away from the camera, in metres.

    Args:
        yaw: Where the camera stands, radians about the vertical.
        pitch: How far the camera looks down, radians.
        distance: Metres from the camera to the scene's centre.
        height: Metres of the camera above the floor.
    Shape:
        scene: (..., 3); output: the same.
    """
    c, s = np.cos(pitch), np.sin(pitch)
    tilt: Array = np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]], dtype=np.float32)
    camera: Array = np.array([0.0, height, -distance], dtype=np.float32)
    level: Array = scene @ _about_y(np.pi - yaw).T - camera
    return np.asarray(level @ tilt.T, dtype=np.float32)


def track(bodies: Array, noise: float, rng: np.random.Generator) -> Array:
    """Skeletons as a tracker reports them: with shake, and joints that jump away or freeze for a while.

    Args:
        noise: Factor on all faults; 0 returns the input.
    Shape:
        bodies: (B, T, V, 3); output: the same.
    """
    if noise == 0:
        return bodies
    persons, frames, joints, _ = bodies.shape
    level = noise * rng.uniform(0.004, 0.012) * np.array([1.0, 1.0, 1.5], dtype=np.float32)
    shake = rng.standard_normal(bodies.shape, dtype=np.float32)
    shake[:, 1:] = 0.8 * shake[:, 1:] + 0.6 * shake[:, :-1]
    tracked = bodies + level * shake
    for _ in range(rng.poisson(noise * 2.5 * persons)):
        person, joint = rng.integers(persons), rng.integers(joints)
        start, length = rng.integers(frames), rng.integers(2, 12)
        spell = tracked[person, start : start + length, joint]
        if rng.random() < 0.5:
            spell[:] = spell[0]
        else:
            spell += rng.normal(0.0, 0.12, 3).astype(np.float32)
    return tracked


def _about_y(angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]], dtype=np.float32)
