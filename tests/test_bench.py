"""The benchmark against microgpt, with a miniature in its place: equal losses are timed, others refused."""

import pytest

from bench import engines, scalar_gpt

PEER = '''
"""What the bench reads of microgpt, over our own model."""
from types import SimpleNamespace
from labkit.scalar import GameGPT

docs = open("input.txt").read().split()[::-1]
uchars = sorted(set("".join(docs)))
BOS = len(uchars)
vocab_size, n_layer, n_embd, block_size, n_head = BOS + 1, 1, 4, 3, 2
beta1, beta2, eps_adam = 0.8, 0.9, 1e-6
model = GameGPT(vocab_size, n_layer, n_embd, block_size, n_head, seed=7)
params = model.params
num_steps = 1000
print("params", len(params))
for step in range(num_steps):
    lr_t = 0.02 * (1 - step / num_steps) ** 2
    tokens = [BOS, *map(uchars.index, docs[step]), BOS]
    x = model.train_step(tokens, lr_t / (1 - step / 5000), beta1, beta2, eps_adam)
    loss = SimpleNamespace(data=x)
    print(step, x)
raise SystemExit("what comes after the loop is not run")
'''


@pytest.fixture
def peers(tmp_path, monkeypatch):
    """A folder of peers, and names that need no download."""
    names = tmp_path / "names.txt"
    names.write_text("ada\nbo\ncleo\ndan\n" * 3)
    monkeypatch.setattr(scalar_gpt, "fetch", lambda name: names)
    monkeypatch.setattr(scalar_gpt, "STEPS", 6)

    def write(source):
        (tmp_path / "microgpt").mkdir()
        (tmp_path / "microgpt" / "microgpt.py").write_text(source)
        return tmp_path

    return write


def test_equal_losses_are_timed(peers, capsys):
    figures = scalar_gpt.measure(peers(PEER))
    assert list(figures) == [
        "training step, 4,064 parameters (ms)",
        "microgpt's step (ms)",
        "microgpt's time over ours, 100 steps",
        "largest difference of the 100 losses",
    ]
    assert figures["largest difference of the 100 losses"] < 1e-9
    assert all(x > 0 for x in list(figures.values())[:3])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("wrong", ["x + 1e-6 * (step == 3)", "float('nan')", "float('inf')"])
def test_other_losses_are_refused(peers, wrong):
    with pytest.raises(AssertionError, match="losses of 6 steps differ from microgpt's"):
        scalar_gpt.measure(peers(PEER.replace("data=x)", f"data={wrong})")))


def test_other_updates_are_refused(peers):
    with pytest.raises(AssertionError, match="differ from microgpt's"):
        scalar_gpt.measure(peers(PEER.replace("beta2, eps_adam)", "0.95, eps_adam)")))


def test_a_peer_without_its_loop_is_named(peers):
    with pytest.raises(ValueError, match=r"microgpt\.py: no loop `for step in …` found"):
        scalar_gpt.measure(peers("docs = []\n"))


def test_without_the_peer_only_our_step_is_timed(peers, tmp_path):
    for folder in (None, tmp_path):
        assert list(scalar_gpt.measure(folder)) == ["training step, 4,064 parameters (ms)"]


# -- the two engines of the arena


@pytest.fixture
def small(monkeypatch):
    for name, value in {"WIDTHS": (4, 8), "STEPS": 3, "WARM_UP": 1, "BATCH": 8}.items():
        monkeypatch.setattr(engines, name, value)


def test_both_engines_are_timed(small):
    figures = engines.measure(None)
    assert len(figures) == 14
    assert all(x > 0 for x in figures.values())
    assert "width 4: scalars' time over torch's, equal losses" in figures
    assert "width 8: tokens a second in torch, 8 names a step" in figures


def test_engines_that_do_not_agree_are_not_compared(small, monkeypatch):
    plain = engines.TorchGPT.train_step
    monkeypatch.setattr(engines.TorchGPT, "train_step", lambda self, document: plain(self, document, lr=0.02))
    with pytest.raises(AssertionError, match="width 4: the losses of the two engines differ"):
        engines.measure(None)
