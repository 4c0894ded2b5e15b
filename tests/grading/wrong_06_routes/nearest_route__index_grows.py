"""Writes new holds into the index. Loses: nearest_route."""
# ruff: noqa: F821


def nearest_route(holds, routes, index, twins=None):
    def best(wanted):
        found = (0.0, None)
        shared = Counter(number for hold in wanted for number in index.setdefault(hold, []))
        for number in sorted(shared):
            similarity = shared[number] / (len(wanted) + len(routes[number]) - shared[number])
            if similarity > found[0]:
                found = (similarity, number)
        return found

    nearest = best(holds)
    if twins is not None and all(hold in twins for hold in holds):
        turned = best({twins[hold] for hold in holds})
        if turned[0] > nearest[0]:
            nearest = turned
    return nearest
