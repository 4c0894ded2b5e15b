"""Assignment 6: what the messages say about each mistake, other right answers, and the reference beside other sums."""

import math
import random
from itertools import combinations, permutations, product

import numpy as np
import pytest
import torch

from labkit.grading.assignment import WrongAnswerError, grade
from labkit.sampling import Sampling, probabilities

NAME = "06-routes"


@pytest.fixture
def notebook(assignment_named):
    return assignment_named(NAME).namespace()


@pytest.mark.parametrize(
    ("stem", "hint"),
    [
        ("canonical__feet_before_middles", "here all feet come before"),
        ("canonical__feet_after_middles", "here all feet come after"),
        ("canonical__finishes_among_the_middle", "the finishes stand among the middle holds"),
        ("canonical__by_height_alone", "sorted by height alone"),
        ("canonical__ties_by_number", "here it is the lower number"),
        ("canonical__ties_from_right_to_left", "here it is the one on the right"),
        ("canonical__same_place_as_given", "two holds may be at one place"),
        ("canonical__left_to_right_first", "height comes first"),
        ("canonical__from_top_to_bottom", "here it is from top to bottom"),
        ("canonical__in_place", "changed what it was given"),
        ("canonical__borrowed_from_the_package", "this calls labkit.routes"),
        ("encode_route__grade_kept", "with_grade=False leaves the grade out"),
        ("encode_route__without_grade_by_default", "the grade is missing"),
        ("encode_route__holds_in_the_order_given", "the holds are in the order given"),
        ("encode_route__no_end", "<EOS> is missing"),
        ("encode_route__no_beginning", "<BOS> is missing"),
        ("encode_route__unknown_token", "this has to be refused"),
        ("encode_route__unknown_holds_left_out", "this has to be refused"),
        ("encode_route__refused_by_another_error", "a ValueError is needed here"),
        ("encode_route__refused_without_the_name", "without the name in the message"),
        ("encode_route__names_in_place_of_ids", "a list of whole numbers is needed"),
        ("decode_route__grade_always_there", "without a grade, holds begin one token earlier"),
        ("decode_route__grade_of_one_digit", "a grade has one digit or two"),
        ("decode_route__angle_of_two_digits", "names and numbers have any length"),
        ("decode_route__end_is_needed", "<EOS> and padding may be there or not"),
        ("decode_route__any_board", "this has to be refused"),
        ("decode_route__other_boards_left_out", "this has to be refused"),
        ("legal_mask__used_in_another_role", "its role does not matter"),
        ("legal_mask__end_before_a_finish", "a route may end once it has a finish"),
        ("legal_mask__dead_end_at_max_holds", "no room for a finish"),
        ("legal_mask__dead_end_on_a_small_wall", "no room for a finish"),
        ("legal_mask__three_starts", "two holds to start are the most"),
        ("legal_mask__three_finishes", "two holds to finish are the most"),
        ("legal_mask__no_start", "a route begins with a start"),
        ("legal_mask__any_order", "in canonical order it comes before"),
        ("legal_mask__always_upwards", "each part begins at the bottom"),
        ("legal_mask__holds_of_any_board", "it is no hold of K2"),
        ("legal_mask__nothing_after_the_end", "after <EOS> comes <PAD>"),
        ("legal_mask__list_of_ids", "one for each token, is needed"),
        ("sample_token__illegal_logits_are_zero", "a logit of 0 is a logit"),
        ("sample_token__mask_after_top_k", "the mask comes before the k largest"),
        ("sample_token__mask_after_the_softmax", "not 1: the softmax comes last"),
        ("sample_token__mask_too_weak", "a logit that may not come is -inf"),
        ("sample_token__no_mask", "nothing is masked"),
        ("sample_token__keeps_ties", "more than 2: of equal logits the lower id ranks higher"),
        ("sample_token__ties_by_the_higher_id", "here it is the higher"),
        ("sample_token__temperature_multiplies", "here it multiplies"),
        ("sample_token__temperature_after_the_softmax", "the temperature has no effect"),
        ("sample_token__without_the_largest", "exp overflows above 709"),
        ("sample_token__no_top_k", "all legal tokens are kept"),
        ("sample_token__not_renormalised", "not 1: the softmax comes last"),
        ("sample_token__a_generator_of_its_own", "the rng given"),
        ("nearest_route__scans_all", "share no hold with it"),
        ("nearest_route__brute_force", "share no hold with it"),
        ("nearest_route__shared_counted_twice", "shared holds count once"),
        ("nearest_route__divided_by_the_new_one", "not by those of the new one"),
        ("nearest_route__most_shared", "may have many others"),
        ("nearest_route__distance", "this is the distance"),
        ("nearest_route__ties_by_the_last", "the lowest number counts"),
        ("nearest_route__new_holds_fail", "nobody may use a hold"),
        ("nearest_route__never_turned_over", "turned over too"),
        ("nearest_route__turned_over_first", "only if it is nearer than the route as it is"),
        ("nearest_route__part_of_a_mirror_image", "has no mirror image"),
        ("perplexity__padding_counted", "padding is counted"),
        ("perplexity__prompt_counted", "the prompt is counted"),
        ("perplexity__padding_times_zero", "inf times 0 is nan"),
        ("perplexity__product_first", "long products underflow"),
        ("perplexity__end_not_counted", "<EOS> counts"),
        ("perplexity__one_token_late", "the first token behind the prompt"),
        ("perplexity__mean_over_perplexities", "a mean of perplexities"),
        ("perplexity__every_route_the_same", "every route counts the same here"),
        ("perplexity__loss_without_exp", "still in nats"),
        ("perplexity__power_of_two", "2 to the power of nats"),
        ("perplexity__sign", "the sign"),
        ("perplexity__mean_of_probabilities", "not of the probabilities"),
    ],
)
def test_the_message_says_what_is_likely_wrong(wrong_named, stem, hint):
    assignment, path = wrong_named(stem)
    namespace = assignment.namespace()
    exec(path.read_text(encoding="utf-8"), namespace)
    with pytest.raises(WrongAnswerError) as wrong:
        grade(NAME, stem.split("__")[0], namespace)
    assert hint in str(wrong.value)


# -- right in another way


def test_sets_compared_among_the_candidates_alone_are_right_too(notebook):
    def nearest_route(holds, routes, index, twins=None):
        images = [holds]
        if twins and all(hold in twins for hold in holds):
            images.append({twins[hold] for hold in holds})
        found = [(0.0, 0, None)]
        for place, image in enumerate(images):
            for number in {number for hold in image if hold in index for number in index[hold]}:
                known = routes[number]
                found.append((len(image & known) / len(image | known), -place, -number))
        similarity, _, number = max(found, key=lambda each: (each[0], each[1], each[2] is not None, each[2]))
        return similarity, None if number is None else -number

    grade(NAME, "nearest_route", notebook | {"nearest_route": nearest_route})


def test_a_mask_by_rules_without_canonical_is_right_too(notebook):
    def legal_mask(tokens, names, boards, max_holds):
        words = [names[i] for i in tokens]
        if "<EOS>" in words:
            return [name == "<PAD>" for name in names]
        board = words[1][7:-1]
        part = {"start": 0, "middle": 1, "foot": 1, "finish": 2}
        place = {p: (y, x, p) for p, (x, y) in boards[board].items()}
        holds = [(int(word[1:-1].split("_")[1][1:]), word[1:-1].split("_")[2]) for word in words if "_p" in word]
        roles = [role for _, role in holds]
        last = (part[roles[-1]], place[holds[-1][0]]) if holds else (0, (-math.inf,))
        room = min(max_holds, len(place)) - len(holds)

        def legal(name):
            if name == "<EOS>":
                return "finish" in roles
            if not name.startswith(f"<{board}_p"):
                return False
            _, placement, role = name[1:-1].split("_")
            new = part[role], place[int(placement[1:])]
            free = int(placement[1:]) not in dict(holds) and (holds or role == "start") and new > last
            few = role in ("middle", "foot") or roles.count(role) < 2
            return bool(free and few and room >= (1 if role == "finish" else 2))

        return [legal(name) for name in names]

    grade(NAME, "legal_mask", notebook | {"legal_mask": legal_mask})


def test_plain_python_is_right_too(notebook):
    def perplexity(log_probs, tokens, prompt_length, pad):
        losses = [
            -float(log_probs[row, place])
            for row in range(len(tokens))
            for place in range(prompt_length, len(tokens[row]))
            if tokens[row, place] != pad
        ]
        return math.exp(math.fsum(losses) / len(losses))

    def sample_token(logits, legal, k, temperature, rng):
        best = sorted((i for i in range(len(logits)) if legal[i]), key=lambda i: (-logits[i], i))[:k]
        if not temperature:
            return best[0]
        weights = {i: math.exp((logits[i] - logits[best[0]]) / temperature) for i in best}
        return notebook["draw"]([weights.get(i, 0.0) / sum(weights.values()) for i in range(len(logits))], rng)

    # The hidden tests listen to `draw`, so it must be looked up when it is called.
    notebook |= {"perplexity": perplexity, "sample_token": sample_token}
    grade(NAME, "perplexity", notebook)
    grade(NAME, "sample_token", notebook)


# -- the reference


@pytest.mark.parametrize("max_holds", [2, 3, 4, 9])
def test_the_mask_allows_the_beginnings_of_routes_and_nothing_else(notebook, max_holds):
    """Every route on a wall of four holds, written down by trying all sets, and all their beginnings."""
    positions = {3: (0, 5), 1: (4, 5), 8: (2, 0), 6: (2, 0)}
    order = [6, 8, 3, 1]
    names = [
        "<PAD>",
        "<BOS>",
        "<EOS>",
        "<BOARD_W>",
        "<ANGLE_20>",
        *(f"<W_p{p}_{r}>" for p in order for r in notebook["ROLES"]),
    ]
    ends = set()
    for n in range(2, min(max_holds, 4) + 1):
        for chosen, roles in product(combinations(order, n), product(notebook["ROLES"], repeat=n)):
            if 1 <= roles.count("start") <= 2 and 1 <= roles.count("finish") <= 2:
                part = {"start": 0, "middle": 1, "foot": 1, "finish": 2}
                holds = sorted(zip(chosen, roles, strict=True), key=lambda hold: (part[hold[1]], order.index(hold[0])))
                ends.add((*(f"<W_p{p}_{role}>" for p, role in holds), "<EOS>", "<PAD>"))
    assert ends
    after = {}
    for route in ends:
        for n in range(len(route)):
            after.setdefault(route[:n], set()).add(route[n])
    for begun, expected in after.items():
        tokens = [names.index(name) for name in ("<BOS>", "<BOARD_W>", "<ANGLE_20>", *begun)]
        mask = notebook["legal_mask"](tokens, names, {"W": positions}, max_holds)
        assert {name for name, legal in zip(names, mask, strict=True) if legal} == expected


def test_every_order_of_the_same_holds_has_the_same_tokens(notebook):
    holds = [(40, "start"), (21, "start"), (8, "foot"), (3, "middle"), (30, "finish")]
    route = {"board": "W2", "angle": 35, "grade": 12}
    written = {
        tuple(notebook["encode_route"](route | {"holds": list(order)}, notebook["IDS"], notebook["BOARDS"]))
        for order in permutations(holds)
    }
    (tokens,) = written
    back = notebook["decode_route"](tokens, notebook["NAMES"])
    assert back == route | {"holds": notebook["canonical"](holds, notebook["BOARDS"]["W2"])}


def test_sampling_agrees_with_the_package_and_draws_legal_tokens_alone(notebook):
    heard = []
    notebook["draw"] = lambda p, rng: heard.append(p) or int(rng.choice(len(p), p=p))
    rng = np.random.default_rng(3)
    for k, temperature in ((1, 1.0), (3, 0.5), (7, 4.0), (40, 1.3)):
        logits, legal = rng.normal(0, 3, 30), rng.random(30) < 0.3
        token = notebook["sample_token"](logits, legal, k, temperature, rng)
        assert legal[token]
        masked = torch.from_numpy(np.where(legal, logits, -np.inf))
        theirs = probabilities(masked[None], Sampling(temperature=temperature, top_k=k))[0]
        np.testing.assert_allclose(heard[-1], theirs.numpy(), rtol=1e-9, atol=1e-12)


def test_the_nearest_route_is_that_of_a_scan(notebook):
    rng = random.Random(2)
    twins = notebook["TWINS"]
    known = [set(rng.sample(list(twins), rng.randrange(1, 7))) for _ in range(80)]
    index = notebook["inverted_index"](known)
    for _ in range(60):
        holds = set(rng.sample(list(twins), rng.randrange(1, 7)))
        for some in (None, twins):
            images = [holds] if some is None else [holds, {twins[hold] for hold in holds}]
            scan = [[len(image & other) / len(image | other) for other in known] for image in images]
            best = max(scan, key=max)
            assert notebook["nearest_route"](holds, known, index, some) == (max(best), best.index(max(best)))


def test_the_perplexity_is_that_of_torch(notebook):
    rng = torch.Generator().manual_seed(4)
    logits = torch.randn(5, 12, 30, generator=rng, dtype=torch.float64)
    tokens = torch.randint(1, 30, (5, 12), generator=rng)
    for row, n in enumerate((12, 6, 9, 5, 7)):
        tokens[row, n:] = 0
    targets = tokens.masked_fill(torch.arange(12) < 4, 0)
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0).exp()
    chosen = logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
    assert notebook["perplexity"](chosen.numpy(), tokens.numpy(), 4, 0) == pytest.approx(expected.item())


def test_the_model_answer_has_the_numbers_that_the_cell_prints(assignment_named):
    cells = {cell["id"]: cell for cell in assignment_named(NAME).notebook["cells"]}
    printed = "".join("".join(output["text"]) for output in cells["check-tokenisations"]["outputs"])
    answer = "".join(cells["why-tokenisations"]["source"])
    rows = {line.split()[0]: line.split()[1:] for line in printed.splitlines()[2:]}
    assert rows["A"][1] == rows["B"][1] == rows["D"][1]  # one model, told in three ways
    assert float(rows["C"][1]) > float(rows["A"][1])
    assert float(rows["C"][2]) < float(rows["A"][2])
    for number in (rows["A"][1], rows["C"][1], *(rows[model][0].rstrip("0").rstrip(".") for model in "ABD")):
        assert number in answer
