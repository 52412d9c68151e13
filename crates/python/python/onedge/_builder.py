"""Graphs of the engine, value by value, for the front doors to other frameworks."""

from __future__ import annotations

import math

import numpy as np

from . import _core


class Differs(Exception):
    """Another batch leads to another graph than the one that there is."""


class Builder:
    """A graph that grows, with the arrays that it reads beside the parameters.

    A value is a whole number; its shape is known. What is done is written down, so that it can be done again with other arrays (`Replay`).
    """

    def __init__(self, dtype: np.dtype):
        self.graph = _core.Graph()
        self.dtype = np.dtype(dtype)
        self.fields: list[int] = []
        self.arrays: list[np.ndarray] = []
        # Whether each field belongs to the batch.
        self.of_batch: list[bool] = []
        # Whether the fields that are made now do, unless they say.
        self.from_batch = False
        self.script: list[tuple] = []
        self._shapes: list[tuple[int, ...]] = []

    def __len__(self) -> int:
        return len(self._shapes)

    def shape(self, value: int) -> tuple[int, ...]:
        return self._shapes[value]

    def _keep(self, value: int) -> int:
        self._shapes.append(tuple(self.graph.shape(value)))
        return value

    def input(self, shape) -> int:
        return self._keep(self.graph.input(list(shape)))

    def op(self, name: str, *inputs: int, **attributes) -> int:
        value = self._keep(self.graph.op(name, list(inputs), attributes or None))
        self.script.append((name, inputs, attributes, value))
        return value

    def field(self, array, batch: bool | None = None) -> int:
        """An array of numbers that are given, not learned."""
        array = np.asarray(array, self.dtype)
        value = self.input(array.shape)
        batch = self.from_batch if batch is None else batch
        self.fields.append(value)
        self.arrays.append(array)
        self.of_batch.append(batch)
        self.script.append(("field", batch, array.shape, value))
        return value

    def _made(self) -> set[int]:
        """The values that ops and fields are."""
        return {entry[3] for entry in self.script if entry[0] != "decided"}

    def decided(self, decision):
        """A decision that was made by looking at the values of arrays. In a replay it is the one of then; whoever relies on it must check that it holds."""
        self.script.append(("decided", decision))
        return decision

    def volume(self) -> float:
        """About how many values a pass over the graph holds."""
        skipped = ("reshape", "broadcast", "constant", "iota")
        return float(sum(math.prod(self._shapes[value]) for name, *_, value in self._ops() if name not in skipped))

    def product_rows(self) -> float:
        """The rows of the largest product of the graph."""
        products = ("matmul", "conv2d", "conv2d_input")
        rows = (math.prod(self._shapes[value][:-1]) for name, *_, value in self._ops() if name in products)
        return float(max(rows, default=0.0))

    def _ops(self):
        return (entry for entry in self.script if entry[0] not in ("field", "decided"))

    def constant(self, number: float, shape=()) -> int:
        # The engine computes with finite numbers: what is infinite is the largest one.
        limit = float(np.finfo(self.dtype).max)
        number = min(max(float(number), -limit), limit)
        return self.op("constant", value=number, shape=list(shape))

    def known(self, array, batch: bool = False) -> int:
        """An array as a constant if it is one number everywhere, else as a field; what belongs to the batch is always one."""
        if batch:
            return self.field(array, True)
        array = np.asarray(array)
        if array.dtype == bool or np.issubdtype(array.dtype, np.integer):
            array = array.astype(self.dtype)
        first = array.reshape(-1)[0] if array.size else 0.0
        if array.size and np.all(array == first):
            return self.constant(first, array.shape)
        return self.field(array, False)

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
        shape, source = self.shape(value), np.asarray(source)
        width = self.decided(_row_width(shape, source))
        table = self.reshape(value, (math.prod(shape) // width, width))
        rows = self.field(_rows(source, width))
        return self.reshape(self.op("take", table, rows), source.shape)

    def added(self, value: int, places: np.ndarray, shape) -> int:
        """Zeros of `shape` to which the elements of `value` are added at the places, row-major, that are in `places`."""
        shape, places = tuple(shape), np.asarray(places)
        width = self.decided(_row_width(shape, places))
        rows = self.field(_rows(places, width))
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


class Replay(Builder):
    """The same lowering on another batch: no graph grows, each step must be that of the first time, and the arrays of the batch are gathered."""

    def __init__(self, first: Builder):
        self.dtype, self.from_batch = first.dtype, False
        self._shapes, self.script, self._place = first._shapes, first.script, 0
        self._inputs = iter(value for value in range(len(first)) if value not in first._made())
        self._gathered: list = []

    def _next(self, name):
        if self._place == len(self.script):
            raise Differs(f"{name} after the end")
        self._place += 1
        return self.script[self._place - 1]

    def input(self, shape) -> int:
        value = next(self._inputs, None)
        if value is None or self._shapes[value] != tuple(shape):
            raise Differs("another input")
        return value

    def op(self, name: str, *inputs: int, **attributes) -> int:
        entry = self._next(name)
        if entry[:3] != (name, inputs, attributes):
            raise Differs(f"{name} in the place of {entry[0]}")
        return entry[3]

    def field(self, array, batch: bool | None = None) -> int:
        entry = self._next("field")
        batch = self.from_batch if batch is None else batch
        if entry[:3] != ("field", batch, tuple(np.shape(array))):
            raise Differs(f"a field in the place of {entry[0]}")
        if batch:
            self._gathered.append(array)
        return entry[3]

    def decided(self, decision):
        entry = self._next("a decision")
        if entry[0] != "decided":
            raise Differs(f"a decision in the place of {entry[0]}")
        return entry[1]

    @property
    def place(self) -> int:
        """The steps that were done."""
        return self._place

    @property
    def gathered(self) -> list:
        """The arrays of the batch so far."""
        return self._gathered

    def seek(self, place: int):
        """Goes on from another step of the script."""
        self._place = place

    def finish(self) -> list:
        """The arrays of the batch, in the order of its fields."""
        if self._place != len(self.script):
            raise Differs("an early end")
        return self._gathered


def _rows(places: np.ndarray, width: int) -> np.ndarray:
    """The rows of that width that `places` moves."""
    if places.size % width:
        raise Differs("rows of another width")
    blocks = places.reshape(-1, width)
    if width > 1 and (np.any(blocks != blocks[:, :1] + np.arange(width)) or np.any(blocks[:, 0] % width)):
        raise Differs("rows that are not moved as they are")
    return blocks[:, 0] // width


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
