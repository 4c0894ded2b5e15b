"""An agent's card in the arena: training, names, a diagnosis, energy and the inside."""

import base64
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from labkit.arena import measurements

LONG = 60  # seconds after which a wait has failed


def enabled(card):
    return {
        name
        for name in ("train", "stop", "generate", "diagnose", "inside", "reset", "save")
        if not getattr(card, name).disabled
    }


def test_train_to_done(panel, agent, drawn):
    p = panel(agent(energy=100))
    card = p.cards["Tiny"]
    assert enabled(card) == {"train", "generate", "diagnose", "inside", "reset", "save"}
    assert "save" not in [b.description.lower() for b in card.children[1].children]  # no folder, no button
    card.n.value = 7
    card.train.click()
    assert p.wait(LONG) == {"Tiny": "done"}
    assert "<b>done</b> · step 7" in card.status.value
    assert f"loss {card.agent.run.history[-1].loss:.4g}" in card.status.value
    assert drawn(card.chart)[0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert "of 100 J" in card.energy.value
    assert "enough left" in card.energy.value
    assert 'role="meter"' in card.energy.value
    card.n.value = 2
    card.train.click()
    card.wait(LONG)
    assert card.agent.run.step == 9


def test_the_card_trains_to_the_losses_of_a_plain_loop(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.n.value = 5
    card.train.click()
    card.wait(LONG)
    assert [s.loss for s in card.agent.run.history] == [s.loss for s in agent().train(5)]


def test_the_rate_acts_on_the_next_step_and_the_temperature_on_the_next_name(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.n.value = 1
    for rate in (0.25, 0.5):
        card.sliders["lr"].value = rate
        card.train.click()
        card.wait(LONG)
    assert [s.lr for s in card.agent.run.history] == [0.25, 0.5]
    card.sliders["temperature"].value = 0
    card.generate.click()
    card.wait(LONG)
    assert len({one.name for one in card.generated}) == 1


def test_a_negative_number_of_steps_is_refused_in_the_card(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.n.value = -1
    card.train.click()
    assert "a number of steps is 0 or more" in card.error.value
    assert card.agent.run.step == 0


def test_energy_runs_out_and_the_card_says_so(panel, agent):
    cost = agent().run.next_cost() * 1e-6
    card = panel(agent(energy=4 * cost)).cards["Tiny"]
    card.train.click()
    assert card.wait(LONG) == "out of energy"
    assert 0 < card.agent.run.step < card.n.value
    assert "<b>out of energy</b>" in card.status.value
    assert "the next step takes" in card.status.value
    assert "used up" in card.energy.value
    card.generate.click()
    assert card.wait(LONG) == "out of energy"


def test_names_that_cannot_be_paid_are_a_sentence(panel, agent):
    card = panel(agent(energy=0)).cards["Tiny"]
    card.generate.click()
    card.wait(LONG)
    assert "agent Tiny cannot write a name" in card.error.value
    assert "Traceback" not in card.error.value
    assert card.generated == []


def test_stop_and_go_on(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.n.value = 1_000_000
    card.train.click()
    assert enabled(card) == {"stop", "generate", "diagnose", "inside", "save"}
    card.stop.click()
    assert card.wait(LONG) == "stopped"
    assert "<b>stopped</b>" in card.status.value
    assert enabled(card) == {"train", "generate", "diagnose", "inside", "reset", "save"}
    before = card.agent.run.step
    card.n.value = 2
    card.train.click()
    assert card.wait(LONG) == "done"
    assert card.agent.run.step == before + 2


def test_names_and_a_diagnosis_while_it_trains(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.n.value = 30
    card.train.click()
    card.generate.click()
    card.diagnose.click()
    assert card.wait(LONG) == "done"
    assert card.agent.run.step == 30
    assert len(card.generated) == 10
    assert card.diagnosis is not None


def test_names_are_told_apart_in_words(panel, agent, monkeypatch):
    tiny = agent()
    written = iter(["emma", "zzz", "zzz", "", *["emma"] * 6])
    known = tiny.names.train[0]
    monkeypatch.setattr(tiny, "write", lambda temperature=None: {"emma": known}.get(name := next(written), name))
    card = panel(tiny).cards["Tiny"]
    card.generate.click()
    card.wait(LONG)
    words = [word for word in ("copied", "new", "repeated", "empty") if f">{word}<" in card.names.value]
    assert words == ["copied", "new", "repeated", "empty"]
    assert [one.new for one in card.generated[:4]] == [False, True, False, False]
    assert all(one.score == 0 for one in card.generated if not one.new)
    assert "new 1 of 10" in card.names.value


def test_a_learning_rate_of_10_is_diagnosed(panel, agent):
    card = panel(agent(learning_rate=10.0)).cards["Tiny"]
    card.n.value = 30
    card.train.click()
    card.diagnose.click()
    card.wait(LONG)
    finding = card.diagnosis.findings[0]
    assert finding.kind == "learning_rate_too_high"
    assert "learning rate too high (critical)" in card.findings.value
    assert finding.evidence.replace("'", "&#x27;") in card.findings.value
    assert finding.remedy in card.findings.value
    card.reset.click()
    assert card.wait(LONG) == "idle"
    assert (card.agent.run.step, card.agent.budget.spent, card.findings.value) == (0, 0, "")


def test_a_healthy_or_young_agent_is_called_so(panel, agent):
    card = panel(agent()).cards["Tiny"]
    card.diagnose.click()
    card.wait(LONG)
    assert "too early to say" in card.findings.value


def test_diverging_is_a_sentence(panel, agent):
    tiny = agent()
    p = panel(tiny)
    card = p.cards["Tiny"]
    card.n.value = 2
    card.train.click()
    card.wait(LONG)
    for parameter in tiny.run.model.params:
        parameter.data = 1e300
    card.train.click()
    assert card.wait(LONG) == "diverged"
    assert "Lower the learning rate." in card.error.value
    assert "Traceback" not in card.error.value
    card.reset.click()
    assert card.error.value == ""


def test_an_exception_is_shown_escaped(panel, agent, monkeypatch):
    tiny = agent()

    def torn():
        raise RuntimeError("<b>no more</b>")

    monkeypatch.setattr(tiny.run, "train_step", torn)
    card = panel(tiny).cards["Tiny"]
    card.train.click()
    assert card.wait(LONG) == "failed"
    assert "RuntimeError: &lt;b&gt;no more&lt;/b&gt;" in card.error.value
    assert "Traceback" in card.error.value
    assert "<b>no more" not in card.error.value
    monkeypatch.undo()
    card.train.click()
    assert card.wait(LONG) == "done"
    assert card.error.value == ""


# -- energy after creation


def test_a_used_up_card_goes_on_with_more_energy(panel, agent):
    cost = agent().run.next_cost() * 1e-6
    card = panel(agent(energy=4 * cost)).cards["Tiny"]
    assert card.limit.value == str(4 * cost)
    card.train.click()
    assert card.wait(LONG) == "out of energy"
    made = card.agent.run.step
    card.limit.value = "1000"
    assert card.agent.budget.limit == 1000
    assert card.state != "out of energy"
    assert "enough left" in card.energy.value
    assert "out of energy" not in card.status.value
    card.n.value = 3
    card.train.click()
    assert card.wait(LONG) == "done"
    assert card.agent.run.step == made + 3
    card.limit.value = "None "
    assert card.agent.budget.limit is None
    assert "no limit" in card.energy.value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("much", "energy must be a number of joules, 0 or more, or none; got &#x27;much&#x27;"),
        ("-1", "energy must be a number of joules"),
        ("<b>", "&lt;b&gt;"),
        ("0", "J are spent already, so the limit cannot be 0 J"),
    ],
)
def test_energy_that_cannot_be_is_said_in_the_card(panel, agent, text, said):
    card = panel(agent(energy=100)).cards["Tiny"]
    card.n.value = 2
    card.train.click()
    card.wait(LONG)
    card.limit.value = text
    assert said in card.error.value
    assert "Traceback" not in card.error.value
    assert card.agent.budget.limit == 100
    card.limit.value = "200"
    assert (card.agent.budget.limit, card.error.value) == (200, "")


def test_the_energy_field_follows_what_is_set_elsewhere_and_changes_no_digit(panel, agent):
    card = panel(agent(energy=1 / 3)).cards["Tiny"]
    assert (card.limit.value, card.agent.budget.limit) == (str(1 / 3), 1 / 3)
    card.agent.configure("energy", 30)
    card.generate.click()
    card.wait(LONG)
    assert card.limit.value == "30"
    card.agent.configure("energy", None)
    card.generate.click()
    card.wait(LONG)
    assert card.limit.value == "none"
    assert card.agent.budget.limit is None


def test_the_inside_is_a_picture_with_its_numbers_in_words(panel, agent):
    tiny = agent()
    tiny.train(3)
    loss = tiny.run.history[-1].loss
    card = panel(tiny).cards["Tiny"]
    assert card.picture.value == ""
    settings, open_before = dict(mpl.rcParams), plt.get_fignums()
    card.inside.click()
    assert card.wait(LONG) == "done"
    light, dark = re.findall(
        r'class="lb-picture lb-when-(?:light|dark)" alt="([^"]+)" src="([^"]+)"', card.picture.value
    )
    assert light[0] == dark[0]
    assert light[1] != dark[1]
    for _, source in (light, dark):
        assert source.startswith("data:image/png;base64,")
        assert base64.b64decode(source.partition(",")[2]).startswith(b"\x89PNG")
    m = measurements(tiny.run)
    assert len(m.matrices) == 9
    for name, matrix in m.matrices.items():
        assert f"{name}: gradient {matrix.gradient_rms:.2g}, update {matrix.update_ratio:.2g}" in light[0]
    assert "of Tiny at step 3" in light[0]
    assert plt.get_fignums() == open_before
    assert dict(mpl.rcParams) == settings
    assert (tiny.run.step, tiny.run.history[-1].loss) == (3, loss)
    card.reset.click()
    assert card.picture.value == ""


def test_two_cards_may_look_inside_while_they_train(panel, agent):
    p = panel(agent("One"), agent("Two"))
    settings = dict(mpl.rcParams)
    for card in p.cards.values():
        card.n.value = 20
        card.train.click()
        card.inside.click()
    assert p.wait(LONG) == {"One": "done", "Two": "done"}
    assert all("lb-picture" in card.picture.value for card in p.cards.values())
    assert dict(mpl.rcParams) == settings
