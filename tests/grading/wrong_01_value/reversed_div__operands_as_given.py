"""The reversed operand forgotten: node / number in place of number / node. Loses: reversed_div."""
# ruff: noqa: F821


def reversed_div(number, node):
    return Node(node.data / number, (node,), (1 / number,))
