"""The minus of d(1/x)/dx = -1/x**2 forgotten. Loses: reversed_div."""
# ruff: noqa: F821


def reversed_div(number, node):
    return Node(number / node.data, (node,), (number / node.data**2,))
