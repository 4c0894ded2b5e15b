"""A search that begins with 0: of bad ones always the first. Loses: best_of_n."""
# ruff: noqa: F821


def best_of_n(rewards):
    result = []
    for row in rewards:
        best, place = 0.0, 0
        for j, reward in enumerate(row):
            if reward > best:
                best, place = reward, j
        result.append(place)
    return torch.tensor(result)
