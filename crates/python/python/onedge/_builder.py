"""Graphs of the engine, value by value, for the front doors to other frameworks."""

from __future__ import annotations

import math

import numpy as np

from . import _core


class Builder:
    """A graph that grows, with the arrays that it reads beside the parameters.

    A value is a whole number; its shape is known.
    """

    def __init__(self, dtype: np.dtype):
        self.graph = _core.Graph()
        self.dtype = np.dtype(dtype)
        self.fields: list[int] = []
        self.arrays: list[np.ndarray] = []
        self._shapes: list[tuple[int, ...]] = []

    def shape(self, value: int) -> tuple[int, ...]:
        return self._shapes[value]

    def _keep(self, value: int) -> int:
        self._shapes.append(tuple(self.graph.shape(value)))
        return value

    def input(self, shape) -> int:
        return self._keep(self.graph.input(list(shape)))

    def op(self, name: str, *inputs: int, **attributes) -> int:
        return self._keep(self.graph.op(name, list(inputs), attributes or None))

    def field(self, array) -> int:
        """An array of numbers that are given, not learned."""
        array = np.asarray(array, self.dtype)
        value = self.input(array.shape)
        self.fields.append(value)
        self.arrays.append(np.ascontiguousarray(array).reshape(-1))
        return value

    def constant(self, number: float, shape=()) -> int:
        # The engine computes with finite numbers: what is infinite is the largest one.
        limit = float(np.finfo(self.dtype).max)
        number = min(max(float(number), -limit), limit)
        return self.op("constant", value=number, shape=list(shape))

    def known(self, array) -> int:
        """An array as a constant if it is one number everywhere, else as a field."""
        array = np.asarray(array)
        if array.dtype == bool or np.issubdtype(array.dtype, np.integer):
            array = array.astype(self.dtype)
        first = array.reshape(-1)[0] if array.size else 0.0
        if array.size and np.all(array == first):
            return self.constant(first, array.shape)
        limit = np.finfo(self.dtype).max
        return self.field(np.clip(array, -limit, limit) if np.isinf(array).any() else array)

    def like(self, number: float, value: int) -> int:
        return self.constant(number, self.shape(value))

    def reshape(self, value: int, shape) -> int:
        shape = tuple(int(n) for n in shape)
        return value if self.shape(value) == shape else self.op("reshape", value, shape=list(shape))

    def permute(self, value: int, axes) -> int:
        axes = [int(axis) for axis in axes]
        return value if axes == list(range(len(axes))) else self.op("permute", value, axes=axes)

    def broadcast(self, value: int, shape, axes) -> int:
        """`value` repeated along the `axes` of `shape` that it lacks."""
        return self.op("broadcast", value, shape=list(shape), axes=sorted(axes)) if axes else value

    def full(self, value: int, shape) -> int:
        """`value` spread to `shape` by NumPy's rules."""
        shape, have = tuple(shape), self.shape(value)
        if have == shape:
            return value
        have = (1,) * (len(shape) - len(have)) + have
        axes = [axis for axis, (got, want) in enumerate(zip(have, shape)) if got != want]
        inner = [n for axis, n in enumerate(have) if axis not in axes]
        return self.broadcast(self.reshape(value, inner), shape, axes)

    def sum(self, value: int, axes) -> int:
        return self.op("sum", value, axes=sorted(axes)) if len(axes) else value

    def scale(self, value: int, factor: float) -> int:
        return self.op("scale", value, factor=float(factor))

    def slice(self, value: int, before, after) -> int:
        """`value` without so many elements at both ends of each axis."""
        before, after = [int(n) for n in before], [int(n) for n in after]
        return self.op("slice", value, before=before, after=after, fill=0.0) if any(before + after) else value

    def pad(self, value: int, before, after, fill: float = 0.0) -> int:
        before, after = [int(n) for n in before], [int(n) for n in after]
        fill = self._finite(fill)
        return self.op("pad", value, before=before, after=after, fill=fill) if any(before + after) else value

    def _finite(self, number: float) -> float:
        limit = float(np.finfo(self.dtype).max)
        return min(max(float(number), -limit), limit)

    def one_minus(self, value: int) -> int:
        return self.op("sub", self.like(1.0, value), value)

    def moved(self, value: int, source: np.ndarray) -> int:
        """The elements of `value` whose places, row-major, are in `source`, in its shape."""
        shape = self.shape(value)
        width = _row_width(shape, source)
        table = self.reshape(value, (math.prod(shape) // width, width))
        rows = self.field(source.reshape(-1, width)[:, 0] // width)
        return self.reshape(self.op("take", table, rows), source.shape)

    def added(self, value: int, places: np.ndarray, shape) -> int:
        """Zeros of `shape` to which the elements of `value` are added at the places, row-major, that are in `places`."""
        shape = tuple(shape)
        width = _row_width(shape, places)
        rows = self.field(places.reshape(-1, width)[:, 0] // width)
        updates = self.reshape(value, (places.size // width, width))
        return self.reshape(self.op("put_add", updates, rows, rows=math.prod(shape) // width), shape)

    def window(self, value: int, kernel, stride, dilation=(1, 1), groups=1, padding=(0, 0)) -> dict:
        """The attributes of a window over the middle axes of `[n, height, width, channels]`."""
        image = list(self.shape(value)[1:3])
        return {
            "image": image,
            "kernel": list(kernel),
            "stride": list(stride),
            "padding": list(padding),
            "dilation": list(dilation),
            "groups": int(groups),
        }


def _row_width(shape, source: np.ndarray) -> int:
    """The length of whole rows, the last axes of `shape`, that `source` moves as they are."""
    best = 1
    for axis in range(len(shape) - 1, -1, -1):
        row = math.prod(shape[axis:])
        if row == 0 or source.size % row:
            break
        blocks = source.reshape(-1, row)
        if not np.array_equal(blocks, blocks[:, :1] + np.arange(row)) or np.any(blocks[:, 0] % row):
            break
        best = row
    return best
