"""With twins only the mirror image is looked for. Loses: nearest_route."""
# ruff: noqa: F821


def nearest_route(holds, routes, index, twins=None):
    def best(wanted):
        found = (0.0, None)
        shared = Counter(number for hold in wanted for number in index.get(hold, []))
        for number in sorted(shared):
            similarity = shared[number] / (len(wanted) + len(routes[number]) - shared[number])
            if similarity > found[0]:
                found = (similarity, number)
        return found

    if twins is not None and all(hold in twins for hold in holds):
        return best({twins[hold] for hold in holds})
    return best(holds)
