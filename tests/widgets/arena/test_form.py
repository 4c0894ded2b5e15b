"""The arena's form: agents are created, saved and loaded, and what cannot be is said there."""

import math

import pytest

from labkit.arena import load_agent, save_agent

LONG = 60  # seconds after which a wait has failed


def fill(form, **values):
    for name, value in values.items():
        getattr(form, name).value = value
    form.create.click()
    form.panel.wait(LONG)


def test_an_agent_is_created_as_the_form_says(panel):
    p = panel()
    fill(p.form, name="Tiny", n_embd=4, n_layer=2, n_head=2, learning_rate=0.02, energy="5")
    card = p.cards["Tiny"]
    config = card.agent.config
    assert (config.n_embd, config.n_layer, config.n_head, config.learning_rate) == (4, 2, 2, 0.02)
    assert card.agent.budget.limit == 5
    assert card.agent.names is p.names
    assert p.form.error.value == ""
    assert "width 4 · 2 layers · 2 heads" in card.children[0].value
    assert f"{len(card.agent.run.model.params):,} parameters" in card.children[0].value
    assert repr(p) == "ArenaPanel: Tiny (idle)"


def test_an_agent_in_torch_is_created_trained_and_loaded_again(panel, tmp_path):
    p = panel(folder=tmp_path)
    assert p.form.engine.options == ("scalar", "torch")
    fill(p.form, name="Slow", n_embd=4, n_head=2)
    fill(p.form, name="Fast", n_embd=4, n_head=2, engine="torch")
    slow, fast = (p.cards[name] for name in ("Slow", "Fast"))
    assert (slow.agent.config.engine, fast.agent.config.engine) == ("scalar", "torch")
    assert "parameters · torch" in fast.children[0].value
    assert "torch" not in slow.children[0].value
    for card in (slow, fast):
        card.n.value = 5
        card.train.click()
        card.generate.click()
        card.diagnose.click()
        card.inside.click()
        assert card.wait(LONG) == "done"
    losses = [[step.loss for step in card.agent.run.history] for card in (slow, fast)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-9)
    assert [g.name for g in fast.generated] == [g.name for g in slow.generated]
    assert fast.diagnosis.kind == slow.diagnosis.kind
    assert "Fast" in fast.picture.value
    fast.save.click()
    fast.wait(LONG)
    p.form.refresh()
    p.form.load.click()
    p.wait(LONG)
    assert p.cards["Fast"].agent.config.engine == "torch"
    assert p.cards["Fast"].agent.run.step == 5


@pytest.mark.parametrize("said", ["none", " NONE ", ""])
def test_energy_without_limit(panel, said):
    p = panel()
    fill(p.form, name="Tiny", n_embd=4, energy=said)
    assert p.cards["Tiny"].agent.budget.limit is None
    assert "no limit" in p.cards["Tiny"].energy.value


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "write 1 to 32 letters"),
        ({"name": "../passwd"}, "write 1 to 32 letters"),
        ({"name": "<b>"}, "&lt;b&gt;"),
        ({"name": "CON"}, "Windows keeps this name"),
        ({"name": "there"}, "there is an agent &#x27;There&#x27; already"),
        ({"n_embd": 6}, "n_head may be 1, 2, 3, 6"),
        ({"n_layer": 0}, "n_layer must be a whole number 1 … 8"),
        ({"learning_rate": 0}, "learning_rate must be 0.0001 … 100"),
        ({"learning_rate": math.nan}, "learning_rate must be"),
        ({"energy": "much"}, "energy must be a number of joules"),
        ({"energy": "-1"}, "energy must be a number of joules"),
        ({"energy": "inf"}, "energy must be a number of joules"),
    ],
)
def test_what_cannot_be_is_said_at_the_form(panel, agent, values, said):
    p = panel(agent("There"))
    fill(p.form, **{"name": "Tiny"} | values)
    assert said in p.form.error.value
    assert "Traceback" not in p.form.error.value
    assert "<b>" not in p.form.error.value
    assert list(p.cards) == ["There"]
    fill(p.form, name="Good", n_embd=4, n_layer=1, n_head=2, learning_rate=0.1, energy="1")
    assert p.form.error.value == ""


# -- save and load


def test_save_and_load(panel, agent, tmp_path, drawn):
    p = panel(agent(), folder=tmp_path)
    card = p.cards["Tiny"]
    assert p.form.saved.options == ()
    card.n.value = 3
    card.train.click()
    card.save.click()
    p.wait(LONG)
    assert load_agent("Tiny", tmp_path, p.names).run.step in (0, 1, 2, 3)  # saving comes first
    card.save.click()
    p.wait(LONG)
    assert "saved as" in card.status.value
    assert p.form.saved.options == ("Tiny",)

    other = panel(folder=tmp_path)
    other.form.load.click()
    other.wait(LONG)
    assert other.cards["Tiny"].agent.run.step == 3
    assert drawn(other.cards["Tiny"].chart)[0].tolist() == [1, 2, 3]

    card.train.click()
    p.wait(LONG)
    p.form.load.click()  # a card of that name goes back to what was saved
    p.wait(LONG)
    assert p.cards["Tiny"] is not card
    assert p.agents["Tiny"].run.step == 3
    assert len(p._row.children) == 1


def test_what_cannot_be_loaded_or_saved_is_said(panel, agent, tmp_path):
    p = panel(agent(), folder=tmp_path)
    p.form.load.click()
    assert "there is no saved agent yet" in p.form.error.value
    save_agent(agent("Broken"), tmp_path)
    (tmp_path / "Broken.agent.json").write_text('{"format": "<b>"}')
    p.form.refresh()
    p.form.load.click()
    p.wait(LONG)
    assert "not an agent" in p.form.error.value
    assert "<b>" not in p.form.error.value
    save_agent(agent("TINY"), tmp_path)
    p.cards["Tiny"].save.click()
    p.wait(LONG)
    assert "differs in more than case" in p.cards["Tiny"].error.value
