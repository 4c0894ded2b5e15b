"""Assignment 5: what the messages say about each mistake, and the reference beside tiktoken."""

import pytest

from labkit.data import load_text
from labkit.grading.assignment import WrongAnswerError, grade
from labkit.tokenizers.patterns import PATTERNS

NAME = "05-tokenization"


@pytest.mark.parametrize(
    ("stem", "hint"),
    [
        ("pair_counts__no_overlap", "7 7 7 has 7 7 twice"),
        ("pair_counts__ignores_the_counts", "a chunk that comes n times counts n times"),
        ("pair_counts__once_in_a_chunk", "the same pair many times"),
        ("pair_counts__across_chunks", "from one chunk into the next"),
        ("pair_counts__either_order", "1, 2 is another pair than 2, 1"),
        ("pair_counts__in_order_of_frequency", "in the order in which they first come"),
        ("pair_counts__chunks_used_up", "leave them as they were"),
        ("merge__first_place_only", "only the first place is merged"),
        ("merge__right_part_stays", "the right part of the pair is still there"),
        ("merge__overlapping", "used up is used again"),
        ("merge__right_to_left", "from right to left"),
        ("merge__either_order", "turned round too"),
        ("merge__last_id_lost", "the last id is lost"),
        ("merge__beyond_the_end", "the last id has nobody after it"),
        ("merge__in_place", "make a new one"),
        ("merge__borrowed_from_the_package", "this calls labkit.tokenizers"),
        ("train__across_chunks", "no pair reaches across a cut"),
        ("train__chunks_counted_once", "here each counts once"),
        ("train__characters", "bytes in UTF-8, not as characters"),
        ("train__ties_by_the_larger_pair", "not the larger one"),
        ("train__ties_by_the_smaller_pair", "not the smaller one"),
        ("train__ties_by_the_last", "not the one that comes last"),
        ("train__least_frequent", "the least frequent pair was taken"),
        ("train__tokens_from_257", "the first merge makes token 256"),
        ("train__vocab_size_without_the_bytes", "vocab_size counts the 256 bytes too"),
        ("train__not_counted_again", "pairs have to be counted again"),
        ("train__stops_at_pairs_that_stand_once", "stops at pairs that stand once"),
        ("train__fails_when_no_pair_is_left", "there may be no pair left"),
        ("train__overlapping_pairs_left_out", "aaa has two pairs aa"),
        ("encode__longest_match", "the longest token that fits"),
        ("encode__leftmost_pair_first", "the leftmost pair was merged first"),
        ("encode__last_learned_first", "learned last was merged first"),
        ("encode__one_merge", "it stops after one merge"),
        ("encode__each_merge_at_its_first_place", "not at the first alone"),
        ("encode__last_to_first", "from the last to the first"),
        ("encode__across_chunks", "tokens reach across a cut"),
        ("encode__characters", "ids begin as bytes"),
        ("encode__tokens_from_257", "token 256, not 257"),
        ("encode__a_list_for_each_chunk", "a list of whole numbers is needed"),
        ("decode__each_token_alone", "join the bytes of all first"),
        ("decode__errors_ignored", "U+FFFD has to stand for it"),
        ("decode__strict", "errors='replace' writes U+FFFD"),
        ("decode__latin_1", "up to four bytes for one"),
        ("decode__special_left_out", "written as their names, not left out"),
        ("decode__special_after_the_merges", "the ids that special says"),
        ("decode__bytes", "a str is needed"),
        ("encode_special__shortest_first", "the longest counts"),
        ("encode_special__in_the_order_given", "the longest counts"),
        ("encode_special__left_out", "the special token itself is missing"),
        ("encode_special__between_left_out", "what stands between the names is missing"),
        ("encode_special__chunks_that_are_names", "the name was encoded as text"),
        ("encode_special__text_allowed", "with 'text' a name is text like any other"),
        ("encode_special__allowed_by_default", "this has to be refused"),
        ("encode_special__any_policy", "this has to be refused"),
        ("encode_special__refused_by_another_error", "a ValueError is needed here"),
        ("encode_special__refused_without_the_name", "without the name in the message"),
    ],
)
def test_the_message_says_what_is_likely_wrong(wrong_named, stem, hint):
    assignment, path = wrong_named(stem)
    namespace = assignment.namespace()
    exec(path.read_text(encoding="utf-8"), namespace)
    with pytest.raises(WrongAnswerError) as wrong:
        grade(NAME, stem.split("__")[0], namespace)
    assert hint in str(wrong.value)


def test_going_through_the_merges_once_is_right_too(assignment_named):
    """As the hint says: a merge makes pairs with the new token only, and these come later."""
    namespace = assignment_named(NAME).namespace()

    def encode(text, merges):
        result = []
        for chunk in namespace["cut"](text):
            ids = list(chunk.encode())
            for token, pair in enumerate(merges, start=256):
                ids = namespace["merge"](ids, pair, token)
            result += ids
        return result

    grade(NAME, "encode", namespace | {"encode": encode})


def test_the_reference_agrees_with_tiktoken(assignment_named):
    """Its merges as ranks of bytes: the same ids and the same texts, special tokens included."""
    tiktoken = pytest.importorskip("tiktoken")
    functions = assignment_named(NAME).namespace()
    text = load_text("python-topics")
    merges = functions["train"](text.train[:6000], 320)
    special = {"<|end|>": 320, "<|end|>?": 321}
    spelled = [bytes([byte]) for byte in range(256)]
    for left, right in merges:
        spelled.append(spelled[left] + spelled[right])
    ranks = {part: token for token, part in enumerate(spelled)}
    theirs = tiktoken.Encoding("assignment", pat_str=PATTERNS["gpt4"], mergeable_ranks=ranks, special_tokens=special)
    for line in [*text.validation[:2000].splitlines(), "naïve שלום 你好 🚀", "a<|end|>b<|end|>?c"]:
        ids = theirs.encode(line, allowed_special="all")
        assert functions["encode_special"](line, merges, special, "allow") == ids
        assert functions["decode"](ids, merges, special) == theirs.decode(ids)
        plain = theirs.encode(line, disallowed_special=())
        assert functions["encode_special"](line, merges, special, "text") == plain
