"""A batch in single examples, from which some diagnostics draw batches of their own."""

from __future__ import annotations

import numpy as np

from . import _core
from ._builder import Differs
from ._choices import entries
from ._errors import ArgumentError, Error, InternalError
from ._front import Door, Recipe, _Trial

# Those that draw batches, whatever their settings; `trace` does if it gets a `trace_batch`.
DRAWING = ("batch-sharpness", "update-batch-sharpness", "noise-scale")


def drawing(names, settings) -> list[str]:
    """Which of these diagnostics draw batches of examples, with such settings."""
    return [name for name in names if name in DRAWING or name == "trace" and settings.get("trace_batch") is not None]


def drawing_in(section: dict) -> list[str]:
    """The same for the section `diagnostics` of a spec."""
    cadence = {name: next(iter(entries("diagnostic")[name].settings)) for name in (*DRAWING, "trace")}
    return drawing([name for name, key in cadence.items() if section.get(key)], section)


def singles(door: Door, batch, mode: str, options: dict) -> _core.Objective | str:
    """The objective with a part for each example; or why there is none."""
    examples, problem = (None, "the loss has no batch") if batch is None else door.examples(batch)
    if examples is None:
        return problem
    if examples == 1:
        return "the batch has one example"
    try:
        recipe = Recipe.of(door, batch, examples, examples)
        if mode != "mean":
            whole = Recipe.of(door, batch, 1, examples) if examples == 2 else None
            trial = _Trial(door, batch, whole, recipe, options)
            apart = trial.apart()
            for core in trial.cores:
                core.close()
            if apart is not None:
                return apart
        return recipe.plan(batch, **options)
    except Differs:
        return "examples lead to different graphs"
    except InternalError:
        raise
    except Error as error:
        return f"an example cannot be taken alone: {error}"


def same(one: _core.Objective, other: _core.Objective, w: np.ndarray) -> bool:
    """Whether two objectives are the same mean at `w`, but for rounding."""
    (loss, gradient), (other_loss, other_gradient) = one.linearize(w), other.linearize(w)
    near = 1e-9 if one.dtype == "f64" else 5e-4
    scale = max(float(np.abs(gradient).max(initial=0)), 1e-30)
    return abs(loss - other_loss) <= near * max(abs(loss), 1e-30) and float(np.abs(gradient - other_gradient).max(initial=0)) <= 20 * near * scale


def of_objective(objective, w: np.ndarray) -> _core.Objective | str:
    """The batch of an objective in single examples, of the same loss at `w`; or why there is none."""
    found = objective._batches.singles()
    if isinstance(found, str):
        return f"it takes single examples, and {found}"
    if not same(found, objective._core, w):
        raise ArgumentError(
            "batch: its arrays have changed since the objective was given them, or the loss is no mean over examples there; replace the batch by itself, or leave out "
            f"{', '.join(DRAWING)}"
        )
    return found
