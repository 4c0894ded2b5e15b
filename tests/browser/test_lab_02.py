"""Lab 2 in JupyterLab, by mouse and keyboard, as a learner would."""

import pytest

pytestmark = pytest.mark.browser

NOTEBOOK = "labs/02-scalar-gpt.ipynb"
SAMPLE_THREADS = "import threading; print(sum(t.name.startswith('sample-') for t in threading.enumerate()))"
DRAWN = "(n) => document.querySelectorAll('.lb-panel .lb-sample:not(.lb-old)').length === n"
STOPPED = "panel.stop.click(); panel.driver.stop(wait=True)"


def press(panel, name):
    panel.get_by_role("button", name=name, exact=True).click()


def panels(page):
    """The trainer's and the sampler's."""
    found = page.locator(".lb-panel")
    return found.nth(0), found.nth(1)


@pytest.fixture
def lab(jupyterlab, open_lab):
    page = open_lab(NOTEBOOK)
    for cell in ("setup", "first-panel", "sampler"):
        jupyterlab.run_cell(page, cell)
    jupyterlab.wait_idle(page)
    return page


def test_train_and_sample_meanwhile(jupyterlab, lab, screenshots):
    trainer, sampler = panels(lab)
    trainer.scroll_into_view_if_needed()
    press(trainer, "Train")
    lab.wait_for_function(r"() => /running.*step [1-9]\d/.test(document.querySelector('.lb-panel').innerText)")
    rate = trainer.get_by_role("slider").first
    rate.focus()
    rate.press("ArrowRight")
    jupyterlab.wait_in_kernel(lab, "print(run.history[-1].lr > 0.01)", "True")

    sampler.scroll_into_view_if_needed()
    press(sampler, "Sample")
    lab.wait_for_function(DRAWN, arg=10)
    lab.wait_for_function("() => document.querySelectorAll('.lb-panel')[1].innerText.includes('drawn')")
    said = sampler.inner_text()
    assert "valid 0 of 10" in said
    assert "expected" in said  # the parser's words
    assert sampler.locator(".lb-sample:has(mark.lb-wrong)").count() == 10
    assert jupyterlab.in_kernel(lab, "print(panel.driver.state)") == "running"  # it trains on

    temperature, length, how_many = sampler.get_by_role("slider").all()
    for slider, key in ((temperature, "End"), (length, "Home"), (how_many, "Home")):
        slider.focus()
        slider.press(key)
    lab.wait_for_timeout(300)
    press(sampler, "Sample")
    lab.wait_for_function(DRAWN, arg=1)
    assert jupyterlab.in_kernel(lab, "d = sampler.wait(); print(d.temperature, d.max_len, d.wanted)") == "2.0 2 1"
    assert "it was cut off" in sampler.inner_text() or "expected 'genre'" in sampler.inner_text()
    assert "before: step" in sampler.inner_text()
    jupyterlab.in_kernel(lab, STOPPED)
    lines = trainer.locator("path[data-series=loss]").first
    assert len(lines.get_attribute("d").split("L")) > 5
    assert "1" in trainer.locator("svg.lb-chart").nth(1).locator(".lb-tick").all_text_contents()  # a share: up to 1
    trainer.screenshot(path=screenshots / "lab-02-training.png")
    sampler.screenshot(path=screenshots / "lab-02-sampler.png")


def test_running_the_cell_again_ends_the_drawing_before(jupyterlab, lab):
    jupyterlab.in_kernel(
        lab,
        "import time\nearlier, write = sampler, run.write\n"
        "sampler._write = lambda *a: time.sleep(0.2) or write(*a)\nsampler.sample.click()",
    )
    assert jupyterlab.in_kernel(lab, SAMPLE_THREADS) == "1"
    jupyterlab.run_cell(lab, "sampler")
    assert jupyterlab.in_kernel(lab, SAMPLE_THREADS) == "0"
    assert (
        jupyterlab.in_kernel(lab, "print(earlier is not sampler, '<b>stopped' in earlier.status.value)") == "True True"
    )


@pytest.mark.parametrize("width", [1280, 460])
def test_the_panels_fit_wide_and_narrow_light_and_dark(jupyterlab, open_lab, screenshots, width):
    page = open_lab(NOTEBOOK, width=width)
    jupyterlab.run_all(page)
    jupyterlab.in_kernel(page, "panel.train.click(); import time; time.sleep(2); panel.pause.click(); panel.wait()")
    jupyterlab.in_kernel(page, "sampler.count.value = 6; sampler.sample.click(); sampler.wait()")
    page.wait_for_function(DRAWN, arg=6)
    for theme in ("Light", "Dark"):
        jupyterlab.set_theme(page, theme)
        page.wait_for_timeout(500)
        for name, panel in zip(("trainer", "sampler"), panels(page), strict=True):
            panel.scroll_into_view_if_needed()
            box = panel.bounding_box()
            for item in panel.locator("button, .lb-slider, svg.lb-chart, .lb-sample").all():
                inside = item.bounding_box()
                assert inside["width"] > 0
                assert inside["x"] >= box["x"] - 1
                assert inside["x"] + inside["width"] <= box["x"] + box["width"] + 1
            page.screenshot(path=screenshots / f"lab-02-{name}-{width}-{theme.lower()}.png")
