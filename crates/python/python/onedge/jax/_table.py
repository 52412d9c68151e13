"""The table of primitives: for each its lowering, a function of the lowering, the equation and its operands."""

from __future__ import annotations

TABLE = {}


def primitive(*names):
    """Registers a lowering under the names of its primitives."""

    def register(function):
        for name in names:
            TABLE[name] = function
        return function

    return register
