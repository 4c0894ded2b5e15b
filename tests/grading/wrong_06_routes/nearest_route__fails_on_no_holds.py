"""max of nothing. Loses: nearest_route."""


def nearest_route(holds, routes, index, twins=None):
    images = [holds]
    if twins is not None and all(hold in twins for hold in holds):
        images.append({twins[hold] for hold in holds})
    found = []
    for place, image in enumerate(images):
        for number in {number for hold in image for number in index.get(hold, [])}:
            found.append((len(image & routes[number]) / len(image | routes[number]), -place, -number))
    similarity, _, number = max(found)
    return similarity, -number
