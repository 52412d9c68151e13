"""Pictures of runs with matplotlib, in the style of `onedge plot`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ._arguments import shown
from ._errors import ArgumentError, UnsupportedError

# Colours that stay apart under every common colour vision deficiency: M. Okabe and K. Ito, Color Universal Design, 2008.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_DASHES = ("-", (0, (7, 4)), (0, (2, 3)))
_GREY, _INK, _RULE = "#d8d8d8", "#222222", "#666666"

# Name, heading, whether the scale is logarithmic.
_PANELS = {
    "loss": ("training loss", True),
    "rate": ("learning rate", True),
    "sharpness": ("sharpness", True),
    "edge": ("learning rate × sharpness", False),
    "hessian": ("sharpness without preconditioner", True),
    "gradient": ("gradient norm", True),
    "alignment": ("alignment of update and top eigenvector", False),
    "turn": ("cosine between successive updates", False),
}
_USUAL = ("loss", "rate", "sharpness", "edge")
# What the edge panel shows at most, in multiples of the edge.
_MOST_EDGES = 2.5


def plot(runs, *, panels=None, axes=None, title: str | None = None):
    """Draws runs: loss, learning rate, sharpness with the edge of each, and their product.

    Args:
        runs: a run, what `onedge.train` gave, several of them, or a dictionary of such by the name that the legend has.
        panels: which, by the names of `onedge plot`: `loss`, `rate`, `sharpness`, `edge`, `hessian`, `gradient`, `alignment`, `turn`, or the name of
            a reading such as `trace`. By default the first four, as far as there is something to show.
        axes: matplotlib axes to draw in, one for each panel; by default new ones.
        title: of a new figure.

    Returns:
        The axes, one for each panel, as an array; `axes[0].figure.savefig("runs.svg")` keeps them.

    In the panel of sharpness the pale dashed line is the edge over the learning rate, 2 / rate for gradient descent: where the sharpness of a run
    lies above it, a quadratic would diverge. Runs that diverged end in a cross.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise UnsupportedError("plot: expected matplotlib to be installed; try `pip install matplotlib`, or `onedge plot` on run folders") from None
    curves = _curves(runs)
    panels = _panels(panels, curves)
    figure = None
    if axes is None:
        columns = min(2, len(panels))
        rows = -(-len(panels) // columns)
        # Of so many inches each, with room for the legend below.
        figure, grid = plt.subplots(rows, columns, figsize=(5.6 * columns, 3.1 * rows + 0.5), squeeze=False, layout="constrained")
        spare = grid.reshape(-1)[len(panels) :]
        axes = grid.reshape(-1)[: len(panels)]
        for axis in spare:
            axis.set_visible(False)
    axes = np.atleast_1d(np.asarray(axes, dtype=object)).reshape(-1)
    if len(axes) != len(panels):
        raise ArgumentError(f"axes: expected {len(panels)}, one for each of the panels {', '.join(panels)}, got {len(axes)}")
    for panel, axis in zip(panels, axes):
        _draw(axis, panel, curves)
    if figure is not None:
        handles, labels = axes[0].get_legend_handles_labels()
        if len(curves) > 1:
            figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), frameon=False, fontsize=10)
        else:
            title = title or next(iter(curves))
        if title:
            figure.suptitle(title, color=_INK, fontsize=13)
    return axes


def _curves(runs) -> dict:
    """Columns, edge and whether it diverged, by the name of the run."""
    if isinstance(runs, Mapping) and not hasattr(runs, "columns"):
        named = list(runs.items())
    elif hasattr(runs, "columns"):
        named = [(None, runs)]
    elif isinstance(runs, Iterable) and not isinstance(runs, (str, bytes)):
        named = [(None, one) for one in runs]
    else:
        named = [(None, runs)]
    curves = {}
    for name, one in named:
        if not hasattr(one, "columns"):
            raise ArgumentError(f'runs: expected runs or what onedge.train gave, got {shown(one)}; try onedge.run("my-model")')
        name = str(name if name is not None else one.name or "run")
        label, again = name, 2
        while label in curves:
            label, again = f"{name} ({again})", again + 1
        edge = one.get("edge") if hasattr(one, "folder") else one.edge
        diverged = (one.get("status") if hasattr(one, "folder") else one.reason) in ("diverged", "non_finite", "non-finite")
        columns = one.columns
        if len(columns["step"]):
            curves[label] = (columns, edge, diverged)
    if not curves:
        raise ArgumentError("runs: expected at least one with records, got none")
    return curves


def _panels(asked, curves) -> list[str]:
    if asked is None:
        return [name for name in _USUAL if any(np.isfinite(_values(name, columns)).any() for columns, *_ in curves.values())]
    asked = [asked] if isinstance(asked, str) else list(asked)
    readings = sorted({name for columns, *_ in curves.values() for name in columns} - {"step", "eigenvalues", "density"})
    for name in asked:
        if name not in _PANELS and name not in readings:
            import difflib

            near = difflib.get_close_matches(str(name), [*_PANELS, *readings], n=3) or list(_PANELS)
            raise ArgumentError(f"panels: expected names of panels or readings, got {shown(name)}; try {' or '.join(map(repr, near))}")
    return asked


def _values(panel: str, columns: dict) -> np.ndarray:
    none = np.full(len(columns["step"]), np.nan)

    def of(name):
        return columns.get(name, none)

    scaled = of("preconditioned_sharpness")
    sharpness = np.where(np.isnan(scaled), of("sharpness"), scaled)
    known = {
        "rate": of("learning_rate"),
        "sharpness": sharpness,
        "edge": of("learning_rate") * sharpness,
        "hessian": of("sharpness"),
        "gradient": of("gradient_norm"),
        "turn": of("update_cosine"),
    }
    return known.get(panel, of(panel))


def _draw(axis, panel: str, curves: dict):
    heading, log = _PANELS.get(panel, (panel.replace("_", " "), None))
    everything = np.concatenate([_values(panel, columns) for columns, *_ in curves.values()])
    everything = everything[np.isfinite(everything)]
    if log is None:
        log = everything.size > 0 and everything.min() > 0 and everything.max() > 10 * everything.min()
    edges, crosses = {}, []
    for place, (label, (columns, edge, diverged)) in enumerate(curves.items()):
        color, dash = _COLOURS[place % len(_COLOURS)], _DASHES[place // len(_COLOURS) % len(_DASHES)]
        values = _values(panel, columns)
        there = np.isfinite(values) & ((values > 0) | (not log))
        steps, values = columns["step"][there], values[there]
        axis.plot(steps, values, color=color, linestyle=dash, linewidth=1.7, label=label, zorder=3, marker="o" if len(values) == 1 else None, markersize=4)
        if diverged and len(values):
            crosses.append((steps[-1], values[-1], color))
        if edge and panel == "sharpness":
            with np.errstate(divide="ignore", invalid="ignore"):
                limit = edge / columns["learning_rate"]
            # Where the sharpness was measured: rates that go up and down would hide it else.
            limit = np.where(np.isfinite(limit), limit, np.nan)[there]
            axis.plot(steps, limit, color=color, alpha=0.45, linestyle=(0, (6, 4)), linewidth=1.1, zorder=2)
        if edge and panel == "edge":
            edges.setdefault(edge, color)
    if log:
        axis.set_yscale("log")
        _log_ticks(axis)
    ends = [columns["step"][[0, -1]] for columns, *_ in curves.values()]
    first, last = np.min(ends), np.max(ends)
    axis.set_xlim(first - 0.01 * (last - first + 1), last + 0.01 * (last - first + 1))
    for edge, color in edges.items():
        # One edge is everybody's; of several each has the colour of its run.
        axis.axhline(edge, color=_RULE if len(edges) == 1 else color, linestyle=(0, (6, 4)), linewidth=1.2, zorder=2)
    if panel == "sharpness" and everything.size:
        # The line of the edge may leave the panel; the sharpness may not.
        axis.set_ylim(0.5 * everything.min() if everything.min() > 0 else None, 3 * everything.max())
        heading += ", and edge / rate"
    if panel == "edge" and edges and everything.size:
        top = max(edges)
        axis.set_ylim(max(min(0.0, 1.04 * everything.min()), -top), min(1.04 * max(everything.max(), 1.2 * top), _MOST_EDGES * top))
        heading += f" (dashed: edge {top:g}" if len(edges) == 1 else " (dashed: edges"
        heading += "; spikes cut off)" if everything.max() > _MOST_EDGES * top else ")"
    low, high = axis.get_ylim()
    for step, value, color in crosses:
        # On the border, if the end lies beyond it.
        height = float(np.clip(value, low, high))
        axis.plot(step, height, color=color, marker="x", markersize=7, markeredgewidth=2, zorder=4, clip_on=False)
    axis.set_ylim(low, high)
    axis.set_title(heading, loc="left", fontsize=11, color=_INK)
    axis.set_xlabel("step", fontsize=10, color=_INK)
    axis.grid(color=_GREY, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(colors=_INK, labelsize=10, length=0)
    axis.tick_params(which="minor", length=0)
    for side in axis.spines.values():
        side.set_color(_INK)
        side.set_linewidth(0.8)


def _log_ticks(axis):
    """Plain numbers at 1, 3, 10, 30, ..., closer where the range is small and powers of ten alone where it is large."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    class Ticks(LogLocator):
        def tick_values(self, low, high):
            decades = np.log10(high / low) if 0 < low < high else 1
            self.set_params(subs=(1, 2, 3, 4, 5, 6, 8) if decades < 0.7 else (1, 2, 5) if decades < 1.5 else (1, 3) if decades < 3.5 else (1,))
            return super().tick_values(low, high)

    axis.yaxis.set_major_locator(Ticks(base=10, numticks=12))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_minor_formatter(NullFormatter())
