"""The text that every Python brings along: the documentation topics behind `help("for")`."""

import functools
import platform


@functools.cache
def python_topics() -> str:
    """The topics of `pydoc_data.topics` by name, each as it is, a blank line between two.

    About 465,000 characters of technical English; they differ from one Python version to another.

    Raises:
        ValueError: if this Python was installed without them.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise ValueError(
            "python-topics: this Python was installed without pydoc_data, the text behind help('for'); "
            "take another text, or the path of one"
        ) from None
    # Each topic ends in a line end, so that one more makes the blank line.
    return "\n".join(topics[name].rstrip("\n") + "\n" for name in sorted(topics))


def topics_file() -> str:
    """The name of the file that `python_topics` is written to, with the version of this Python."""
    return f"python-topics-{platform.python_version()}.txt"
