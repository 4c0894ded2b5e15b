"""The confusion of grades: each pair is counted in its cell, and the title's shares are right."""

import matplotlib.pyplot as plt
import pytest

from labkit.plots import grade_confusion, style


@pytest.mark.parametrize("dark", [False, True])
def test_pairs_stand_in_their_cells(dark):
    wanted, judged = [3, 3, 3, 4, 6], [3, 3, 4, 6, 6]
    with style(dark):
        ax = grade_confusion(wanted, judged, plt.subplots()[1])
    cells = {(int(x), int(y)): text.get_text() for text in ax.texts for x, y in [text.get_position()]}
    assert cells == {(0, 0): "2", (1, 0): "1", (3, 1): "1", (3, 3): "1"}  # (judged, wanted) from V3
    shares = ax.images[0].get_array()
    assert shares.tolist()[0] == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert shares.sum() == pytest.approx(3)  # the rows with routes: V3, V4, V6
    assert [label.get_text() for label in ax.get_xticklabels()] == ["V3", "V4", "V5", "V6"]
    assert ax.get_title("left") == "60% exact, 80% within ±1"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("judged", "wanted")
    assert len(ax.patches) == 4


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_can_be_read_on_every_shade(dark):
    with style(dark) as colors:
        ax = grade_confusion([0] * 100, [0] * 90 + [1] * 10)
    inks = {text.get_text(): text.get_color() for text in ax.texts}
    assert inks == {"90": colors["bg"], "10": colors["text"]}


def test_grades_without_partners_are_refused():
    for wanted, judged in (([], []), ([1], [1, 2])):
        with pytest.raises(ValueError, match="as many judged as wanted grades"):
            grade_confusion(wanted, judged)
