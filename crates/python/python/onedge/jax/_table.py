"""The tables: for each primitive its lowering, a function of the lowering, the equation and its operands; the same for functions of JAX that
have rules of their own.
"""

from __future__ import annotations

TABLE = {}

# For primitives that are refused: what they are, and a way out.
REFUSED = {}


def primitive(*names):
    """Registers a lowering under the names of its primitives."""
    return _into(TABLE, names)


def refuse(*names, what, hint):
    """Says why primitives are refused, and what to do instead."""
    for name in names:
        REFUSED[name] = (what.format(name), hint)


def custom(*names):
    """Registers a lowering for functions of JAX's own, by the names that they have there."""
    return _into(custom.KNOWN, names)


custom.KNOWN = {}


def _into(table, names):
    def register(function):
        for name in names:
            table[name] = function
        return function

    return register
