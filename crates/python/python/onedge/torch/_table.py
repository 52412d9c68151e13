"""The table of ATen operators: for each its lowering, a function of the lowering and of the operands as the operator has them."""

from __future__ import annotations

TABLE = {}


def operator(*names):
    """Registers a lowering under the names of its operators, with their overloads, such as `add.Tensor`."""

    def register(function):
        for name in names:
            TABLE[name] = function
        return function

    return register


class Refused(Exception):
    """A construct that cannot be lowered."""

    def __init__(self, what: str, hint: str):
        super().__init__(what)
        self.what, self.hint = what, hint


class Wrong(Exception):
    """Data that does not fit."""
