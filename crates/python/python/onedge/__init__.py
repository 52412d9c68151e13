"""onedge: exact curvature of a loss at first-order prices."""

from typing import TYPE_CHECKING

from ._errors import (
    ArgumentError,
    Error,
    FileError,
    InternalError,
    NonFiniteError,
    StateError,
    StopTraining,
    TrainingWarning,
    UnsupportedError,
)
from ._explain import explain
from ._explanation import Explanation
from ._graph import Graph, Value
from ._objective import Eigenvalues, Estimate, Objective

if TYPE_CHECKING:
    from ._choices import diagnostic, entries, optimizer, tuner
    from ._diagnostics import Diagnostics
    from ._plot import plot
    from ._runs import Run, Runs, run, runs
    from ._spec import Spec, spec
    from ._train import Step, Trained, train

__all__ = [
    "ArgumentError",
    "Diagnostics",
    "Eigenvalues",
    "Error",
    "Estimate",
    "Explanation",
    "FileError",
    "Graph",
    "InternalError",
    "NonFiniteError",
    "Objective",
    "Run",
    "Runs",
    "Spec",
    "StateError",
    "Step",
    "StopTraining",
    "Trained",
    "TrainingWarning",
    "UnsupportedError",
    "Value",
    "diagnostic",
    "entries",
    "explain",
    "optimizer",
    "plot",
    "run",
    "runs",
    "spec",
    "train",
    "tuner",
]

# Loaded when they are used: what trains, and what reads runs.
_LATER = {
    "_choices": ("diagnostic", "entries", "optimizer", "tuner"),
    "_diagnostics": ("Diagnostics",),
    "_plot": ("plot",),
    "_runs": ("Run", "Runs", "run", "runs"),
    "_spec": ("Spec", "spec"),
    "_train": ("Step", "Trained", "train"),
}
_HOMES = {name: home for home, names in _LATER.items() for name in names}


def __getattr__(name):
    import importlib

    if name in _HOMES:
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    # Frameworks are imported when they are used.
    if name in ("jax", "torch"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return [*globals(), *_HOMES]
