"""What the arena's panel says, as HTML: energy, names, findings, a verdict, the leaderboard."""

import html
import math
from collections.abc import Sequence

from labkit.arena import TIE_POINTS, BattleResult, Generated, Outcome, Standing
from labkit.arena.diagnose import Diagnosis
from labkit.arena.leaderboard import QUALIFYING_SCORE, Entry

LOW = 0.8
"""The share of the energy from which on it is called low."""
SAMPLES = 8
BEST = 10


def joules(x: float) -> str:
    """Three digits, and no exponent where people read it."""
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def meter(share: float, label: str, kind: str = "") -> str:
    """A bar filled to `share`, 0 … 1."""
    percent = 100 * min(1.0, max(0.0, share))
    return (
        f'<span class="lb-meter{f" lb-{kind}" if kind else ""}" role="meter" aria-label="{html.escape(label)}" '
        f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent:.0f}">'
        f'<span style="width:{percent:.1f}%"></span></span>'
    )


def energy_html(label: str, spent: float, limit: float | None, gone: bool) -> str:
    """What is spent of what there is: the bar, the numbers, a word.

    Args:
        label: whose, or "energy".
        spent: in joules.
        limit: None is without limit, and without a bar.
        gone: whether the next step cannot be paid.
    """
    name = html.escape(label)
    if limit is None:
        return f"{name} {joules(spent)} J spent · no limit"
    share = spent / limit if limit else 1.0
    kind, word = ("bad", "used up") if gone else ("warn", "low") if share > LOW else ("good", "enough left")
    return (
        f"{name} {meter(share, f'{label}, share spent', kind)} {joules(spent)} of {joules(limit)} J · "
        f'<b class="lb-verdict-{kind}">{word}</b>'
    )


def names_html(names: Sequence[Generated]) -> str:
    """Each name with its points, and whether it is new in a word."""
    rows: list[str] = []
    earlier: set[str] = set()
    for one in names:
        if one.new:
            kind, word = "good", "new"
        elif not one.name:
            kind, word = "bad", "empty"
        elif one.name in earlier:
            kind, word = "warn", "repeated"
        else:
            kind, word = "warn", "copied"
        earlier.add(one.name)
        rows.append(
            f'<li><span class="lb-text">{html.escape(one.name) or "–"}</span> '
            f'<span class="lb-verdict-{kind}">{word}</span> <span class="lb-num">{one.score:.0f}</span></li>'
        )
    return f'<ol class="lb-names">{"".join(rows)}</ol>' if rows else ""


def tally_html(names: Sequence[Generated]) -> str:
    """How many are new, and the mean of the points."""
    if not names:
        return ""
    new, mean = sum(one.new for one in names), math.fsum(one.score for one in names) / len(names)
    return f'<p class="lb-note">new {new} of {len(names)} · {mean:.0f} points on average, of 100</p>'


def diagnosis_html(found: Diagnosis | None) -> str:
    """The findings with their numbers and what to do."""
    if found is None:
        return ""
    at = f"step {found.steps:,}, loss {found.loss:.4g} nats"
    if not found.findings:
        kind, word = ("warn", "too early to say") if found.too_early else ("good", "healthy")
        return f'<p class="lb-finding"><b class="lb-verdict-{kind}">{word}</b> · {at}</p>'
    rows = [
        f'<li><b class="lb-verdict-{"bad" if one.severity == "critical" else "warn"}">'
        f"{html.escape(one.kind.replace('_', ' '))} ({one.severity})</b>: {html.escape(one.evidence)}."
        f'<p class="lb-note">{html.escape(one.remedy)}</p></li>'
        for one in found.findings
    ]
    return f'<p class="lb-finding">diagnosis at {at}</p><ol class="lb-findings">{"".join(rows)}</ol>'


def verdict_html(result: BattleResult, rounds: int, whole: bool) -> str:
    """Who won, in a sentence; both sides' numbers; some names of each."""
    a, b = result.a, result.b
    parts = [f'<p class="lb-verdict" role="status"><b>{html.escape(sentence(result, rounds, whole))}</b></p>']
    rows = [
        ("score, 0 … 100", *(f"{x.score:.1f}" for x in (a, b))),
        ("perplexity, held-out names", *(_number(x.perplexity) for x in (a, b))),
        ("new names", *(f"{x.uniqueness:.0%}" for x in (a, b))),
        ("steps", *(f"{x.steps:,}" for x in (a, b))),
        ("energy, J", *(joules(x.energy) for x in (a, b))),
        ("ended", *(x.stopped_because or "cut short" for x in (a, b))),
    ]
    body = "".join(
        f'<tr><th scope="row">{what}</th>{"".join(f"<td>{html.escape(value)}</td>" for value in values)}</tr>'
        for what, *values in rows
    )
    heads = "".join(
        f'<th scope="col">{html.escape(x.name)}{" (winner)" if whole and x.name == result.winner else ""}</th>'
        for x in (a, b)
    )
    parts.append(
        '<div class="lb-scroll"><table class="lb-table">'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    for outcome in (a, b):
        if outcome.trouble:
            parts.append(f'<p class="lb-verdict-bad">{html.escape(f"{outcome.name}: {outcome.trouble}")}</p>')
        parts.append(f'<p class="lb-note">{html.escape(_sample(outcome))}</p>')
    return "".join(parts)


def sentence(result: BattleResult, rounds: int, whole: bool) -> str:
    """The verdict in words."""
    a, b = sorted((result.a, result.b), key=lambda x: -x.score)
    points = f"{a.score:.1f} to {b.score:.1f} points"
    cut = "" if whole else f"Cut short after {rounds:,} round{'s' * (rounds != 1)}. "
    if result.winner is None:
        return f"{cut}A tie: {points} (less than {TIE_POINTS:g} apart)."
    return f"{cut}{result.winner} {'wins' if whole else 'leads'}: {points}."


def _sample(outcome: Outcome) -> str:
    different = [name for name in dict.fromkeys(outcome.generated) if name]
    said = ", ".join(different[:SAMPLES]) or "nothing but empty names"
    return f"{outcome.name} wrote: {said}{' …' if len(different) > SAMPLES else ''}"


def leaderboard_html(ranking: Sequence[Entry]) -> str:
    """The best attempt of each agent, by points per kilojoule."""
    if not ranking:
        return '<p class="lb-note">The leaderboard is empty: a battle fought to the end enters both sides.</p>'
    heads = ("", "agent", "points per kJ", "score", "energy, J", "perplexity")
    rows = [
        (
            str(rank),
            one.agent,
            _number(one.rating) if one.qualified else "–",
            f"{one.score:.1f}",
            joules(one.energy),
            _number(one.perplexity),
        )
        for rank, one in enumerate(ranking[:BEST], start=1)
    ]
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return (
        '<p class="lb-arena-title">Leaderboard</p><div class="lb-scroll"><table class="lb-table lb-ranks">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<p class="lb-note">Attempts under {QUALIFYING_SCORE:g} points come last: the first points are cheap.</p>'
    )


def standings_html(standings: Sequence[Standing]) -> str:
    """The table of a tournament: ratings with their intervals, and what was counted."""
    if not standings:
        return ""
    heads = ("", "agent", "Elo", "95 % between", "games", "won", "drawn", "lost")
    rows = [
        (rank, s.player, f"{s.rating:.0f}", f"{s.low:.0f} and {s.high:.0f}", s.games, s.wins, s.draws, s.losses)
        for rank, s in enumerate(standings, start=1)
    ]
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return (
        '<div class="lb-scroll"><table class="lb-table lb-ranks">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        '<p class="lb-note">1500 on average; 400 points more are odds of 10 to 1. Where two intervals overlap, '
        "play more games.</p>"
    )


def _number(x: float) -> str:
    """Four digits, no exponent up to a million, a sign for infinity."""
    if x == math.inf:
        return "∞"
    return f"{x:,.0f}" if 1000 <= x < 1e6 else f"{x:.4g}"
