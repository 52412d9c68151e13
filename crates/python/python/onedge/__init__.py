"""onedge: exact curvature of a loss at first-order prices."""

from ._errors import ArgumentError, Error, InternalError, NonFiniteError, StateError, UnsupportedError
from ._explain import explain
from ._explanation import Explanation
from ._graph import Graph, Value
from ._objective import Eigenvalues, Estimate, Objective

__all__ = [
    "ArgumentError",
    "Eigenvalues",
    "Error",
    "Estimate",
    "Explanation",
    "Graph",
    "InternalError",
    "NonFiniteError",
    "Objective",
    "StateError",
    "UnsupportedError",
    "Value",
    "explain",
]


def __getattr__(name):
    # Frameworks are imported when they are used.
    if name in ("jax", "torch"):
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
