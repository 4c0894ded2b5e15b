"""What the figure `RouteBoard` carries: boards as they are drawn, and a generator as the page computes it."""

from typing import TYPE_CHECKING, Any

from labkit.plots import routes as plots
from labkit.routes import ROLES, Board
from labkit.routes.tokens import ANY_GRADE, BOS, EOS, PAD

from .page_model import check_config, halves

if TYPE_CHECKING:
    from torch import Tensor

    from labkit.routes.generator import Generator  # it needs torch, which a page of figures does without
    from labkit.routes.tokens import RouteTokenizer


def model_state(generator: "Generator", kept: list[int]) -> dict[str, Any]:
    """What the page computes with: the model with these tokens alone, their ids, and the grammar's numbers.

    Raises:
        ValueError: for a model that the page cannot compute, or weights that float16 has not.
    """
    from labkit.gpt.weights import weights_of
    from labkit.routes.placed import PlacedGPT

    model, tokenizer, rules = generator.model, generator.tokenizer, generator.rules
    if isinstance(model, PlacedGPT):
        model = model.plain()
    check_config(model.config, "RouteBoard")
    weights: dict[str, Tensor] = weights_of(model)
    for name in ("wte.weight", "head.weight"):
        if name in weights:
            weights[name] = weights[name][kept]
    shapes, data = halves(weights, "RouteBoard")
    place = {token: i for i, token in enumerate(kept)}
    ids = tokenizer.ids
    grades = [["any" if grade is None else grade, place[token]] for token, grade in tokenizer.grades.items()]
    return {
        "vocabulary": {
            "bos": place[ids[BOS]],
            "eos": place[ids[EOS]],
            "pad": place[ids[PAD]],
            "any": place[ids[ANY_GRADE]],
            "grades": grades,
            "angles": [[angle, place[token]] for token, angle in tokenizer.angles.items()],
        },
        "rules": {"min_holds": rules.min_holds, "max_holds": rules.max_holds},
        "config": model.config.to_dict() | {"vocab_size": len(kept)},
        "shapes": shapes,
        "weights": data,
    }


def described_board(board: Board, tokenizer: "RouteTokenizer | None", kept: list[int]) -> dict[str, Any]:
    """A board as the page has it. Its holds ascend by id: so do their tokens, four each, in the order of ROLES.

    Args:
        board: to be drawn.
        tokenizer: with its tokens; None: nobody writes.
        kept: ids of the tokens that the page has; it counts them anew.
    """
    config, window = board.config, board.config.window
    colors = plots.COLORS.get(board.key, plots.COLORS["TB2"])
    data: dict[str, Any] = {
        "key": board.key,
        "name": board_name(board),
        "simulated": board.is_simulated,
        "mirrored": config.mirrored,
        "window": [window.left, window.bottom, window.right, window.top],
        "angles": list(config.angles),
        "roles": [
            {
                "name": role,
                "number": config.roles[role],
                "marker": plots.SHAPES[role],
                "color": colors[role],
                "size": plots.SIZES[role] / max(plots.SIZES.values()),
            }
            for role in ROLES
        ],
        "holds": [[hold.id, hold.x, hold.y, hold.mirror, hold.quality] for hold in board.placements.values()],
    }
    if tokenizer is not None:
        place = {token: i for i, token in enumerate(kept)}
        first = next(iter(board.placements))
        data["token"] = place[tokenizer.ids[f"<BOARD_{board.key}>"]]
        data["first"] = place[tokenizer.ids[f"<{board.key}_p{first}_{ROLES[0]}>"]]
    return data


def board_name(board: Board) -> str:
    """What a board is called where people read it; a simulated one is called so."""
    simulated = board.is_simulated
    return f"{board.config.name} (simulated)" if simulated else board.config.name
