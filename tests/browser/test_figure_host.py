"""The host that draws figures in a page without a kernel, in Chromium, from disk, with no network."""

import base64
import json

import pytest

from labkit.book.figures import figures_script

pytestmark = pytest.mark.browser

# Shows a number, its square (which the kernel, or else simulate, computes) and what it heard.
SQUARE = """
export default {
  render({ model, el }) {
    const heard = [];
    const say = () => { el.textContent = `${model.get("x")} ${model.get("square")} ${heard.join(",")}`; };
    for (const event of ["change:x", "change:square"]) model.on(event, () => { heard.push(event.slice(7)); say(); });
    el.addEventListener("click", () => { model.set("x", model.get("x") + 1); model.save_changes(); });
    say();
  },
};
export async function simulate(state, changed) {
  await new Promise((done) => setTimeout(done, 20));
  if (state.x === 5) throw new Error("five is too much");
  return { square: state.x ** 2, calls: (state.calls ?? 0) + 1, names: changed };
}
"""
MODEL = """
export default {
  render({ model, el }) {
    let count = 0;
    const more = () => { count += 1; };
    model.on("change", more);
    model.set("a", 1); model.set("a", 1);
    const once = count;
    model.off("change", more);
    model.set("a", 2);
    model.on("change:a change:b", more);
    model.set("a", 3); model.set("b", 3);
    model.off();
    model.set("a", 4);
    model.send({ anything: true });
    const bytes = model.get("bytes");
    el.textContent = JSON.stringify({
      once, count, a: model.get("a"), missing: model.get("missing") === undefined,
      bytes: bytes instanceof DataView && [bytes.byteLength, bytes.getFloat32(0, true)],
      manager: model.widget_manager === undefined, text: model.get("text"),
    });
  },
};
"""
BROKEN = "export default { render({ model, el }) { el.textContent = 'half'; throw new Error('no such <colour>'); } };"


def figure(module, **state):
    data = json.dumps(state).replace("</", "<\\/")
    return (
        f'<figure class="lb-figure" data-lb-module="{module}"><script type="application/json">{data}</script>'
        '<div class="lb-mount"><p>no JavaScript</p></div><figcaption>A figure.</figcaption></figure>'
    )


@pytest.fixture
def open_page(browser, tmp_path):
    """Write a page with figures beside the host's script, and open it from disk with the network off."""
    context = browser.new_context(offline=True)

    def opened(*figures):
        (tmp_path / "lb-figures.js").write_text(figures_script({"square": SQUARE, "model": MODEL, "broken": BROKEN}))
        html = f'<!doctype html><meta charset="utf-8">{"".join(figures)}<script defer src="lb-figures.js"></script>'
        (tmp_path / "page.html").write_text(html)
        page = context.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        return page

    yield opened
    context.close()


def wait_for_text(page, text, selector=".lb-mount"):
    page.wait_for_function("([s, t]) => document.querySelector(s)?.textContent.includes(t)", arg=[selector, text])


def test_a_figure_draws_and_answers(open_page):
    page = open_page(figure("square", x=2, square=4))
    wait_for_text(page, "2 4")
    page.click(".lb-mount")
    wait_for_text(page, "3 9 x,square")


def test_quick_changes_end_at_the_last_one(open_page):
    page = open_page(figure("square", x=-4, square=16))
    wait_for_text(page, "-4 16")
    page.evaluate("() => { for (let i = 0; i < 7; i++) document.querySelector('.lb-mount').click(); }")
    wait_for_text(page, "3 9 x,x,x,x,x,x,x,square")


def test_two_figures_of_one_module_do_not_share_state(open_page):
    page = open_page(figure("square", x=2, square=4), figure("square", x=7, square=49))
    wait_for_text(page, "7 49", "figure:nth-of-type(2) .lb-mount")
    page.click("figure:nth-of-type(2) .lb-mount")
    wait_for_text(page, "8 64", "figure:nth-of-type(2) .lb-mount")
    assert page.inner_text("figure:nth-of-type(1) .lb-mount").startswith("2 4")


def test_the_model_is_of_the_anywidget_form(open_page):
    data = base64.b64encode(b"\x00\x00\x80\x3f").decode()
    page = open_page(figure("model", a=0, b=0, bytes={"base64": data}, text="</script> é\u2028"))
    wait_for_text(page, "once")
    seen = json.loads(page.inner_text(".lb-mount"))
    assert seen == {
        "once": 1, "count": 3, "a": 4, "missing": True, "bytes": [4, 1], "manager": True, "text": "</script> é\u2028",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (figure("broken"), "This figure could not be drawn: no such <colour>"),
        (figure("nowhere"), 'This figure could not be drawn: the book has no figure module "nowhere"'),
    ],
)
def test_a_module_that_fails_leaves_its_reason(open_page, made, reason):
    page = open_page(made)
    page.wait_for_selector("[role=alert]")
    assert page.inner_text(".lb-mount") == reason


def test_a_simulation_that_fails_leaves_the_figure_and_says_so(open_page):
    page = open_page(figure("square", x=4, square=16))
    wait_for_text(page, "4 16")
    page.click(".lb-mount")
    wait_for_text(page, "This figure stopped: five is too much")
    assert page.inner_text(".lb-mount").startswith("5 16")
