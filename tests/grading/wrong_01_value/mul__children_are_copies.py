"""New nodes with the same numbers as children: the gradient goes to the copies. Loses: mul."""
# ruff: noqa: F821


def mul(a, b):
    return Node(a.data * b.data, (Node(a.data), Node(b.data)), (b.data, a.data))
