"""The torch engine beside the scalar one: the same losses, names, joules, scores and diagnoses."""

import copy
import dataclasses
import json
import math
import subprocess
import sys

import pytest
import torch

from labkit.arena import Agent, AgentConfig, Battle, Tournament, diagnose, load_agent, measurements, save_agent
from labkit.arena.leaderboard import Entry, Leaderboard, entries_of
from labkit.arena.torch_gpt import TorchGPT
from labkit.scalar import GameGPT
from labkit.training import BackgroundRun, Diverged

SIZES = {"vocab_size": 7, "n_layer": 2, "n_embd": 4, "block_size": 5, "n_head": 2, "seed": 3}
DOCUMENT = [6, 0, 3, 3, 1, 6]
CLOSE = {"rel": 1e-9, "abs": 1e-9}


@pytest.fixture
def pair(make):
    """An agent in either engine, alike in all else."""

    def make_two(**options):
        return make("scalar", engine="scalar", **options), make("torch", engine="torch", **options)

    return make_two


def models(**changes):
    return GameGPT(**SIZES | changes), TorchGPT(**SIZES | changes)


def assert_same_steps(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert (a.step, a.lr, a.tokens, a.extra) == (b.step, b.lr, b.tokens, b.extra)  # joules to the last digit
        assert b.loss == pytest.approx(a.loss, **CLOSE)
        assert b.grad_norm == pytest.approx(a.grad_norm, **CLOSE)


def without_engine(entry):
    return {key: x for key, x in entry.to_row().items() if key not in ("agent", "when")}


# -- training


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_embd": 16, "n_head": 4, "learning_rate": 0.01},
        {"n_embd": 8, "n_layer": 2, "n_head": 1, "block_size": 3},  # longer names are cut
        {"n_embd": 6, "n_layer": 3, "n_head": 3, "seed": 7},
        {"learning_rate": 0.3, "seed": 2**32 - 1},
    ],
    ids=str,
)
def test_equal_losses_for_equal_energy(pair, options):
    scalar, tensors = pair(energy=100.0, **options)
    assert tensors.run.model.get_weights() == scalar.run.model.get_weights()  # to the last bit, before the first step
    for rate, steps in ((None, 25), (0.1, 15), (0.002, 20)):
        if rate is not None:
            scalar.configure("learning_rate", rate)
            tensors.configure("learning_rate", rate)
        assert_same_steps(scalar.train(steps), tensors.train(steps))
    for what in ("get_weights", "gradient_norm"):
        ours, theirs = (getattr(agent.run.model, what)() for agent in (scalar, tensors))
        assert theirs == pytest.approx(ours, **CLOSE)
    assert tensors.run.model.m == pytest.approx(scalar.run.model.m, **CLOSE)
    assert tensors.run.model.v == pytest.approx(scalar.run.model.v, **CLOSE)
    for heat in (0.0, 0.5, 2.0):
        ours, theirs = scalar.generate(12, heat), tensors.generate(12, heat)
        assert [(g.name, g.new) for g in theirs] == [(g.name, g.new) for g in ours]
        assert [g.score for g in theirs] == pytest.approx([g.score for g in ours], abs=1e-6)
    assert tensors.budget.spent_flops == scalar.budget.spent_flops


def test_it_ends_at_the_same_joule(pair):
    scalar, tensors = pair(energy=0.4)
    assert_same_steps(scalar.train(1000), tensors.train(1000))
    assert scalar.stopped_because == tensors.stopped_because == "out of energy"


def test_gradients_are_those_that_measuring_finds():
    model, step = TorchGPT(**SIZES), 1e-5
    loss, gradients, _ = model.read(DOCUMENT)
    assert loss == model.loss(DOCUMENT).data
    for i in range(0, len(model.params), 17):
        weight = model.params[i]
        weight.data += step
        up = model.loss(DOCUMENT).data
        weight.data -= 2 * step
        down = model.loss(DOCUMENT).data
        weight.data += step
        assert gradients[i] == weight.grad == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("tokens", [[], [6], [0, 7], [0, -1], [0, 1.5], [0, True], [0, 1, 2, 3, 4, 5, 0, 99]], ids=str)
def test_a_document_that_cannot_be_is_refused_in_the_same_words_and_changes_nothing(tokens):
    scalar, tensors = models()
    before = tensors.get_weights()
    for act in ("loss", "train_step"):
        with pytest.raises(ValueError, match=r"\w") as ours:
            getattr(scalar, act)(tokens)
        with pytest.raises(ValueError, match=r"\w") as theirs:
            getattr(tensors, act)(tokens)
        assert str(theirs.value) == str(ours.value)
    assert (tensors.get_weights(), tensors.step_count, sum(tensors.m)) == (before, 0, 0)


def test_sizes_that_cannot_be_are_refused_as_ever():
    with pytest.raises(ValueError, match="n_embd must be divisible by n_head"):
        TorchGPT(n_embd=5, n_head=2)


def test_a_norm_whose_square_is_no_float():
    model = TorchGPT(**SIZES)
    for size in (1e-170, 1e200):
        model.params[0].grad, model.params[1].grad = 3 * size, 4 * size
        assert model.gradient_norm() == pytest.approx(5 * size)


def test_divergence_is_the_same_story(pair):
    agents = pair()
    for agent in agents:
        agent.train(22)  # past the twentieth, where the model is remembered
        for p in agent.run.model.state_dict["lm_head"][0]:
            p.data = math.nan
        with pytest.raises(Diverged):
            next(agent.run)
        assert agent.next_step() is not None
    scalar, tensors = agents
    assert_same_steps(scalar.run.history, tensors.run.history)


# -- what lies in tensors is still there as numbers


def test_weights_are_read_and_set_where_they_always_were():
    scalar, tensors = models()
    assert [p.data for p in tensors.params] == [p.data for p in scalar.params]
    assert {name: (len(rows), len(rows[0])) for name, rows in tensors.state_dict.items()} == {
        name: (len(rows), len(rows[0])) for name, rows in scalar.state_dict.items()
    }
    for model in (scalar, tensors):
        model.state_dict["layer1.mlp_fc1"][2][3].data = 1.5
        model.params[0].data -= 0.25
    assert tensors.gpt.blocks[1].mlp.up.weight[2, 3].item() == 1.5
    assert tensors.loss(DOCUMENT).data == pytest.approx(scalar.loss(DOCUMENT).data, **CLOSE)
    with pytest.raises(ValueError, match="expected 460 weights, got 1"):
        tensors.set_weights([0.0])


def test_values_go_through_the_same_weights():
    scalar, tensors = models()
    ours, theirs = scalar.forward(2, 0, *scalar.new_cache()), tensors.forward(2, 0, *tensors.new_cache())
    assert [x.data for x in theirs] == [x.data for x in ours]
    logits = tensors.gpt(torch.tensor([[2]]))[0, 0].tolist()
    assert logits == pytest.approx([x.data for x in ours], **CLOSE)
    for some in (ours, theirs):
        some[1].backward()
    assert [p.grad for p in tensors.params] == [p.grad for p in scalar.params]


def test_weight_files_go_from_engine_to_engine(tmp_path):
    scalar, tensors = models()
    tensors.train_step(DOCUMENT)
    scalar.load_weights(tensors.save_weights(tmp_path / "weights.txt"))
    assert scalar.loss(DOCUMENT).data == pytest.approx(tensors.loss(DOCUMENT).data, abs=1e-7)  # eight decimals
    tensors.load_weights(tmp_path / "weights.txt")
    assert tensors.get_weights() == scalar.get_weights()
    assert (tensors.step_count, sum(tensors.m), sum(tensors.v)) == (0, 0, 0)


@pytest.mark.parametrize("max_len", [2, 4, SIZES["block_size"] + 1])
@pytest.mark.parametrize("temperature", [0, 0.3, 1.0, 3.0])
def test_the_same_names_from_the_same_seed(temperature, max_len):
    scalar, tensors = models()
    for _ in range(10):
        assert tensors.sample(6, 6, temperature, max_len) == scalar.sample(6, 6, temperature, max_len)
    assert tensors.rng.getstate() == scalar.rng.getstate()


# -- copies, states, files


def test_a_copy_goes_on_as_the_agent_does_and_leaves_it_alone(make, numbers):
    agent = make(engine="torch", energy=5)
    agent.train(3)
    twin, fresh = agent.copy(), agent.untrained()
    assert isinstance(twin.run.model, TorchGPT)
    assert twin.state_dict() == agent.state_dict()
    made = numbers(twin.train(4))
    assert agent.run.step == 3
    assert numbers(agent.train(4)) == made
    assert fresh.run.model.get_weights() == make().run.model.get_weights()
    agent.run.reset()
    assert agent.run.model.get_weights() == fresh.run.model.get_weights()


def test_resuming_is_the_same_as_never_having_stopped(make, names, numbers, tmp_path):
    whole, agent = (make("a", engine="torch", energy=2.0) for _ in range(2))
    agent.train(25)
    agent.generate(2)
    path = save_agent(agent, tmp_path)
    assert json.loads(path.read_text())["config"]["engine"] == "torch"
    loaded = load_agent("a", tmp_path, names)
    assert (loaded.config, type(loaded.run.model)) == (agent.config, TorchGPT)
    whole.train(25)
    whole.generate(2)
    whole.train(20)
    loaded.train(20)
    assert numbers(loaded.run.history) == numbers(whole.run.history)  # to the last bit
    assert loaded.generate(3) == whole.generate(3)


def test_what_one_engine_has_learned_the_other_goes_on_with(pair):
    scalar, tensors = pair()
    scalar.train(30)
    tensors.run.load_state_dict(copy.deepcopy(scalar.run.state_dict()))
    assert tensors.run.model.get_weights() == scalar.run.model.get_weights()
    assert_same_steps(scalar.train(30), tensors.train(30))
    scalar.run.load_state_dict(tensors.run.state_dict())
    assert_same_steps(scalar.train(5), tensors.train(5))


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # as if it were not installed
from labkit.arena import Agent, AgentConfig, load_agent
Agent(AgentConfig("plain", n_embd=4, n_head=2)).train(1)
for make in (lambda: Agent(AgentConfig("fast", engine="torch")), lambda: load_agent("a", sys.argv[1])):
    try:
        make()
    except ValueError as error:
        print(error)
"""


def test_without_torch_it_says_so(make, tmp_path):
    save_agent(make("a", data=None, engine="torch"), tmp_path)
    run = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, tmp_path], capture_output=True, text=True, check=True)
    made, loaded = run.stdout.splitlines()
    said = "computes in torch, and torch is not installed here: install PyTorch (pip install torch), or take"
    assert f"agent fast {said} the engine 'scalar'" in made
    assert f"a.agent.json: agent a {said}" in loaded


def test_torch_is_loaded_when_the_first_agent_wants_it():
    code = (
        "import sys, labkit.arena as arena\n"
        "agent = arena.Agent(arena.AgentConfig('a', n_embd=4, n_head=2))\n"
        "agent.train(2), agent.generate(1), arena.diagnose(agent.run)\n"
        "sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- battles, tournaments, the leaderboard


@pytest.mark.parametrize(("means", "fresh"), [({"steps": 60}, True), ({"energy": 1.5}, True), ({"steps": 10}, False)])
def test_a_battle_between_the_engines_is_a_tie(pair, tmp_path, means, fresh):
    scalar, tensors = pair(n_embd=8)
    if not fresh:
        scalar.train(20)
        tensors.train(20)
    battle = Battle(scalar, tensors, **means, fresh=fresh, n_names=20)
    for done in battle:
        assert done.b.loss == (None if done.a.loss is None else pytest.approx(done.a.loss, **CLOSE))
        assert dataclasses.replace(done.b, name="", loss=0) == dataclasses.replace(done.a, name="", loss=0)
    assert battle.over
    result = battle.result()
    a, b = result.a, result.b
    assert result.winner is None
    assert (b.generated, b.uniqueness, b.steps, b.energy, b.stopped_because) == (
        (a.generated, a.uniqueness, a.steps, a.energy, a.stopped_because)
    )
    assert b.perplexity == pytest.approx(a.perplexity, **CLOSE)
    assert b.score == pytest.approx(a.score, **CLOSE)
    board = Leaderboard(tmp_path / "board.jsonl")
    board.add(*entries_of(battle, result))
    ours, theirs = sorted(board.entries(), key=lambda entry: entry.agent)
    assert isinstance(ours, Entry)
    assert without_engine(theirs) == pytest.approx(without_engine(ours), **CLOSE)


def test_a_tournament_of_both_engines(pair):
    players = {agent.name: agent for agent in pair()}

    def play(a, b):
        winner = Battle(a, b, steps=4, n_names=5).result().winner
        return 0.5 if winner is None else float(winner == a.name)

    tournament = Tournament(players, play)
    assert [game.result for game in tournament] == [0.5, 0.5]
    assert {standing.rating for standing in tournament.standings()} == {1500.0}


# -- diagnoses


def scaled(run, factor, part=""):
    for name, rows in run.model.state_dict.items():
        if part in name:
            for row in rows:
                for p in row:
                    p.data *= factor


def some_dead(run):
    for row in run.model.state_dict["layer0.mlp_fc1"][:5]:
        for p in row:
            p.data = 0.0


SICK = {
    "fresh": ({}, lambda run: None, "too_early"),
    "trained": ({"n_embd": 8}, lambda run: [next(run) for _ in range(60)], "healthy"),
    "learning rate 10": ({"learning_rate": 10.0}, lambda run: None, "learning_rate_too_high"),
    "learning rate 1, 20 steps": (
        {"learning_rate": 1.0},
        lambda run: [next(run) for _ in range(20)],
        "learning_rate_too_high",
    ),
    "weights x 100": ({}, lambda run: scaled(run, 100), "exploding_gradients"),
    "weights x 1e-4": ({}, lambda run: scaled(run, 1e-4), "vanishing_gradients"),
    "dead": ({"n_layer": 2}, lambda run: scaled(run, 0, "layer1.mlp_fc1"), "dead_neurons"),
    "some dead": ({}, some_dead, "too_early"),
    "head = 0": ({}, lambda run: scaled(run, 0, "lm_head"), "vanishing_gradients"),
    "nan": ({}, lambda run: scaled(run, math.nan, "wpe"), "not_finite"),
    "weights x 1e200": ({}, lambda run: scaled(run, 1e200), "not_finite"),
    "head x 1e308": ({}, lambda run: scaled(run, 1e308, "lm_head"), "not_finite"),
}


@pytest.mark.parametrize(("options", "spoil", "kind"), SICK.values(), ids=SICK)
def test_the_same_diagnosis(pair, options, spoil, kind):
    scalar, tensors = pair(**{"learning_rate": 0.01} | options)
    for agent in (scalar, tensors):
        spoil(agent.run)
    ours, theirs = diagnose(scalar.run), diagnose(tensors.run)
    assert ours.kind == theirs.kind == kind
    findings = [[(f.kind, f.severity, f.remedy) for f in diagnosis.findings] for diagnosis in (ours, theirs)]
    if kind == "not_finite":  # what else overflows on the way is the engine's own affair
        assert findings[0][0] == findings[1][0]
        return
    assert findings[0] == findings[1]
    m, n = measurements(scalar.run), measurements(tensors.run)
    close = {"rel": 1e-5, "abs": 1e-7, "nan_ok": True}  # at learning rate 1 rounding has grown that much
    assert n.dead == m.dead
    assert n.probe_loss == pytest.approx(m.probe_loss, **close)
    assert list(n.matrices) == list(m.matrices)
    assert n.document_norms == pytest.approx(m.document_norms, **close)
    for name, ours_of_it in m.matrices.items():
        for field in dataclasses.fields(ours_of_it):
            expected = getattr(ours_of_it, field.name)
            assert getattr(n.matrices[name], field.name) == pytest.approx(expected, **close), (name, field.name)


def test_a_probe_changes_nothing(make):
    agent = make(engine="torch")
    agent.train(5)
    model = agent.run.model
    before = (agent.state_dict(), [p.grad for p in model.params], model.rng.getstate())
    diagnose(agent.run)
    measurements(agent.run)
    assert (agent.state_dict(), [p.grad for p in model.params], model.rng.getstate()) == before


def test_a_thread_trains_while_others_read(make):
    agent, alone = make(engine="torch"), make(engine="torch")
    agent.run.max_steps = 40
    driver = BackgroundRun(agent.run)
    driver.train()
    written = agent.generate(3)
    diagnosis = diagnose(agent.run)
    assert driver.wait(30) == "done"
    assert [s.loss for s in agent.run.history] == [s.loss for s in alone.train(40)]
    assert len(written) == 3
    assert math.isfinite(diagnosis.loss)


def test_an_agent_of_the_embedded_names():
    scalar, tensors = (Agent(AgentConfig(engine, n_embd=8, engine=engine)) for engine in ("scalar", "torch"))
    assert_same_steps(scalar.train(50), tensors.train(50))
