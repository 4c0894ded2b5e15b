"""GPT-2 in Hugging Face's transformers and here: the same weights, the same logits, both ways."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from labkit.gpt import GPT, GPTConfig, to_hf_state

transformers = pytest.importorskip("transformers")
SIZES = {"vocab_size": 23, "n_positions": 10, "n_layer": 2, "n_embd": 16, "n_head": 4}
ENDS = {"bos_token_id": 0, "eos_token_id": 0}


def make_hf(**changes):
    """A GPT2LMHeadModel in evaluation mode whose biases and gains are random too."""
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**SIZES | ENDS | changes)).eval()
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=rng))
    return model


@pytest.fixture(scope="module")
def hf():
    return make_hf()


@pytest.fixture
def folder(hf, tmp_path):
    hf.save_pretrained(tmp_path)
    return tmp_path


def change(folder, **changes):
    """Edit config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def rename(folder, rule):
    """Rename the tensors of the checkpoint by a function; None leaves one out."""
    tensors = load_file(folder / "model.safetensors")
    save_file(
        {rule(name): t for name, t in tensors.items() if rule(name)}, folder / "model.safetensors", {"format": "pt"}
    )


def same(model, hf):
    ids = torch.randint(23, (3, 10), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = model(ids), hf(ids).logits
    assert float((ours - theirs).abs().max()) < 1e-4
    assert float(theirs.std()) > 0.5  # there was something to compare


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation_function": "relu"},
        {"activation_function": "gelu_pytorch_tanh", "layer_norm_epsilon": 1e-3},
        {"tie_word_embeddings": False},
        {"n_inner": 64},
    ],
)
def test_a_folder_of_save_pretrained_loads(tmp_path, changes):
    hf = make_hf(**changes)
    hf.save_pretrained(tmp_path)
    model = GPT.from_hf(tmp_path)
    assert not model.training
    same(model, hf)


def test_the_way_back(gpt, hf):
    model = gpt("gpt2", vocab_size=23, block_size=10, n_head=4)
    state = to_hf_state(model)
    assert state.keys() == hf.state_dict().keys()
    other = make_hf()
    other.load_state_dict(state)
    same(model, other)


def test_there_and_back(folder, hf):
    for name, tensor in to_hf_state(GPT.from_hf(folder)).items():
        assert torch.equal(tensor, hf.state_dict()[name]), name


def test_padding_as_theirs(folder, hf):
    """Their mask and position ids, on the left."""
    model = GPT.from_hf(folder)
    ids = torch.randint(23, (2, 8), generator=torch.Generator().manual_seed(1))
    real = torch.tensor([[True] * 8, [False] * 3 + [True] * 5])
    positions = (real.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        theirs = hf(ids, attention_mask=real.long(), position_ids=positions).logits
        assert float((model(ids, real) - theirs)[real].abs().max()) < 1e-4


@pytest.mark.parametrize("tied", [True, False])
def test_the_number_of_parameters(tied):
    theirs = transformers.GPT2LMHeadModel(transformers.GPT2Config(**SIZES | ENDS, tie_word_embeddings=tied))
    ours = GPT(GPTConfig.preset("gpt2", 23, block_size=10, n_layer=2, n_embd=16, n_head=4, tied=tied))
    assert ours.n_params == theirs.num_parameters()


def test_the_small_gpt2_has_124_million():
    with torch.device("meta"):
        model = GPT(GPTConfig.preset("gpt2", 50257, block_size=1024, n_layer=12, n_embd=768, n_head=12), seed=None)
    assert model.n_params == 124_439_808


def test_the_first_checkpoints_had_no_prefix_and_kept_the_mask(folder, hf):
    rename(folder, lambda name: name.removeprefix("transformer."))
    tensors = load_file(folder / "model.safetensors")
    tensors["h.0.attn.bias"] = torch.ones(1, 1, 10, 10)
    tensors["h.0.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(tensors, folder / "model.safetensors")
    same(GPT.from_hf(folder), hf)


def test_shards(hf, tmp_path):
    hf.save_pretrained(tmp_path, max_shard_size="10KB")
    assert (tmp_path / "model.safetensors.index.json").is_file()
    same(GPT.from_hf(tmp_path), hf)
    next(tmp_path.glob("model-0000*.safetensors")).unlink()
    with pytest.raises(FileNotFoundError, match="model-0000"):
        GPT.from_hf(tmp_path)


def test_a_shard_elsewhere_is_not_opened(hf, tmp_path):
    hf.save_pretrained(tmp_path, max_shard_size="10KB")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"transformer.wte.weight": "../other.safetensors"}}))
    with pytest.raises(ValueError, match=r"a shard must be a file of the same folder, got '\.\./other"):
        GPT.from_hf(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "llama"}, 'model_type must be "gpt2", got "llama"'),
        ({"model_type": None}, 'model_type must be "gpt2", got null'),
        ({"activation_function": "silu"}, "activation_function must be one of gelu_new, gelu_pytorch_tanh, relu"),
        ({"activation_function": "gelu"}, "got 'gelu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx must be false, got true"),
        ({"scale_attn_weights": False}, "scale_attn_weights must be true"),
        ({"add_cross_attention": True}, "add_cross_attention must be false"),
        ({"quantization_config": {"bits": 4}}, "quantization_config must be null"),
        ({"n_inner": 32}, r"n_inner must be 4 n_embd \(64\), got 32"),
        ({"n_layer": "2"}, "n_layer must be a whole number"),
        ({"n_layer": 3}, r"'h\.2\.ln_1\.weight' is missing"),
        ({"n_layer": 1}, r"has no tensor 'h\.1"),
        ({"n_positions": 12}, r"wpe\.weight should have the shape \[12, 16\], got \[10, 16\]"),
    ],
)
def test_what_a_gpt_cannot_be(folder, changes, words):
    change(folder, **changes)
    with pytest.raises(ValueError, match=words) as error:
        GPT.from_hf(folder)
    assert str(folder) in str(error.value)


def test_missing_and_unknown_tensors(folder):
    rename(folder, lambda name: name if "ln_f.bias" not in name else None)
    with pytest.raises(ValueError, match=r"the tensor 'ln_f\.bias' is missing"):
        GPT.from_hf(folder)
    rename(folder, lambda name: name.replace("ln_f.weight", "score.weight"))
    with pytest.raises(ValueError, match=r"'ln_f\.weight' is missing"):
        GPT.from_hf(folder)


def test_a_folder_with_a_pickle_alone(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pytorch_model\.bin: a pickle, which can run code .*save_pretrained"):
        GPT.from_hf(folder)


def test_folders_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="downloads nothing"):
        GPT.from_hf(tmp_path / "gpt2")
    with pytest.raises(FileNotFoundError, match=r"config\.json: there is no such file"):
        GPT.from_hf(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json: not JSON"):
        GPT.from_hf(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match="should be a JSON object, got list"):
        GPT.from_hf(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(FileNotFoundError, match=r"no model\.safetensors"):
        GPT.from_hf(tmp_path)


def test_only_a_gpt2_has_its_state(gpt):
    with pytest.raises(ValueError, match=r"this model has norm='rmsnorm', .*activation='relu2'"):
        to_hf_state(gpt("modern"))
