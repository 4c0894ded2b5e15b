"""The tokenizer playground, from disk: its ids against Python's, and every control on texts of all kinds."""

import base64
import random
import re
import unicodedata

import pytest

from labkit.book.figures import figures_script
from labkit.data import load_text
from labkit.tokenizers import BPETokenizer, ByteTokenizer, CharTokenizer, WordTokenizer
from labkit.widgets import TokenPlayground
from labkit.widgets.figure import module_source, style_source
from labkit.widgets.merge_panel import visible

pytestmark = pytest.mark.browser

MIXED = [
    "",
    "I'll say it's 'SO' — WE'RE, they'Ve, 'ſ 'ſt 'K don'T 'LL 'l",
    "1234567 12,345.60 ٣٤٥٦ ⅷ½ x²",
    "  two\n\n   three\t \r\n \u00a0\u3000 four \u2028\u0085\ufeff\u180e \x1c end   ",
    "def f(self):\n        return {'a': [1, 2]}  # …\n\n\n",
    "שָׁלוֹם עוֹלָם (שלום) مرحبا بالعالم",
    "你好，世界。こんにちは 안녕하세요 𠀀𠮷",
    "👩🏽\u200d🚀👍🏿 🇩🇪🇫🇷 ❤️ 👨\u200d👩\u200d👧 🏴\U000e0067\U000e0062\U000e007f",
    "e\u0301cole \u0301\u0302 naïve Å a\u0328\u0301",
    "aaaaaaaaaaa abababababa <|end|> <UNK> \x00\x01",
    "ab" * 300 + "x" + "ba" * 301 + "a" * 777,
]


@pytest.fixture(scope="module")
def schemes():
    """All kinds, both patterns, several sizes, an order of bytes; trained on English, and one on other scripts."""
    text = load_text("python-topics").text[:40_000]
    mixed = " ".join(MIXED)
    rng = random.Random(1)
    swapped = list(range(256))
    rng.shuffle(swapped)
    return {
        "characters": CharTokenizer.train(text, unknown=True),
        "strict": CharTokenizer.train("abc \n"),
        "bytes": ByteTokenizer(),
        "words": WordTokenizer.train(text, 500),
        "words gpt2": WordTokenizer.train(text + mixed, pattern="gpt2"),
        "bpe 1,024": BPETokenizer.train(text, 1024, special_tokens=["<|end|>"]),
        "bpe 400": BPETokenizer.train(text, 400),
        "bpe gpt2": BPETokenizer.train(text + mixed * 3, 700, pattern="gpt2"),
        "bpe scripts": BPETokenizer.train(mixed * 3, 540),
        "bpe swapped": BPETokenizer(((3, 7), (7, 3), (256, 256), (97, 97)), byte_order=bytes(swapped)),
    }


def random_texts():
    """Characters of all kinds that every Unicode of the last ten years has, and runs of those that patterns ask for."""
    rng = random.Random(0)
    points = [p for p in range(0xFFFF) if unicodedata.ucd_3_2_0.category(chr(p)) not in ("Cn", "Cs")]
    often = " \n\r\t'sSſlLvVeErR0٣½²_-.\u00a0\u0301aЖ你א😀"
    for _ in range(100):
        yield "".join(
            chr(rng.choice(points)) if rng.random() < 0.3 else rng.choice(often) * rng.choice((1, 1, 1, 2, 5))
            for _ in range(60)
        )


def expected_ids(tokenizer, text):
    if isinstance(tokenizer, BPETokenizer):
        return tokenizer.encode(text, special="text")
    if isinstance(tokenizer, CharTokenizer) and not tokenizer.unknown:
        return [tokenizer.characters.find(character) for character in text]  # -1: refused
    return tokenizer.encode(text)


IN_PAGE = """async ([source, data, texts]) => {
    const figure = await import(`data:text/javascript;base64,${source}`);
    return [...figure.tokenizers(data)].map(([name, it]) => [name, it.size, texts.map((text) => {
        const ids = figure.encode(it, text);
        const drawn = figure.firstTokens(it, text, Infinity);
        const check = (made, wanted) => {
            if (String([...made]) !== String([...wanted])) throw new Error(`${name}: ${text.slice(0, 80)}`);
        };
        check(drawn.map((token) => token.id), ids);
        check(drawn.flatMap((token) => [...token.bytes]), new TextEncoder().encode(text));
        for (const token of it.parts ? drawn.slice(0, 40) : []) {
            const { steps, first } = figure.stepsOf(it, token.chunk, token.nth, 50), last = steps.at(-1).ids;
            check(last, token.chunk.ids.slice(first, first + last.length));
        }
        return ids.join(" ");  // Playwright is slow with long lists
    })]);
}"""


def test_ids_tokens_and_steps_are_pythons(page, schemes):
    prose = load_text("python-topics").text[60_000:90_000]
    texts = [*MIXED, prose, prose.replace(" ", "").replace("\n", ""), *random_texts()]
    source = base64.b64encode(module_source("token_playground").encode()).decode()
    answer = page.evaluate(IN_PAGE, [source, TokenPlayground(schemes).data, texts])
    assert [name for name, _, _ in answer] == list(schemes)
    for name, size, lists in answer:
        assert size == schemes[name].vocab_size
        for text, ids in zip(texts, lists, strict=True):
            assert ids == " ".join(map(str, expected_ids(schemes[name], text))), f"{name}: {text[:80]!r}"


# -- the figure


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory, schemes):
    """Two figures in one page, as a built page has them, from disk with the network off."""
    folder = tmp_path_factory.mktemp("playground")
    (folder / "lb-figures.js").write_text(figures_script({"token_playground": module_source("token_playground")}))
    style = f"<style>{style_source()} body {{ background: var(--lb-bg); margin: 0; padding: 12px; }}</style>"
    first = TokenPlayground(schemes, "the function takes a string", "bpe 1,024")
    second = TokenPlayground({"bytes": ByteTokenizer(), "strict": schemes["strict"]}, "abc")
    (folder / "page.html").write_text(
        f'<!doctype html><html data-theme="light"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">{style}'
        f'{first.page_html()}{second.page_html()}<script defer src="lb-figures.js"></script>'
    )
    context = browser.new_context(offline=True)
    page = context.new_page()
    said = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
    page.goto((folder / "page.html").as_uri())
    page.locator(".lb-tp-token").first.wait_for()
    yield page
    assert said == []
    context.close()


@pytest.fixture
def figure(opened):
    """The first figure, as it was when the page was opened, at 1,100 px."""
    opened.set_viewport_size({"width": 1100, "height": 900})
    figure = opened.locator("figure").first
    choose(figure, "bpe 1,024")
    show(figure, "text")
    write(figure, "the function takes a string")
    return figure


def write(figure, text):
    figure.get_by_role("textbox", name="your text").fill(text)


def choose(figure, name):
    figure.get_by_role("radio", name=name, exact=True).check()


def show(figure, face):
    figure.get_by_role("button", name=f"{face}: show the tokens' {face}").click()


def tokens(figure):
    return figure.get_by_role("option").all_text_contents()


def counts(figure):
    return figure.locator(".lb-tp-counts").inner_text()


def row(figure, name):
    radio = figure.page.get_by_role("radio", name=name, exact=True)
    return figure.locator("tbody tr").filter(has=radio).inner_text().split()


def fact(figure, name):
    return figure.locator(f"dt:text-is('{name}') + dd").inner_text()


def test_scheme_faces_and_counts(figure, schemes):
    text = "the function takes a string"
    for name in ("bpe 1,024", "bpe 400", "bytes"):
        choose(figure, name)
        ids = schemes[name].encode(text)
        show(figure, "ids")
        assert tokens(figure) == [str(token) for token in ids]
        show(figure, "bytes")
        assert tokens(figure) == [schemes[name].token_bytes(token).hex(" ").upper() for token in ids]
        show(figure, "text")
        assert "".join(tokens(figure)) == text.replace(" ", "␣")
        assert counts(figure) == (
            f"{len(ids)} tokens, 27 characters, 27 bytes; {27 / len(ids):.2f} bytes per token, "
            f"{len(set(ids))} different tokens"
        )
        assert row(figure, name)[-3:] == [str(len(ids)), f"{27 / len(ids):.2f}", str(len(set(ids)))]
    other = figure.page.locator("figure").nth(1)
    assert tokens(other) == ["a", "b", "c"]  # nothing of it was heard there
    choose(other, "strict")
    assert figure.get_by_role("radio", name="bytes", exact=True).is_checked()


def test_a_token_its_merges_and_the_steps_of_its_chunk(figure, schemes):
    tokenizer = schemes["bpe 1,024"]
    ids = tokenizer.encode("the function takes a string")
    at = ids.index(next(token for token in ids if tokenizer.token_bytes(token) == b" function"))
    figure.get_by_role("option").nth(at).click()
    assert fact(figure, "id") == f"{ids[at]}: merge {ids[at] - 255} of {len(tokenizer.merges)}"
    assert fact(figure, "bytes") == "20 66 75 6E 63 74 69 6F 6E (9 bytes)"
    left, right = tokenizer.merges[ids[at] - 256]
    top, first, second = (
        figure.locator(".lb-tp-tree .lb-tp-node bdi").all_text_contents()[0],
        *(figure.locator(".lb-tp-tree > div > ul > li > ul > li > .lb-tp-node bdi").all_text_contents()),
    )
    names = [tokenizer.token_bytes(token).decode().replace(" ", "␣") for token in (left, right)]
    assert (top, [first, second]) == ("␣function", names)
    stage = figure.locator(".lb-tp-stage bdi")
    assert stage.all_text_contents() == list("␣function")
    seen = []
    following = figure.get_by_role("button", name="Next: do the next merge")
    while following.get_attribute("aria-disabled") != "true":
        following.click()
        seen.append(int(re.match(r"Merge ([\d,]+) joins", figure.locator(".lb-say").inner_text())[1].replace(",", "")))
    assert seen == sorted(seen)
    assert len(seen) == 8
    assert stage.all_text_contents() == ["␣function"]
    slider = figure.get_by_role("slider", name="step")
    slider.focus()
    slider.press("ArrowLeft")
    assert stage.all_text_contents() == names


def test_the_signs_are_those_of_the_merge_panel(figure, schemes):
    text = "a b\tc\n é שלום \u3000\u200b"
    write(figure, text)
    for name in ("bpe 1,024", "bytes"):
        choose(figure, name)
        assert tokens(figure) == [visible(schemes[name].token_bytes(token)) for token in schemes[name].encode(text)]


def test_keyboard(figure):
    figure.get_by_role("textbox", name="your text").focus()
    keys = figure.page.keyboard
    keys.press("Tab")
    keys.press("ArrowDown")  # a radio button: the next scheme
    assert figure.get_by_role("radio", name="bpe 400").is_checked()
    for _ in range(4):  # three faces, then the tokens
        keys.press("Tab")
    name = "() => document.activeElement.getAttribute('aria-label')"
    keys.press("Home")
    assert figure.page.evaluate(name).startswith("“t")
    place = "() => [...document.querySelectorAll('[role=option]')].indexOf(document.activeElement)"
    keys.press("ArrowRight")
    assert figure.page.evaluate(place) == 1
    keys.press("End")
    assert figure.page.evaluate(place) == len(tokens(figure)) - 1
    figure.page.wait_for_function("() => document.querySelector('[role=status]').textContent.startsWith('bpe 400: ')")


def test_hebrew_runs_from_right_to_left(figure):
    write(figure, "שלום עולם\nhello there")
    choose(figure, "bpe scripts")
    assert "".join(tokens(figure)).replace("␣", " ") == "שלום עולם↵hello there"
    assert figure.locator(".lb-tp-line").evaluate_all("all => all.map((line) => line.dir)") == ["rtl", "ltr"]
    places = figure.locator(".lb-tp-line").evaluate_all(
        "all => all.map((line) => [...line.children].map((token) => token.getBoundingClientRect().left))"
    )
    assert places == [sorted(places[0], reverse=True), sorted(places[1])]
    figure.get_by_role("option").first.click()
    figure.page.keyboard.press("ArrowLeft")
    assert figure.locator("[aria-selected=true]").inner_text() == tokens(figure)[1]
    assert "at the right" in figure.locator(".lb-tp-main > .lb-note").inner_text()
    choose(figure, "bytes")
    assert tokens(figure)[:2] == ["⟨D7⟩", "⟨A9⟩"]


def test_parts_of_characters_unknown_ones_and_what_cannot_be_seen(figure):
    write(figure, "a👩🏽\u200d🚀")
    choose(figure, "bytes")
    assert tokens(figure)[:5] == ["a", "⟨F0⟩", "⟨9F⟩", "⟨91⟩", "⟨A9⟩"]
    figure.get_by_role("option").nth(2).click()
    assert fact(figure, "in text") == "byte 2 of the 4 of “👩” (U+1F469)"
    choose(figure, "strict")
    assert tokens(figure) == ["a", *["<UNK>"] * 4]
    show(figure, "ids")
    assert tokens(figure) == ["2", *["none"] * 4]
    assert "4 tokens of them unknown: this tokenizer has no <UNK>" in figure.locator(".lb-tp-main").inner_text()
    show(figure, "text")
    choose(figure, "words")
    assert tokens(figure)[-1] == "<UNK>"
    choose(figure, "bpe scripts")
    assert "�" not in "".join(tokens(figure))
    write(figure, "e\u0301 \u202e\t\u3000")
    choose(figure, "strict")
    figure.get_by_role("option").nth(1).click()
    assert fact(figure, "token").startswith("◌\u0301 ")
    figure.get_by_role("option").last.click()
    assert fact(figure, "token").startswith("⟨U+3000⟩ ")
    assert "U+202E" in figure.get_by_role("option").nth(3).get_attribute("aria-label")
    figure.locator("textarea").evaluate(
        "box => { box.value = 'a\\ud83d b\\udc69'; box.dispatchEvent(new Event('input')); }"
    )
    choose(figure, "bytes")
    assert tokens(figure) == ["a", "⟨EF⟩", "⟨BF⟩", "⟨BD⟩", "␣", "b", "⟨EF⟩", "⟨BF⟩", "⟨BD⟩"]


def test_an_empty_box(figure):
    write(figure, "")
    assert counts(figure).startswith("There is no text yet")
    assert tokens(figure) == []
    assert not figure.locator(".lb-tp-detail").is_visible()
    for name in ("characters", "words", "bpe 400"):
        choose(figure, name)
        assert row(figure, name)[-3:] == ["0", "–", "0"]
    assert "NaN" not in figure.inner_text()
    write(figure, "a")
    assert counts(figure).startswith("1 token, 1 character, 1 byte; 1.00 bytes per token, 1 different token")


PASTE = """text => { const box = document.createElement("textarea");
    document.body.append(box);
    box.value = text;
    box.select();
    document.execCommand("copy");
    box.remove();
    document.querySelector("textarea").select(); }"""


@pytest.mark.parametrize("spaces", [True, False])
def test_a_paste_of_100_kb(figure, schemes, spaces):
    prose = load_text("python-topics").text * 3
    text = (prose if spaces else re.sub("[^a-z]", "", prose))[:100_000]
    figure.page.evaluate(PASTE, text)
    figure.page.keyboard.press("Control+V")
    figure.page.wait_for_function(
        "(start) => document.querySelector('.lb-tp-counts').textContent.startsWith(start)",
        arg=f"{len(schemes['bpe 1,024'].encode(text)):,} tokens, 100,000 characters",
    )
    assert len(tokens(figure)) == 2000
    assert "The first 2,000 tokens are drawn; the counts are of all." in figure.locator(".lb-tp-main").inner_text()
    figure.page.wait_for_function("() => !document.querySelector('tbody').textContent.includes('…')")
    for name in ("bpe 400", "bytes", "words"):
        assert f"{len(schemes[name].encode(text)):,}" in row(figure, name)
    figure.get_by_role("option").nth(1000).click()
    assert figure.locator(".lb-tp-stage bdi").count() > 1
    choose(figure, "characters")
    assert fact(figure, "token").endswith(" of 100,000")


@pytest.mark.parametrize(("width", "theme"), [(340, "light"), (360, "dark"), (1100, "light")])
def test_it_fits(figure, screenshots, width, theme):
    page = figure.page
    write(figure, "\n".join(MIXED[1:10]) + "\n" + "x" * 300 + "-" * 300)
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    for name in ("bpe 1,024", "words", "bytes"):
        choose(figure, name)
        for face in ("bytes", "text"):
            show(figure, face)
            assert page.evaluate("() => document.documentElement.scrollWidth") == width
            outside = """box => { const right = box.getBoundingClientRect().right;
                return [...box.querySelectorAll("*")].filter((part) => !part.closest(".lb-tp-tree .lb-scroll")
                    && part.getBoundingClientRect().right > right + 0.5).map((part) => part.className); }"""
            assert figure.locator(".lb-tp").evaluate(outside) == []
    choose(figure, "bpe 1,024")
    page.screenshot(path=screenshots / f"token-playground-{width}-{theme}.png", full_page=True)
    page.evaluate("() => { document.documentElement.dataset.theme = 'light'; }")
