"""onedge: exact curvature of a loss at first-order prices."""

from ._errors import ArgumentError, Error, InternalError, NonFiniteError, StateError, UnsupportedError
from ._objective import Eigenvalues, Estimate, Objective

__all__ = [
    "ArgumentError",
    "Eigenvalues",
    "Error",
    "Estimate",
    "InternalError",
    "NonFiniteError",
    "Objective",
    "StateError",
    "UnsupportedError",
]


def __getattr__(name):
    # JAX is imported when it is used.
    if name == "jax":
        import importlib

        return importlib.import_module(".jax", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
