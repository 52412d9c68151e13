"""Diagnostics at the point of an objective."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from . import _core
from ._arguments import number, seed_of, shown
from ._errors import ArgumentError, StateError
from ._html import pairs
from ._singles import drawing, of_objective


class Diagnostics(Mapping):
    """What was measured at a point, by name; the standard error of what was sampled under the same name with `_error`.

    Attributes:
        missing: what has no value there, with the reason.
    """

    def __init__(self, values: dict, missing: dict):
        self._values, self.missing = values, missing

    def __getitem__(self, name):
        if name not in self._values:
            why = f", as {self.missing[name]}" if name in self.missing else ""
            raise KeyError(f"{name}: expected one of {', '.join(self._values) or 'nothing'}{why}")
        return self._values[name]

    def __iter__(self):
        return iter(self._values)

    def __len__(self):
        return len(self._values)

    def _scalars(self) -> dict:
        return {name: value for name, value in self._values.items() if not isinstance(value, np.ndarray)}

    def __repr__(self):
        lines = [f"{name}: {value:.6g}" for name, value in self._scalars().items()]
        lines += [f"{name}: {len(value)} points" for name, value in self._values.items() if isinstance(value, np.ndarray)]
        lines += [f"{name}: no value, as {why}" for name, why in self.missing.items()]
        return "\n".join(lines)

    def _repr_html_(self):
        return pairs(self._scalars(), "diagnostics", [f"{name}: no value, as {why}" for name, why in self.missing.items()])


def measured(objective, names, update, learning_rate, seed, settings) -> Diagnostics:
    """What `Objective.diagnostics` gives."""
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"names: expected names of diagnostics, got {shown(names)}; see onedge.entries('diagnostics')")
    if len(set(names)) != len(names):
        raise ArgumentError(f"names: expected each name once, got {', '.join(names)}")
    if objective._w is None:
        raise StateError("diagnostics: expected a point; call linearize(w) first")
    w = objective._w
    samples = why = None
    if drawing(names, settings):
        samples = of_objective(objective, w)
        if isinstance(samples, str):
            samples, why = None, samples
    values, missing = _core.measure(
        objective._core,
        list(names),
        w,
        settings=settings,
        layers=objective._layout or [("parameters", [objective.dim])],
        update=None if update is None else objective.flatten(update),
        learning_rate=math.nan if learning_rate is None else number("learning_rate", learning_rate),
        seed=seed_of(seed),
        samples=samples,
        why=why or "",
    )
    # Some diagnostics look elsewhere: the objective goes back.
    objective._core.linearize(w)
    values = {name: np.array(value) if isinstance(value, list) else value for name, value in values.items()}
    return Diagnostics(values, missing)
