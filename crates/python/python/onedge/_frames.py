"""Columns of numbers as a frame of pandas or polars, or as a dictionary of arrays."""

from __future__ import annotations

import importlib
import importlib.util

from ._arguments import shown
from ._errors import ArgumentError

KINDS = ("pandas", "polars", "dict")


def frame(columns: dict, as_: str | None = None):
    """`columns` as `as_`: `"pandas"`, `"polars"` or `"dict"`; by default the first of them that is installed."""
    if as_ is None:
        as_ = next(kind for kind in KINDS if kind == "dict" or importlib.util.find_spec(kind))
    if as_ == "dict":
        return dict(columns)
    if as_ not in KINDS:
        raise ArgumentError(f'as_: expected "pandas", "polars" or "dict", got {shown(as_)}')
    try:
        module = importlib.import_module(as_)
    except ImportError:
        raise ArgumentError(f'as_: expected a package that is installed, got {shown(as_)}; try `pip install {as_}`, or as_="dict"') from None
    return module.DataFrame(columns)
