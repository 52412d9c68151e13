"""`softmax`, `logsumexp` and their kin, known when they are seen, so that small numbers stay exact and take fewer steps.

What JAX and people write as exponentials, sums and logarithms becomes the engine's own ops:

    exp(s) / sum(exp(s))       softmax(s)
    log(sum(exp(s)))           logsumexp(s)
    logsumexp(x - m) + m       logsumexp(x)
    softmax(x - m)             softmax(x)
    (x - m) - logsumexp(x - m) x - logsumexp(x)
    log(softmax(x))            x - logsumexp(x)
    log(sigmoid(x))            -softplus(-x)

for an m that is the same along the axes of the sum.
"""

from __future__ import annotations

import math

import numpy as np



class Patterns:
    """What a graph is made of, and the values in it that mean more than the op that would make them."""

    def __init__(self, builder):
        self.builder = builder
        self._read, self._made = 0, {}
        # For a value that is a logsumexp: of what, and along which axes.
        self._totals: dict[int, tuple] = {}

    def op(self, name: str, *inputs: int) -> int:
        """`builder.op`, unless there is something better."""
        value = PATTERNS[name](self, *inputs)
        return self.builder.op(name, *inputs) if value is None else value

    def _entry(self, value: int):
        """Name, operands and attributes of the op that made a value."""
        script = self.builder.script
        while self._read < len(script):
            entry = script[self._read]
            if len(entry) == 4:
                self._made[entry[3]] = entry
            self._read += 1
        return self._made.get(value)

    def made(self, value: int, name: str):
        """The operands of a value if it was made by this op."""
        found = self._entry(value)
        return found[1] if found and found[0] == name else None

    def bare(self, value: int) -> int:
        """The value without the reshapes around it."""
        while (inner := self.made(value, "reshape")) is not None:
            value = inner[0]
        return value

    def repeated(self, value: int):
        """The value that is repeated, without reshapes, and along which axes."""
        inner = self.made(value, "broadcast")
        return None if inner is None else (self.bare(inner[0]), tuple(self._entry(value)[2]["axes"]))

    def unshifted(self, value: int, axes):
        """`x` and `m` if the value is `x - m`, m the same along the axes; else the value and None."""
        inner = self.made(value, "sub")
        spread = self.repeated(inner[1]) if inner else None
        return (inner[0], spread[0]) if spread and spread[1] == axes else (value, None)

    def exponentials(self, total: int):
        """`s` and the axes if the value is the sum of exp(s)."""
        total = self.bare(total)
        # JAX takes the absolute value of the sum, which is positive.
        signed = self.made(total, "mul")
        if signed and self.made(signed[0], "sign") is not None:
            total = self.bare(signed[1])
        inner = self.made(total, "sum")
        if inner is None:
            return None
        axes, (value,) = tuple(self._entry(total)[2]["axes"]), inner
        grown = self.made(value, "exp")
        if grown is not None:
            return grown[0], axes, value
        chosen = self.made(value, "select")
        grown = self.made(chosen[1], "exp") if chosen and self._is_zero(chosen[2]) else None
        if grown is None:
            return None
        least = self.builder.like(-0.5 * float(np.finfo(self.builder.dtype).max), grown[0])
        return self.builder.op("select", chosen[0], grown[0], least), axes, value

    def _is_zero(self, value: int) -> bool:
        while (inner := self.made(value, "broadcast") or self.made(value, "reshape")) is not None:
            value = inner[0]
        found = self._entry(value)
        return bool(found) and found[0] == "constant" and found[2]["value"] == 0.0

    def rows(self, name: str, value: int, axes) -> int:
        """`softmax` or `logsumexp` along any axes."""
        build, shape = self.builder, self.builder.shape(value)
        kept = [axis for axis in range(len(shape)) if axis not in axes]
        order = kept + list(axes)
        turned = build.permute(value, order)
        inner = [shape[axis] for axis in order]
        lead = inner[: len(kept)]
        result = build.op(name, build.reshape(turned, [*lead, math.prod(inner[len(kept) :])]))
        if name == "logsumexp":
            return result
        back = [order.index(axis) for axis in range(len(shape))]
        return build.permute(build.reshape(result, inner), back)

    def total(self, value: int, axes, shape) -> int:
        """The logsumexp, in this shape."""
        result = self.rows("logsumexp", value, axes)
        self._totals[result] = (value, axes)
        return self.builder.reshape(result, shape)

    def less_total(self, value: int, axes) -> int:
        """`x - logsumexp(x)`"""
        build, shape = self.builder, self.builder.shape(value)
        rest = [n for axis, n in enumerate(shape) if axis not in axes]
        spread = build.broadcast(self.total(value, axes, rest), shape, list(axes))
        return build.op("sub", value, spread)


def _log(seen, value):
    inner = seen.made(value, "softmax")
    if inner is not None:
        return seen.less_total(inner[0], (len(seen.builder.shape(value)) - 1,))
    inner = seen.made(value, "sigmoid")
    if inner is not None:
        return seen.builder.op("neg", seen.builder.op("softplus", seen.builder.op("neg", inner[0])))
    found = seen.exponentials(value)
    return None if found is None else seen.total(found[0], found[1], seen.builder.shape(value))


def _add(seen, a, b):
    for one, other in ((a, b), (b, a)):
        found = seen._totals.get(seen.bare(one))
        if found is not None:
            x, shift = seen.unshifted(*found)
            if shift is not None and shift == seen.bare(other):
                return seen.total(x, found[1], seen.builder.shape(one))
    return None


def _sub(seen, a, b):
    spread = seen.repeated(b)
    found = seen._totals.get(spread[0]) if spread else None
    if found is None or found != (a, spread[1]):
        return None
    x, shift = seen.unshifted(a, spread[1])
    return None if shift is None else seen.less_total(x, spread[1])


def _div(seen, a, b):
    spread = seen.repeated(b)
    if spread is None or seen.made(a, "exp") is None:
        return None
    found = seen.exponentials(spread[0])
    if found is None or found[2] != a or found[1] != spread[1]:
        return None
    x, _ = seen.unshifted(found[0], found[1])
    return seen.rows("softmax", x, found[1])


PATTERNS = {"log": _log, "add": _add, "sub": _sub, "div": _div}
