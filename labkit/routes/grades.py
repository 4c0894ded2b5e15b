"""Grades: the boards' apps keep a number, climbers say V."""

V_GRADES = {
    **dict.fromkeys((10, 11, 12), 0),
    **dict.fromkeys((13, 14), 1),
    15: 2,
    **dict.fromkeys((16, 17), 3),
    **dict.fromkeys((18, 19), 4),
    **dict.fromkeys((20, 21), 5),
    22: 6,
    23: 7,
    **dict.fromkeys((24, 25), 8),
    **{difficulty: difficulty - 17 for difficulty in range(26, 34)},
}
"""difficulty -> V grade, grouped as the boards do: V3 is 16 and 17 (6a and 6a+ in France), V2 is 15 alone."""
EASIEST, HARDEST = min(V_GRADES), max(V_GRADES)


def v_grade(difficulty: float) -> int:
    """The V grade of a difficulty, rounded to a whole number first; beyond the ends of the scale the end counts.

    >>> [v_grade(d) for d in (9.0, 12.4, 12.6, 22.0, 40.0)]
    [0, 0, 1, 6, 16]
    """
    whole = int(difficulty + 0.5)  # halves go up, as people round; Python's round would take 12.5 to 12
    return V_GRADES[min(max(whole, EASIEST), HARDEST)]


def difficulties(grade: int) -> range:
    """The whole difficulties of a V grade.

    Raises:
        ValueError: for a grade that is not on the scale.
    """
    found = [difficulty for difficulty, v in V_GRADES.items() if v == grade]
    if not found:
        raise ValueError(f"a V grade is 0 … {max(V_GRADES.values())}, got {grade!r}")
    return range(found[0], found[-1] + 1)


def middle(grade: int) -> float:
    """The middle of a V grade's difficulties: what somebody who asks for it is taken to mean.

    Raises:
        ValueError: for a grade that is not on the scale.
    """
    own = difficulties(grade)
    return (own[0] + own[-1]) / 2
