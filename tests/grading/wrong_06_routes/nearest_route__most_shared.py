"""The route that shares the most, however many others it has. Loses: nearest_route."""
# ruff: noqa: F821


def nearest_route(holds, routes, index, twins=None):
    def best(wanted):
        shared = Counter(number for hold in wanted for number in index.get(hold, []))
        if not shared:
            return (0.0, None)
        number = max(sorted(shared), key=shared.get)
        return shared[number] / (len(wanted) + len(routes[number]) - shared[number]), number

    nearest = best(holds)
    if twins is not None and all(hold in twins for hold in holds):
        nearest = max(nearest, best({twins[hold] for hold in holds}), key=lambda found: found[0])
    return nearest
