"""Compares with every route; the index is not used. Loses: nearest_route."""


def nearest_route(holds, routes, index, twins=None):
    images = [holds]
    if twins is not None and all(hold in twins for hold in holds):
        images.append({twins[hold] for hold in holds})
    found = (0.0, None)
    for image in images:
        for number, known in enumerate(routes):
            similarity = len(image & known) / len(image | known)
            if similarity > found[0]:
                found = (similarity, number)
    return found
