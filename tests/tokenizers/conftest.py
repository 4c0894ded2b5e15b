"""What several of these files need: a text of many scripts, and vocabularies learned from it."""

import random

import pytest

from labkit.data import load_text
from labkit.tokenizers import BPETokenizer

SCRIPTS = [
    "שלום עולם, מה שלומך היום? ספר, ספרים וסִפּוּר. ",
    "你好,世界。今天天气很好,我们去公园散步吧! ",
    "👩🏽‍🚀 flies, 👍🏿 👨‍👩‍👧‍👦 🇫🇷 ❤️ ",
    "It's 1234567 km, they'LL say; I'd've paid €9.99 in 2024-05-17. ",
    "def f(x: int) -> str:\n    return f\"{x:>10}\\n\" if x != 0 else ''\n\n\n\t\t# done\r\n",
    "e\u0301 ñ ſ İ ß \u00a0 \u2028 \ufeff \u3000 \u200b ٣٤٥ ½ Ⅷ _x_ ",
]


@pytest.fixture(scope="session")
def mixed_text():
    """About 200 kB: English, and shuffled pieces of other scripts, emoji, digits, code and white space."""
    rng = random.Random(5)
    parts = [load_text("python-topics").text[:120_000]]
    for _ in range(1500):
        words = rng.choice(SCRIPTS).split(" ")
        rng.shuffle(words)
        parts.append(rng.choice([" ", "  ", "\n", "\t ", "\r\n\r\n", " " * 40, ""]).join(words))
    text = "".join(parts)
    assert len(text.encode()) > 180_000
    return text


@pytest.fixture(scope="session", params=["gpt2", "gpt4"])
def trained(request, mixed_text):
    """A tokenizer of 1,500 tokens for each pattern."""
    return BPETokenizer.train(mixed_text[::2], 1500, request.param, ["<|endoftext|>", "<|pad|>"])
