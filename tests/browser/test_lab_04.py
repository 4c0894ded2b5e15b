"""Lab 4 in JupyterLab, by mouse and keyboard, as a learner would: a GPT in training that writes meanwhile."""

import pytest

pytestmark = pytest.mark.browser

NOTEBOOK = "labs/04-char-gpt.ipynb"
STEP = r"""(n) => {
    const said = /step ([\d,]+) of/.exec(document.querySelector(".lb-panel").innerText);
    return said && Number(said[1].replace(",", "")) >= n;
}"""


def press(panel, name):
    panel.get_by_role("button", name=name, exact=True).click()


@pytest.fixture
def lab(jupyterlab, open_lab):
    page = open_lab(NOTEBOOK, height=1100)
    jupyterlab.run_all(page, timeout=300)
    return page


def test_train_turn_and_write_meanwhile(jupyterlab, lab, screenshots):
    trainer, writer = lab.locator(".lb-panel").nth(0), lab.locator(".lb-writer").first
    trainer.scroll_into_view_if_needed()
    press(trainer, "Train")
    lab.wait_for_function(STEP, arg=60, timeout=120_000)

    # The sliders act while it trains.
    for label, key, control in (("learning rate", "ArrowRight", "lr"), ("batch size", "ArrowLeft", "batch_size")):
        slider = trainer.get_by_role("slider", name=label)
        slider.focus()
        for _ in range(4):
            slider.press(key)
        before = {"lr": 0.01, "batch_size": 16}[control]
        assert float(jupyterlab.in_kernel(lab, f"print(run.controls[{control!r}])")) != before
    dropout = trainer.get_by_role("slider", name="dropout")
    dropout.focus()
    dropout.press("ArrowRight")
    lab.wait_for_function(STEP, arg=int(jupyterlab.in_kernel(lab, "print(run.step + 5)")), timeout=60_000)
    told = jupyterlab.in_kernel(lab, "s = run.history[-1]; print(s.lr > 0.01, s.tokens < 16 * 64)")
    assert told == "True True"
    assert float(jupyterlab.in_kernel(lab, "print(run.controls['dropout'])")) > 0
    for name, value in (("lr", 0.01), ("batch_size", 16), ("dropout", 0)):
        jupyterlab.in_kernel(lab, f"panel.sliders[{name!r}].value = {value}")

    # The validation loss, measured at every 50th step alone, is a line with dots.
    lab.wait_for_function(STEP, arg=160, timeout=120_000)
    chart = trainer.locator("svg.lb-chart")
    lab.wait_for_function("() => document.querySelectorAll('.lb-panel svg.lb-chart .lb-dot').length >= 3")
    assert chart.locator("path[data-series=validation]").get_attribute("d").count("L") >= 2
    trainer.screenshot(path=screenshots / "lab-04-training-light.png")

    # It writes with a model that trains on.
    writer.scroll_into_view_if_needed()
    jupyterlab.in_kernel(lab, "sampler.length.value = 150")
    press(writer, "Sample")
    writer.get_by_text("done", exact=True).wait_for(timeout=60_000)
    assert jupyterlab.in_kernel(lab, "print(panel.driver.state)") == "running"
    writer.locator(".lb-writer-token").nth(40).click()
    writer.locator(".lb-writer-row").first.wait_for()
    kept = jupyterlab.in_kernel(lab, "print(sampler.tokens[:40])")
    writer.locator(".lb-writer-row[data-here=false]").first.click()
    lab.locator(".lb-writer-byhand").wait_for()
    writer.get_by_text("done", exact=True).wait_for(timeout=60_000)
    assert jupyterlab.in_kernel(lab, "print(sampler.tokens[:40])") == kept
    jupyterlab.in_kernel(lab, "panel.pause.click(); panel.wait()")
    writer.screenshot(path=screenshots / "lab-04-sampler-light.png")

    jupyterlab.set_theme(lab, "Dark")
    lab.wait_for_timeout(1000)
    trainer.screenshot(path=screenshots / "lab-04-training-dark.png")
    writer.screenshot(path=screenshots / "lab-04-sampler-dark.png")
    lab.set_viewport_size({"width": 460, "height": 1600})
    lab.wait_for_timeout(1000)
    assert jupyterlab.sticks_out(lab.locator(".lb-panel").all()[:2]) == []
    trainer.screenshot(path=screenshots / "lab-04-training-460.png")
    writer.screenshot(path=screenshots / "lab-04-sampler-460.png")
