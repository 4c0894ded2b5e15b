"""Recursion: right for small graphs, a RecursionError for a long chain. Loses: topological_order."""


def topological_order(root):
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for child in node.children:
                visit(child)
            order.append(node)

    visit(root)
    return order
