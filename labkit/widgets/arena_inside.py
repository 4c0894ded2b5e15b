"""The inside of an agent as a still picture: its gradients and its updates, matrix by matrix."""

import base64
import html
import io
import threading

from labkit.arena import Measurements

DPI = 160
"""Twice the pixels of a usual screen, for those that have more."""

_DRAWING = threading.Lock()
"""The style is matplotlib's, of the whole process: one card at a time."""


def inside_html(m: Measurements, name: str) -> str:
    """The picture of both themes, of which the page shows its own, and in words what there is to see.

    Args:
        m: what was measured.
        name: whose inside it is.
    """
    words = html.escape(inside_words(m, name), quote=True)
    pictures = "".join(
        f'<img class="lb-picture lb-when-{theme}" alt="{words}" src="data:image/png;base64,{_picture(m, dark)}">'
        for theme, dark in (("light", False), ("dark", True))
    )
    title = f"inside {html.escape(name)}, step {m.steps:,}"
    return f'<p class="lb-finding">{title}</p><div class="lb-scroll">{pictures}</div>'


def inside_words(m: Measurements, name: str) -> str:
    """What the picture shows, for who cannot see it: each matrix with its numbers."""
    rows = [f"{key}: gradient {x.gradient_rms:.2g}, update {x.update_ratio:.2g}" for key, x in m.matrices.items()]
    return (
        f"Gradients and updates of {name} at step {m.steps:,}. The root mean square of the gradient of a weight, in "
        f"nats per unit of weight, and the next update as a share of the weights: {'; '.join(rows)}."
    )


def _picture(m: Measurements, dark: bool) -> str:
    """A PNG as base64. Nothing of pyplot: it belongs to the main thread."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from labkit.plots import gradient_distribution, style, update_ratio

    content = io.BytesIO()
    with _DRAWING, style(dark):
        figure = Figure(figsize=(4.8, 2.2 + 0.5 * len(m.matrices)), layout="constrained")
        FigureCanvasAgg(figure)
        for ax, draw, title in zip(
            figure.subplots(2), (gradient_distribution, update_ratio), ("gradients", "updates"), strict=True
        ):
            draw(m, ax)
            ax.set_title(title, pad=14)
        figure.savefig(content, format="png", dpi=DPI)
    return base64.b64encode(content.getvalue()).decode()
