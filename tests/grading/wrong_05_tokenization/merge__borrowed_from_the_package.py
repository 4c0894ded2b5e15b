"""labkit.tokenizers has it. Loses: merge."""


def merge(ids, pair, token):
    from labkit.tokenizers.merges import merge

    return merge(ids, pair, token)
