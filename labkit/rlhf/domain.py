"""A domain as a list of its terms: how much of a text is about it, read off by counting."""

from collections.abc import Collection, Iterable

from .rewards import WORD, words


class Domain:
    """Terms of one or more words each. Whole words alone count, and case does not.

    >>> sea = Domain(["ship", "open sea"])
    >>> sea.found("The SHIP, on the open sea; a shipwreck")
    ['ship', 'open sea']
    >>> sea.density(["A ship on the sea."]), sea.coverage(["A ship on the sea."])
    (20.0, 0.5)

    Args:
        terms: such as "ship" or "open sea".

    Raises:
        ValueError: for no terms, one text in place of a list, or a term without a word.

    Attributes:
        terms: as they are counted: case folded, each once, in the order given.
    """

    def __init__(self, terms: Collection[str]) -> None:
        if isinstance(terms, str):
            raise ValueError(f"Domain: a list of terms is needed, got the text {terms!r}; write [{terms!r}]")
        if wrong := [term for term in terms if not isinstance(term, str) or not WORD.search(term)]:
            raise ValueError(f"Domain: {wrong[0]!r} is no term: it has no word in it")
        if not terms:
            raise ValueError("Domain: there must be at least one term")
        parts = dict.fromkeys(tuple(words(term)) for term in terms)
        self.terms = [" ".join(part) for part in parts]
        # The longest first: in "open sea" the term "sea" is not found a second time.
        self._parts = sorted(parts, key=len, reverse=True)

    def found(self, text: str) -> list[str]:
        """The terms of a text as they come in it, each as often as it comes; no word is counted twice."""
        there, at, found = tuple(words(text)), 0, []
        while at < len(there):
            part = next((part for part in self._parts if there[at : at + len(part)] == part), None)
            if part:
                found.append(" ".join(part))
            at += len(part) if part else 1
        return found

    def density(self, texts: Iterable[str]) -> float:
        """How many terms there are in 100 words of all texts together, 0 … 100; 0 where there are no words."""
        texts = list(texts)
        n = sum(len(words(text)) for text in texts)
        return 100 * sum(len(self.found(text)) for text in texts) / n if n else 0.0

    def coverage(self, texts: Iterable[str]) -> float:
        """Which share of the terms comes in any of the texts, 0 … 1."""
        return len({term for text in texts for term in self.found(text)}) / len(self.terms)

    def reward(self, text: str) -> float:
        """The density of a text, 0 … 1. It is no smaller for a text that says one term again and again."""
        return _share(self.found(text), text)

    def varied(self, text: str) -> float:
        """The same, 0 … 1, but each term counts once in a text: to repeat one earns nothing."""
        return _share(set(self.found(text)), text)


def _share(terms: Collection[str], text: str) -> float:
    n = len(words(text))
    return len(terms) / n if n else 0.0
