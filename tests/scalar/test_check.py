"""The referee: it must pass what is right, and catch what is wrong."""

import math

import pytest

from labkit.scalar import Value, gradcheck, numeric_gradient


def test_numeric_gradient_measures_known_derivatives():
    def f(x, y):
        return x**3 * y.exp()

    x, y = 1.5, -0.5
    known = [3 * x**2 * math.exp(y), x**3 * math.exp(y)]
    assert numeric_gradient(f, [x, y]) == pytest.approx(known, rel=1e-8)
    assert numeric_gradient(f, [x, y], indices=[1]) == pytest.approx(known[1:], rel=1e-8)


def test_numeric_gradient_takes_functions_that_return_numbers():
    assert numeric_gradient(lambda x: 3 * x.data, [2.0]) == pytest.approx([3.0])


@pytest.mark.parametrize("x", [1e-3, 1.0, 1e6])
def test_the_step_grows_with_the_input(x):
    assert numeric_gradient(lambda v: v * v, [x]) == pytest.approx([2 * x], rel=1e-6)


@pytest.mark.parametrize("h", [0, -1e-6])
def test_numeric_gradient_needs_a_positive_step(h):
    with pytest.raises(ValueError, match=f"got {h}"):
        numeric_gradient(lambda x: x, [1.0], h=h)


def test_gradcheck_passes_a_right_gradient():
    result = gradcheck(lambda a, b: (a * b).tanh() + a**2, [0.5, -1.2])
    assert result.ok
    assert bool(result) is True
    assert result.wrong == []
    assert "NO" not in str(result)


@pytest.mark.parametrize("wrong_by", [1.001, -1.0, math.nan, math.inf])
def test_gradcheck_catches_a_wrong_local_gradient(wrong_by):
    def f(a, b):
        return a + Value(b.data**2, (b,), (2 * b.data * wrong_by,), "square")

    result = gradcheck(f, [1.0, 2.0])
    assert not result
    assert result.wrong == [1]
    assert str(result).splitlines()[2].endswith("NO")
    assert str(result).splitlines()[1].endswith("yes")


def test_gradcheck_needs_a_value():
    with pytest.raises(TypeError, match=r"f must return a Value, got 3\.0"):
        gradcheck(lambda x: 3.0, [1.0])
