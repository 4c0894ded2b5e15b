"""`check` and `grade`, and the hidden tests of each assignment against known-wrong answers; no nbgrader needed."""

import random
import sys
import traceback

import pytest
import torch

from labkit.grading import assignment
from labkit.grading.assignment import WrongAnswerError, agree, check, grade


@pytest.fixture
def tests_of(tmp_path, monkeypatch):
    """Writes hidden tests into an assignment of their own, called `demo`."""
    monkeypatch.setattr(assignment, "ASSIGNMENTS", tmp_path)

    def write(source):
        (tmp_path / "demo").mkdir()
        (tmp_path / "demo" / "hidden_tests.py").write_text(source)

    return write


def complaint(name, namespace, assignment_name="demo"):
    try:
        grade(assignment_name, name, namespace)
    except WrongAnswerError as wrong:
        return str(wrong)
    return ""


# -- the assignments


def complaints(assignment, namespace):
    return {name: complaint(name, namespace, assignment.name) for name in assignment.functions}


def with_wrong(assignment, path):
    namespace = assignment.namespace()
    exec(path.read_text(encoding="utf-8"), namespace)
    return namespace


def test_the_reference_passes_every_hidden_test(assignment):
    assert complaints(assignment, assignment.namespace()) == dict.fromkeys(assignment.functions, "")


def test_a_wrong_solution_fails_the_test_about_it_and_no_other(assignment, wrong):
    found = complaints(assignment, with_wrong(assignment, wrong))
    assert [name for name, text in found.items() if text] == [wrong.stem.split("__")[0]]


def test_the_hidden_tests_leave_the_notebook_as_it_was(assignment):
    namespace = assignment.namespace()
    before = dict(namespace)
    complaints(assignment, namespace)
    assert namespace == before


def test_there_are_wrong_solutions_for_every_function(assignment):
    assert {stem.split("__")[0] for stem in assignment.wrong} == set(assignment.functions)


@pytest.mark.parametrize(
    ("stem", "hint"),
    [
        ("mul__swapped_local_grads", "each child's slope is the other's number"),
        ("reversed_div__operands_as_given", "node / number"),
        ("topological_order__recursive", "explicit stack"),
        ("topological_order__shared_nodes_twice", "more than once"),
        ("backward__assigns_instead_of_adding", "is added"),
        ("numeric_gradient__forward_difference", "one-sided"),
        ("numeric_gradient__divided_by_h", "2 * h apart"),
        ("numeric_gradient__inputs_stay_moved", "must come back"),
        ("softmax__without_the_maximum", "take the largest logit from all of them first"),
        ("softmax__divided_by_the_largest", "add up to 2"),
        ("softmax__total_without_history", "is made of nodes too"),
        ("softmax__numbers_without_history", "a result has no children"),
        ("softmax__borrowed_from_the_package", "with Value's own operators"),
        ("attention__without_the_scale", "not divided by the square root of d"),
        ("attention__divided_by_d", "not by its square root"),
        ("attention__raw_scores_as_weights", "no softmax"),
        ("attention__keys_in_place_of_values", "these are the keys"),
        ("cached_attention__attends_before_appending", "does not see itself"),
        ("cached_attention__sees_the_future", "sees tokens that come after it"),
        ("cached_attention__cache_made_anew", "makes another list"),
        ("cached_attention__cache_of_numbers", "the caches hold nodes, not numbers"),
        ("cross_entropy__log_of_the_softmax", "no log of 0"),
        ("cross_entropy__a_little_added_to_p", "nothing added to p"),
        ("cross_entropy__sum_in_place_of_the_mean", "the sum over the 2 tokens"),
        ("cross_entropy__bits", "in bits"),
        ("cross_entropy__sign", "the sign"),
        ("cross_entropy__log_of_the_mean_probability", "the mean of the logs"),
        ("adam_step__no_bias_correction", "not corrected"),
        ("adam_step__step_from_zero", "step is 1 at the first call"),
        ("adam_step__eps_under_the_root", "after the square root"),
        ("adam_step__square_of_the_mean", "the gradient itself is squared"),
        ("adam_step__corrected_means_kept", "for the update alone"),
        ("adam_step__means_made_anew", "change the caller's list"),
        ("training_flops__no_backward", "the forward pass alone"),
        ("training_flops__backward_as_forward", "a step costs three"),
        ("training_flops__one_flop_per_multiply_add", "a multiply-add is two FLOPs"),
        ("training_flops__attention_over_the_whole_length", "attends to all n"),
        ("training_flops__attention_without_itself", "a token sees itself too"),
        ("training_flops__attention_without_the_mixing", "two rounds"),
        ("training_flops__embedding_lookups", "a row is copied"),
        ("training_flops__logits_in_every_layer", "after the last layer"),
        ("training_flops__six_a_weight", "6 FLOPs a weight"),
        ("training_flops__borrowed_from_the_package", "this calls labkit.arena"),
        ("perplexity__mean_of_perplexities", "exp once"),
        ("perplexity__every_name_the_same", "every name counts the same"),
        ("perplexity__no_end_marks", "the end marks are forgotten"),
        ("perplexity__two_to_the_nats", "2 to the power of nats"),
        ("perplexity__per_name", "divided by the number of names"),
        ("uniqueness__counts_copies", "copying is not writing"),
        ("uniqueness__counts_repetitions", "no longer new"),
        ("uniqueness__counts_the_empty_name", "the empty name is counted"),
        ("uniqueness__divided_by_the_different_names", "divide by all"),
        ("uniqueness__borrowed_from_the_package", "this calls labkit.arena"),
        ("update_ratio__growth_of_the_norm", "how much the norm has grown"),
        ("update_ratio__signs_cancel", "signs cancel"),
        ("update_ratio__sums_of_sizes", "sums of sizes"),
        ("diagnose__vanishing_before_dead", "ask for silent units first"),
        ("diagnose__rate_before_vanishing", "ask for the gradients first"),
        ("diagnose__silent_at_one_token", "half of the outputs are 0"),
        ("diagnose__small_outputs_as_silent", "they are not silent"),
        ("make_batch__targets_not_shifted", "what it has just been told"),
        ("make_batch__targets_shifted_twice", "two tokens later"),
        ("make_batch__targets_before", "the tokens before"),
        ("make_batch__rolled_within_the_window", "outside the window"),
        ("make_batch__columns_as_windows", "has the shape [3, 2]; [2, 3] is needed"),
        ("causal_attention__sees_the_next_token", "sees the next one too"),
        ("causal_attention__does_not_see_itself", "does not see itself"),
        ("causal_attention__no_mask", "there is no mask"),
        ("causal_attention__mask_the_wrong_way_round", "the wrong way round"),
        ("causal_attention__without_the_scale", "not divided by the square root of D"),
        ("causal_attention__divided_by_d", "not by its square root"),
        ("causal_attention__divided_by_the_root_of_the_length", "this is the length T"),
        ("causal_attention__softmax_over_the_queries", "over the keys, the last dimension"),
        ("causal_attention__mask_after_the_softmax", "no longer add up to 1"),
        ("causal_attention__masked_scores_are_zero", "a score of 0 is a score"),
        ("causal_attention__mask_too_weak", "not by -10"),
        ("causal_attention__exp_overflows", "exp overflows above 709"),
        ("causal_attention__weights_without_history", "the gradient to q is not right"),
        ("causal_attention__ready_made", "this calls torch's ready-made attention"),
        ("causal_attention__borrowed_from_the_package", "this calls labkit.gpt"),
        ("lr_at__first_step_at_zero", "one step behind"),
        ("lr_at__warm_up_one_step_too_long", "at step warmup_steps the rate is max_lr"),
        ("lr_at__steps_from_zero", "one step ahead"),
        ("lr_at__cosine_from_the_first_step", "begins at step warmup_steps"),
        ("lr_at__cosine_does_not_reach_the_end", "does not reach its end"),
        ("lr_at__rises_again", "the cosine rises again"),
        ("lr_at__straight_line", "in a straight line"),
        ("lr_at__divided_by_no_warm_up", "with warmup_steps 0 there is no warm-up"),
        ("lr_at__torch_has_one", "this calls torch's schedulers"),
        ("evaluate__in_training_mode", "the model was in training mode"),
        ("evaluate__mode_not_put_back", "afterwards the model is in evaluation mode"),
        ("evaluate__always_training_afterwards", "afterwards the model is in training mode"),
        ("evaluate__with_gradients", "kept in memory for gradients"),
        ("evaluate__mean_of_block_means", "the mean of the blocks' means"),
        ("evaluate__short_block_left_out", "the short block at the end is left out"),
        ("evaluate__first_token_of_a_block_never_predicted", "the first token of each block is never predicted"),
        ("evaluate__borrowed_from_the_package", "this calls labkit.training"),
        ("sample_probabilities__temperature_multiplies", "multiplied by the temperature"),
        ("sample_probabilities__temperature_zero_divides", "do not divide by 0"),
        ("sample_probabilities__greedy_gives_all_of_the_largest", "the lowest id of them gets everything"),
        ("sample_probabilities__top_k_not_renormalised", "has to be divided by its sum"),
        ("sample_probabilities__top_k_keeps_ties", "more than 2 are left"),
        ("sample_probabilities__top_k_sets_logits_to_zero", "a logit of 0 is a logit"),
        ("sample_probabilities__top_p_drops_the_token_that_crosses", "the token that crosses top_p is missing"),
        ("sample_probabilities__top_p_before_top_k", "first top_k, then top_p"),
        ("sample_probabilities__top_p_before_temperature", "temperature comes first"),
        ("sample_probabilities__in_order_of_likelihood", "entry i has to belong to token i"),
        ("sample_probabilities__logits_overwritten", "work on a copy"),
        ("generate__crops_to_the_first_tokens", "the first block_size tokens"),
        ("generate__no_crop", "tokens are more than block_size"),
        ("generate__window_one_short", "one token less than it can see"),
        ("generate__argmax", "the likeliest token was taken"),
        ("generate__first_position", "the logits at the first position"),
        ("generate__new_tokens_alone", "the new tokens alone"),
        ("generate__rolls_the_callers_ids", "what was given stays as it was"),
        ("generate__without_the_rng", "the same seed gives different texts"),
        ("generate__settings_not_handed_on", "have no effect"),
    ],
)
def test_the_message_says_what_is_likely_wrong(wrong_named, stem, hint):
    assignment, path = wrong_named(stem)
    assert hint in complaint(stem.split("__")[0], with_wrong(assignment, path), assignment.name)


@pytest.mark.parametrize(
    ("assignment_name", "name"),
    [("01-value", "mul")]
    + [("02-scalar-gpt", name) for name in ("softmax", "attention", "cached_attention", "cross_entropy")]
    + [("03-arena", name) for name in ("training_flops", "perplexity", "uniqueness", "update_ratio", "diagnose")]
    + [("04-char-gpt", name) for name in ("make_batch", "causal_attention", "lr_at", "evaluate")]
    + [("04-char-gpt", name) for name in ("sample_probabilities", "generate")]
    + [("05-tokenization", name) for name in ("pair_counts", "merge", "train", "encode", "decode", "encode_special")]
    + [("06-routes", name) for name in ("canonical", "encode_route", "decode_route", "legal_mask", "sample_token")]
    + [("06-routes", name) for name in ("nearest_route", "perplexity")]
    + [("07-rlhf", name) for name in ("bradley_terry_loss", "best_of_n", "best_of_n_kl", "rloo_advantages")]
    + [("07-rlhf", name) for name in ("ppo_clip_loss", "dpo_loss", "kl_estimator")],
)
def test_a_function_that_returns_nothing_is_told_so(assignment_named, assignment_name, name):
    namespace = assignment_named(assignment_name).namespace() | {name: lambda *_: None}
    assert "returned None: is the `return` missing?" in complaint(name, namespace, assignment_name)


def test_the_reference_of_assignment_2_agrees_with_torch(assignment_named):
    """A head of attention and a loss over eight tokens, trained for three steps by Adam: the same weights."""
    functions = assignment_named("02-scalar-gpt").namespace()
    rng = random.Random(1)
    shapes = {"xs": (8, 5), "wq": (4, 5), "wk": (4, 5), "wv": (6, 5)}
    start = {name: [[rng.gauss(0, 1) for _ in range(n)] for _ in range(rows)] for name, (rows, n) in shapes.items()}
    targets = [rng.randrange(6) for _ in range(8)]

    ours = {name: [functions["vector"](*row) for row in rows] for name, rows in start.items()}
    params = [p for rows in ours.values() for row in rows for p in row]
    m, v = [0.0] * len(params), [0.0] * len(params)
    theirs = {name: torch.tensor(rows, dtype=torch.float64, requires_grad=True) for name, rows in start.items()}
    adam = torch.optim.Adam(theirs.values(), lr=0.1, betas=(0.85, 0.99))
    for step in (1, 2, 3):
        loss = functions["cross_entropy"](functions["cached_attention"](*ours.values(), [], []), targets)
        for p in params:
            p.grad = 0.0
        loss.backward()
        functions["adam_step"](params, m, v, step, lr=0.1, beta1=0.85, beta2=0.99)

        xs, wq, wk, wv = theirs.values()
        out = torch.nn.functional.scaled_dot_product_attention(xs @ wq.T, xs @ wk.T, xs @ wv.T, is_causal=True)
        expected = torch.nn.functional.cross_entropy(out, torch.tensor(targets))
        adam.zero_grad()
        expected.backward()
        adam.step()
        assert loss.data == pytest.approx(expected.item(), rel=1e-9)
    assert [p.data for p in params] == pytest.approx(torch.cat([t.flatten() for t in theirs.values()]).tolist())


def test_the_sampling_of_assignment_4_agrees_with_transformers(assignment_named):
    """Its logits processors, one after the other; no two logits are equal, so its ties do not matter."""
    processors = pytest.importorskip("transformers.generation.logits_process")
    probabilities = assignment_named("04-char-gpt").namespace()["sample_probabilities"]
    logits = torch.randn(50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for temperature, top_k, top_p in ((0.7, 20, 0.8), (2.0, 5, 0.99), (1.0, 50, 0.3)):
        scores = processors.TemperatureLogitsWarper(temperature)(None, logits[None])
        scores = processors.TopKLogitsWarper(top_k)(None, scores)
        scores = processors.TopPLogitsWarper(top_p)(None, scores)
        torch.testing.assert_close(probabilities(logits, temperature, top_k, top_p), scores[0].softmax(dim=-1))


# -- grade


def test_a_missing_function_is_named(tests_of):
    tests_of("def test_f(f, namespace):\n    f()\n")
    assert complaint("f", {}).startswith("f is not defined")
    assert complaint("f", {"f": 3}).startswith("f is not defined")


def test_whatever_the_function_does_only_a_message_comes_out(tests_of):
    tests_of("def test_f(f, namespace):\n    f()\n")

    def leaves():
        raise SystemExit(3)

    def hangs():
        raise KeyboardInterrupt

    def fails():
        return {}["key"]

    assert "SystemExit" in complaint("f", {"f": leaves})
    assert "too long" in complaint("f", {"f": hangs})
    assert "KeyError: 'key'" in complaint("f", {"f": fails})


def test_no_frame_and_no_line_of_the_hidden_test_is_in_the_traceback(tests_of):
    tests_of("def test_f(f, namespace):\n    secret_limit = 12345\n    assert f() < secret_limit\n")
    seen = []

    def looks_around():
        seen.append("".join(traceback.format_stack()))
        return 99999

    with pytest.raises(WrongAnswerError) as caught:
        grade("demo", "f", {"f": looks_around})
    assert "hidden tests" in seen[0]  # the frame is there for the asking, its source is not
    shown = "".join(traceback.format_exception(caught.value)) + seen[0]
    assert "secret_limit" not in shown
    assert "12345" not in shown
    assert caught.value.__suppress_context__
    assert caught.value._render_traceback_() == str(caught.value).splitlines()


def test_what_the_function_prints_does_not_reach_the_cell(tests_of, capsys):
    tests_of("def test_f(f, namespace):\n    f()\n")

    def noisy():
        print("debugging")
        print("deprecated", file=sys.stderr)

    grade("demo", "f", {"f": noisy})
    assert capsys.readouterr() == ("f: right\n", "")  # nbgrader takes text on stderr for a failure


def test_missing_hidden_tests_are_not_the_learners_fault(tests_of):
    with pytest.raises(FileNotFoundError):
        grade("demo", "f", {"f": print})
    tests_of("")
    with pytest.raises(KeyError, match="test_f"):
        grade("demo", "f", {"f": print})


# -- check


def test_check_prints_what_expected_got_and_why(capsys):
    check("2 + 2", lambda: 5, expected=4, why="two pairs")
    out = capsys.readouterr().out
    assert out.startswith("not yet  2 + 2")
    assert "expected: 4" in out
    assert "got:      5" in out
    assert "why:      two pairs" in out


def test_check_does_not_raise_for_a_stub_or_an_error(capsys):
    def stub():
        raise NotImplementedError("not written yet: put your code in place of this line")

    check("f()", stub, expected=1, why="")
    check("g()", lambda: 1 / 0, expected=1, why="")
    out = capsys.readouterr().out
    assert "not written yet" in out
    assert "raised ZeroDivisionError: division by zero" in out


@pytest.mark.parametrize(
    ("got", "expected", "same"),
    [
        (1, 1.0, True),
        (1.0 + 1e-12, 1.0, True),
        (1e9 + 0.5, 1e9, True),
        (1.001, 1.0, False),
        (float("nan"), 1.0, False),
        (float("inf"), float("inf"), True),
        ([1, 2], (1.0, 2.0), True),
        ([1], [1, 2], False),
        ([[1], 2], [[1.0], 2.0], True),
        (None, 1.0, False),
        ("12", ["1", "2"], False),
    ],
)
def test_agree(got, expected, same):
    assert agree(got, expected) is same
