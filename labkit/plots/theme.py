"""The one visual system: colours with a fixed meaning, spacing, fonts, in a light and a dark theme.

Matplotlib takes it through `style()`, figures and pages through `css()`. The hues are the
colour-blind-safe set of Okabe and Ito (2008); on each background they are shaded so that text and
thin lines keep a contrast of 4.5 : 1 against it (WCAG 2.1, measured in the tests).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from cycler import cycler

LIGHT = {
    "bg": "#ffffff",
    "panel": "#f5f6f8",
    "line": "#c9ced6",
    "text": "#1f2328",
    "muted": "#57606a",
    "loss": "#0067a5",
    "validation": "#b34a00",
    "gradient": "#a8468a",
    "good": "#00734f",
    "warn": "#8a6100",
    "bad": "#b3261e",
    "accent": "#0067a5",
    "class0": "#0067a5",
    "class1": "#b34a00",
}
DARK = {
    "bg": "#14181d",
    "panel": "#1e242b",
    "line": "#3d4650",
    "text": "#e6e9ed",
    "muted": "#a3acb7",
    "loss": "#56b4e9",
    "validation": "#f0903f",
    "gradient": "#d98cbc",
    "good": "#2fbf91",
    "warn": "#e6b800",
    "bad": "#ff8a80",
    "accent": "#56b4e9",
    "class0": "#56b4e9",
    "class1": "#f0903f",
}
"""name -> colour. `loss`, `validation`, `gradient` ... mean the same thing in every figure."""

SPACE = {"1": "4px", "2": "8px", "3": "12px", "4": "20px", "5": "32px"}
FONTS = {
    "font": 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
    "mono": 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
}

# Where a host says that it is dark: JupyterLab's attribute, then the book theme's.
DARK_HOSTS = ('[data-jp-theme-light="false"]', 'html[data-theme="dark"]', ".lb-dark")


def css(root: str = ":root") -> str:
    """The tokens as CSS custom properties (`--lb-loss`, `--lb-space-2` ...) for both themes."""
    fixed = {f"space-{name}": size for name, size in SPACE.items()} | FONTS
    light = _block(root, LIGHT | fixed)
    dark = _block(", ".join(DARK_HOSTS), DARK | {"scheme": "dark"})
    return f"{light}\n{dark}\n"


def _block(selector: str, values: dict[str, str]) -> str:
    body = "".join(f"  --lb-{name}: {value};\n" for name, value in values.items())
    return f"{selector} {{\n{body}}}"


@contextmanager
def style(dark: bool = False) -> Iterator[dict[str, str]]:
    """Draw matplotlib figures in the house style; yields the colours by name.

    The background is transparent and lines are mid-tone where a figure is to sit on both themes.
    """
    colors = DARK if dark else LIGHT
    settings: Any = rc_params(colors)  # matplotlib's own type lists every key as a literal
    with mpl.rc_context(settings):
        yield colors


def current() -> dict[str, str]:
    """The colours of the theme that is on: `style(dark=True)` sets the background."""
    return DARK if mpl.rcParams["axes.facecolor"] == DARK["bg"] else LIGHT


def rc_params(colors: dict[str, str]) -> dict[str, Any]:
    """The matplotlib settings of the house style for one set of colours."""
    return {
        "figure.figsize": (6.4, 3.6),
        "figure.facecolor": colors["bg"],
        "figure.dpi": 110,
        "savefig.facecolor": colors["bg"],
        "axes.facecolor": colors["bg"],
        "axes.edgecolor": colors["line"],
        "axes.labelcolor": colors["text"],
        "axes.titlecolor": colors["text"],
        "axes.titlesize": "medium",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=[colors[n] for n in ("loss", "validation", "gradient", "good", "text")]),
        "grid.color": colors["line"],
        "grid.linewidth": 0.5,
        "text.color": colors["text"],
        "xtick.color": colors["muted"],
        "ytick.color": colors["muted"],
        "lines.linewidth": 1.8,
        "legend.frameon": False,
    }
