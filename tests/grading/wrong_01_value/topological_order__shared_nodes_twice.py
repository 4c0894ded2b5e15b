"""No record of what was seen: a shared node comes once per use. Loses: topological_order."""


def topological_order(root):
    order, stack = [], [(root, False)]
    while stack:
        node, children_are_done = stack.pop()
        if children_are_done:
            order.append(node)
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in node.children)
    return order
