"""Classifier-free guidance: against transformers, against logits put together by hand, and what cannot be."""

import pytest
import torch

from labkit.sampling import Sampling, generate

GREEDY = Sampling(temperature=0)
PROMPTS, OTHERS = [[1, 2, 3], [4], [5, 6]], [[7, 2, 3], [8], [9]]


@pytest.mark.parametrize("guidance", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("cached", [True, False])
def test_logits_are_the_mixture_of_two_readings(gpt, guidance, cached):
    model = gpt("modern", block_size=32, zero_init=False)
    found = generate(model, PROMPTS, 6, GREEDY, cached=cached, against=OTHERS, guidance=guidance)
    for prompt, other, tokens in zip(PROMPTS, OTHERS, found, strict=True):
        for i, token in enumerate(tokens):
            with torch.no_grad():
                told, untold = (model(torch.tensor([ids + tokens[:i]]))[0, -1] for ids in (prompt, other))
            assert token == int((untold + guidance * (told - untold)).argmax())


def test_greedy_is_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    from labkit.gpt import GPT

    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=40,
        n_positions=32,
        n_embd=16,
        n_layer=2,
        n_head=2,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=None,
    )
    theirs = transformers.GPT2LMHeadModel(config).eval()
    theirs.save_pretrained(tmp_path)
    ours = GPT.from_hf(tmp_path)
    plain = generate(ours, [[1, 2, 3]], 10, GREEDY)[0]
    texts = []
    for guidance in (1.5, 3.0):
        wanted = theirs.generate(
            torch.tensor([[1, 2, 3]]),
            max_new_tokens=10,
            do_sample=False,
            pad_token_id=0,
            guidance_scale=guidance,
            negative_prompt_ids=torch.tensor([[4, 5]]),
        )
        texts.append(generate(ours, [[1, 2, 3]], 10, GREEDY, against=[[4, 5]], guidance=guidance)[0])
        assert texts[-1] == wanted[0, 3:].tolist()
    assert any(text != plain for text in texts)  # else this would have shown nothing


def test_rows_end_and_go_on_together(gpt):
    model = gpt("modern", block_size=32, zero_init=False)
    alone = [generate(model, [p], 8, GREEDY, stop=[0, 1, 2], against=[o], guidance=2.0)[0]
             for p, o in zip(PROMPTS, OTHERS, strict=True)]  # fmt: skip
    assert generate(model, PROMPTS, 8, GREEDY, stop=[0, 1, 2], against=OTHERS, guidance=2.0) == alone
    assert len(set(map(len, alone))) > 1 or any(row[-1] in (0, 1, 2) for row in alone)


def test_one_is_the_model_alone_and_zero_the_other_prompt(gpt):
    model = gpt("modern", block_size=32, zero_init=False)
    assert generate(model, PROMPTS, 6, seed=3, against=OTHERS) == generate(model, PROMPTS, 6, seed=3)
    assert generate(model, PROMPTS, 6, seed=3, against=OTHERS, guidance=0) == generate(model, OTHERS, 6, seed=3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"guidance": 2.0}, "guidance=2 needs `against`"),
        ({"guidance": -1, "against": OTHERS}, "guidance must be a number of at least 0"),
        ({"guidance": float("nan"), "against": OTHERS}, "guidance must be"),
        ({"guidance": True, "against": OTHERS}, "guidance must be"),
        ({"guidance": 2.0, "against": OTHERS[:2]}, "for each of 3, got 2"),
        ({"guidance": 2.0, "against": [[1], [], [2]]}, "against must have a prompt, not empty"),
        ({"guidance": 2.0, "against": [[1], [999], [2]]}, "against 1 has the token 999"),
    ],
)
def test_what_cannot_be_is_refused(gpt, changes, words):
    with pytest.raises(ValueError, match=words):
        generate(gpt("modern"), PROMPTS, 2, **changes)
