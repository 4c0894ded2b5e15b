"""The cheapest way to reach every hold from the ground: a minimum spanning arborescence.

Mostly each hold simply takes its cheapest parent. Where that makes a ring (two holds, each reached from the other and
neither from below), the ring is drawn together into one hold, the rest is solved, and the ring is opened where that
costs least: Edmonds, "Optimum branchings", Journal of Research of the National Bureau of Standards 71B (1967).
"""

import math
from collections.abc import Sequence


def cheapest_parents(costs: Sequence[Sequence[float]], temperature: float) -> list[int]:
    """The parent of each node in the tree from the root with the least Σ exp(cost / temperature).

    Args:
        costs: n rows of n + 1: costs[i][j] is the cost of reaching i from j, column n the root's. A node's own column
            is never looked at. Every node can be reached: a way that there is not has a large cost, such as 300.
        temperature: of the sum.

    Returns:
        For each node its parent, n for the root.
    """
    n = len(costs)
    parents = [min((cost, j) for j, cost in enumerate(row) if j != i)[1] for i, row in enumerate(costs)]
    if not _ring(parents):
        return parents
    return _edmonds([[math.exp(min(cost / temperature, 600.0)) for cost in row] for row in costs], n)


def _edmonds(weights: list[list[float]], n: int) -> list[int]:
    """The same by weights, which may be negative, with rings contracted."""
    parents = [min((weight, j) for j, weight in enumerate(row) if j != i)[1] for i, row in enumerate(weights)]
    ring = _ring(parents)
    if not ring:
        return parents
    rest = [i for i in range(n) if i not in ring]
    m = len(rest) + 1  # nodes of the smaller problem: the rest, then the ring as one, then the root
    into: list[int] = []  # for each parent of the ring in the smaller problem: which of the ring it enters at
    out: list[int] = []  # for each of the rest: which of the ring it is best reached from
    smaller: list[list[float]] = []
    for i in rest:
        out.append(min(ring, key=lambda j, i=i: weights[i][j]))  # type: ignore[misc]
        smaller.append([weights[i][j] for j in rest] + [weights[i][out[-1]], weights[i][n]])
    last: list[float] = []
    for j in [*rest, -1, n]:  # -1: the ring itself, never looked at
        extra = [weights[i][j] - weights[i][parents[i]] for i in ring]
        last.append(min(extra))
        into.append(ring[extra.index(last[-1])])
    smaller.append(last)
    solved = _edmonds(smaller, m)

    outside = [*rest, -1, n]
    result = list(parents)
    for k, i in enumerate(rest):
        result[i] = out[k] if solved[k] == len(rest) else outside[solved[k]]
    entry = solved[len(rest)]
    result[into[entry]] = outside[entry]
    return result


def _ring(parents: Sequence[int]) -> list[int]:
    """Nodes that are each other's ancestors, in turn; empty when there are none."""
    n = len(parents)
    done = [False] * n
    for node in range(n):
        path: list[int] = []
        while node != n and not done[node]:
            done[node] = True
            path.append(node)
            node = parents[node]
        if node in path:
            return path[path.index(node) :]
    return []
