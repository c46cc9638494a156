"""Adjacency written as loops over joints."""

import numpy as np


def hops(layout, start, goal):
    """Bones between two joints, by walking to the root from both."""
    def ancestors(joint):
        chain = [joint]
        while layout.parents[joint] != joint:
            joint = layout.parents[joint]
            chain.append(joint)
        return chain

    from_start, from_goal = ancestors(start), ancestors(goal)
    return min(
        i + j for i, a in enumerate(from_start) for j, b in enumerate(from_goal) if a == b
    )


def spatial(layout, max_hop=1):
    """(2 max_hop + 1, V, V): itself, then for each hop from outside and from inside."""
    v = layout.num_joints
    subsets = np.zeros((2 * max_hop + 1, v, v))
    for receiver in range(v):
        givers = [giver for giver in range(v) if hops(layout, giver, receiver) <= max_hop]
        for giver in givers:
            hop = hops(layout, giver, receiver)
            nearer = hops(layout, giver, layout.centre) < hops(layout, receiver, layout.centre)
            subset = 0 if hop == 0 else 2 * hop if nearer else 2 * hop - 1
            subsets[subset, giver, receiver] = 1 / len(givers)
    return subsets
