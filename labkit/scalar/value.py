"""A number that remembers how it was made, and can therefore be differentiated.

Reverse-mode automatic differentiation over scalars, in the form that micrograd (Karpathy, 2020)
made known. A node holds its children and one local gradient per child, so that any function of any
number of inputs is one node: chapter 2 makes a whole dot product one.

>>> a, b = Value(2), Value(3)
>>> c = a * b + a**2
>>> c.backward()
>>> c.data, a.grad, b.grad
(10.0, 7.0, 2.0)
"""

import math
from collections.abc import Sequence
from numbers import Real
from typing import Union

Number = Union["Value", float]
"""What an operator takes on either side: a Value or a plain number."""


class Value:
    """One node of an expression: a number, where it came from, and the gradient of a result to it.

    Attributes:
        data: the number, a float.
        grad: d(result)/d(this), after `result.backward()`; 0 at first.
        children: the nodes that this one was computed from; empty for an input (a leaf).
        local_grads: d(this)/d(child), one number per child.
        op: what made it, for pictures and messages ("+", "*", "exp", ...).
    """

    __slots__ = ("children", "data", "grad", "local_grads", "op")
    __array_ufunc__ = None  # numpy scalars on the left hand the operation to us

    def __init__(
        self,
        data: float,
        children: Sequence["Value"] = (),
        local_grads: Sequence[float] = (),
        op: str = "",
    ) -> None:
        # The exact-type test keeps the common case (a float from an operation) fast.
        self.data: float = data if data.__class__ is float else _number(data, "Value")
        self.grad = 0.0
        self.children = children
        self.local_grads = local_grads
        self.op = op
        if len(children) != len(local_grads):
            raise ValueError(
                f"Value: {len(children)} children but {len(local_grads)} local gradients; one each is needed"
            )

    # -- operations: each returns a node with its children and its local gradients

    def __add__(self, other: Number) -> "Value":
        other = _operand(other, "+")
        return Value(self.data + other.data, (self, other), (1.0, 1.0), "+")

    def __sub__(self, other: Number) -> "Value":
        other = _operand(other, "-")
        return Value(self.data - other.data, (self, other), (1.0, -1.0), "-")

    def __mul__(self, other: Number) -> "Value":
        other = _operand(other, "*")
        return Value(self.data * other.data, (self, other), (other.data, self.data), "*")

    def __truediv__(self, other: Number) -> "Value":
        other = _operand(other, "/")
        if other.data == 0:
            raise ZeroDivisionError(f"{self.data} / {other.data}: division by zero")
        quotient = self.data / other.data
        return Value(quotient, (self, other), (1.0 / other.data, -quotient / other.data), "/")

    def __pow__(self, exponent: Number) -> "Value":
        """A number as the exponent is a constant; a Value as the exponent gets a gradient too."""
        if isinstance(exponent, Value):
            return _power(self, exponent)
        n = _number(exponent, "**")
        # d(x**n)/dx = n x**(n-1). At x = 0 with n < 1 the slope is vertical: infinite, as in torch.
        power = _float_power(self.data, n)
        if n == 0:
            slope = 0.0
        elif self.data == 0 and n < 1:
            slope = math.inf
        else:
            slope = _slope_of_power(self.data, n)
        return Value(power, (self,), (slope,), f"**{n:g}" if float(f"{n:g}") == n else f"**{n!r}")

    def __neg__(self) -> "Value":
        return Value(-self.data, (self,), (-1.0,), "neg")

    def __radd__(self, other: float) -> "Value":
        return _operand(other, "+") + self

    def __rsub__(self, other: float) -> "Value":
        return _operand(other, "-") - self

    def __rmul__(self, other: float) -> "Value":
        return _operand(other, "*") * self

    def __rtruediv__(self, other: float) -> "Value":
        return _operand(other, "/") / self

    def __rpow__(self, other: float) -> "Value":
        return _power(_operand(other, "**"), self)

    def relu(self) -> "Value":
        """max(0, x). The slope at 0 is taken as 0, as torch does."""
        return Value(self.data, (self,), (1.0,), "relu") if self.data > 0 else Value(0.0, (self,), (0.0,), "relu")

    def exp(self) -> "Value":
        """e**x; it is its own derivative.

        Raises:
            OverflowError: for x above about 709.78, where a float ends.
        """
        try:
            result = math.exp(self.data)
        except OverflowError:
            raise OverflowError(
                f"exp({self.data}): the result is too large for a float (x may be 709.78 at most)"
            ) from None
        return Value(result, (self,), (result,), "exp")

    def log(self) -> "Value":
        """The natural logarithm; the derivative is 1/x.

        Raises:
            ValueError: for zero or less.
        """
        if self.data <= 0:
            raise ValueError(f"log({self.data}): the argument must be greater than zero")
        return Value(math.log(self.data), (self,), (1.0 / self.data,), "log")

    def tanh(self) -> "Value":
        """The hyperbolic tangent t; its derivative is 1 - t²."""
        result = math.tanh(self.data)
        return Value(result, (self,), (1.0 - result * result,), "tanh")

    # -- differentiation

    def backward(self) -> None:
        """Set `grad` on every node that this one was computed from, by the chain rule.

        Leaves accumulate: a second `backward()`, of this result or of another one, adds to what
        is there (as torch does), so set `grad` to 0 between two steps of training. The nodes in
        between hold the gradient of the last call only: if they added up too, a second call would
        count the first one twice.
        """
        order = topological_order(self)
        for node in order:
            if node.children:
                node.grad = 0.0
        self.grad += 1.0
        for node in reversed(order):
            grad = node.grad
            for child, local_grad in zip(node.children, node.local_grads, strict=True):
                child.grad += local_grad * grad

    def __repr__(self) -> str:
        return f"Value(data={self.data:.6g}, grad={self.grad:.6g})"


def topological_order(root: Value) -> list[Value]:
    """The nodes that `root` was computed from, and itself last: every child before its parents.

    Leaves that are not the root are left out: they pass nothing on. An explicit stack instead of
    recursion lets a chain of a million nodes through.
    """
    order: list[Value] = []
    seen = {root}
    stack = [(root, iter(root.children))]
    while stack:
        node, children = stack[-1]
        for child in children:
            if child.children and child not in seen:
                seen.add(child)
                stack.append((child, iter(child.children)))
                break
        else:  # every child is in `order`: now the node itself
            order.append(node)
            stack.pop()
    return order


def _number(x: object, op: str) -> float:
    """`x` as a float, or a TypeError that names the operation and what was given."""
    if not isinstance(x, Real):
        wanted = "a number" if op == "Value" else "a number or a Value"
        raise TypeError(f"{op}: expected {wanted}, got {x!r} ({type(x).__name__})")
    try:
        return float(x)
    except OverflowError:  # an integer of hundreds of digits
        raise OverflowError(f"{op}: {str(x)[:12]}… is too large for a float") from None


def _operand(x: Number, op: str) -> Value:
    return x if isinstance(x, Value) else Value(_number(x, op))


def _float_power(base: float, exponent: float) -> float:
    """base**exponent in floats, with errors that say what was computed."""
    if base == 0 and exponent < 0:
        raise ZeroDivisionError(f"{base} ** {exponent}: zero to a negative power is a division by zero")
    if base < 0 and not exponent.is_integer():
        raise ValueError(f"{base} ** {exponent}: a negative base needs a whole exponent")
    try:
        return float(base**exponent)
    except OverflowError:
        raise OverflowError(f"{base} ** {exponent}: the result is too large for a float") from None


def _slope_of_power(x: float, n: float) -> float:
    """N x**(n-1); infinite where that is too large for a float, as the slope of 1/x is."""
    try:
        return n * _float_power(x, n - 1)
    except OverflowError:
        falling = (n < 0) != (x < 0 and (n - 1) % 2 == 1)
        return -math.inf if falling else math.inf


def _power(base: Value, exponent: Value) -> Value:
    """x**y with both as nodes: d/dx = y x**(y-1), d/dy = x**y log x."""
    x, y = base.data, exponent.data
    if x < 0:
        raise ValueError(
            f"{x} ** Value({y}): a negative base has no gradient to its exponent; use a plain number there"
        )
    power = _float_power(x, y)
    if x == 0:
        slope = 0.0 if y == 0 else 1.0 if y == 1 else math.inf if y < 1 else 0.0
        return Value(power, (base, exponent), (slope, 0.0), "**")
    return Value(power, (base, exponent), (_slope_of_power(x, y), power * math.log(x)), "**")
