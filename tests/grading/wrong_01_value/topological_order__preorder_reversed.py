"""Depth-first pre-order, reversed: right for trees, wrong where a node is shared. Loses: topological_order."""


def topological_order(root):
    order, seen, stack = [], set(), [root]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            order.append(node)
            stack.extend(node.children)
    return order[::-1]
