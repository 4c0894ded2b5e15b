"""Looks at every route, though most share nothing. Loses: nearest_route."""


def nearest_route(holds, routes, index, twins=None):
    def best(wanted):
        found = (0.0, None)
        for number in range(len(routes)):
            similarity = len(wanted & routes[number]) / len(wanted | routes[number])
            if similarity > found[0]:
                found = (similarity, number)
        return found

    nearest = best(holds)
    if twins is not None and all(hold in twins for hold in holds):
        turned = best({twins[hold] for hold in holds})
        if turned[0] > nearest[0]:
            nearest = turned
    return nearest
