"""Values of a graph with the names of their axes as PyTorch has them.

A convolution of the engine has its channels last, one of PyTorch has them second. So a value keeps, beside its array in the graph, the order in which
that array holds the axes. A permutation costs nothing, elementwise work and reductions pass the order on, and only what needs another
order moves anything.
"""

from __future__ import annotations

import math

import torch

from ._table import Refused


class Known:
    """A tensor that does not depend on the parameters; `batch` says whether it follows from the batch or from random draws."""

    __slots__ = ("tensor", "batch")

    def __init__(self, tensor, batch=False):
        self.tensor, self.batch = tensor, batch

    @property
    def shape(self):
        return tuple(self.tensor.shape)


class Value:
    """A value of the graph. Axis `i` of PyTorch is axis `order[i]` of the array."""

    __slots__ = ("low", "id", "order", "logits")

    def __init__(self, low, id, order=None):
        self.low, self.id = low, id
        self.order = tuple(range(len(low.build.shape(id)))) if order is None else tuple(order)
        # Where this is a log_softmax: of what, and along which axis.
        self.logits = None

    @property
    def held(self):
        """The shape of the array."""
        return self.low.build.shape(self.id)

    @property
    def shape(self):
        held = self.held
        return tuple(held[place] for place in self.order)

    @property
    def rank(self):
        return len(self.order)

    def axis(self, axis):
        return axis % self.rank if self.rank else 0

    # Arrays in a given order

    def laid(self, order) -> int:
        """The array with axis `i` at place `order[i]`."""
        build, held = self.low.build, self.held
        axes = [0] * len(order)
        for axis, place in enumerate(order):
            axes[place] = self.order[axis]
        moving = [place for place in axes if held[place] != 1]
        if moving == sorted(moving):
            return build.reshape(self.id, [held[place] for place in axes])
        return build.permute(self.id, axes)

    def plain(self) -> int:
        """The array with its axes as PyTorch has them."""
        return self.laid(range(self.rank))

    def order_with_last(self, axes):
        """The order nearest to the present one that has these axes last."""
        rest = sorted((axis for axis in range(self.rank) if axis not in axes), key=lambda axis: self.order[axis])
        return placed([*rest, *axes])

    # Movements

    def permute(self, axes):
        return Value(self.low, self.id, [self.order[axis] for axis in axes])

    def view(self, shape):
        """Another shape. Axes that are not joined or split stay where the array has them."""
        shape, old, build = tuple(int(n) for n in shape), self.shape, self.low.build
        if shape == old:
            return self
        if 0 in old:
            return Value(self.low, build.reshape(self.plain(), shape))
        long = [axis for axis, n in enumerate(old) if n != 1]
        new = [axis for axis, n in enumerate(shape) if n != 1]
        groups = list(_groups([old[axis] for axis in long], [shape[axis] for axis in new]))
        groups = [([long[i] for i in before], [new[i] for i in after]) for before, after in groups]
        held = sorted(long, key=lambda axis: self.order[axis])
        groups.sort(key=lambda group: min(self.order[axis] for axis in group[0]))
        wanted = [axis for before, _ in groups for axis in before]
        array = build.reshape(self.id, [old[axis] for axis in held])
        array = build.permute(array, [held.index(axis) for axis in wanted])
        sequence = [axis for _, after in groups for axis in after]
        for axis, n in enumerate(shape):
            if n == 1:
                sequence.insert(sequence.index(axis - 1) + 1 if axis else 0, axis)
        return Value(self.low, build.reshape(array, [shape[axis] for axis in sequence]), placed(sequence))

    def expand(self, shape):
        shape = tuple(shape)
        value = self.view((1,) * (len(shape) - self.rank) + self.shape)
        held = [0] * len(shape)
        for axis, place in enumerate(value.order):
            held[place] = shape[axis] if shape[axis] != -1 else value.shape[axis]
        return Value(self.low, self.low.build.full(value.id, held), value.order)

    def cut(self, axis, start, stop):
        """The elements from `start` to before `stop` along an axis."""
        before, after = [0] * self.rank, [0] * self.rank
        place = self.order[axis]
        before[place], after[place] = start, self.held[place] - stop
        return Value(self.low, self.low.build.slice(self.id, before, after), self.order)

    def pad(self, before, after, fill=0.0):
        ends = [[0] * self.rank, [0] * self.rank]
        for axis, place in enumerate(self.order):
            ends[0][place], ends[1][place] = before[axis], after[axis]
        return Value(self.low, self.low.build.pad(self.id, *ends, fill), self.order)

    def squeeze(self, axes):
        return self.view([n for axis, n in enumerate(self.shape) if axis not in axes])

    # Elementwise

    def op(self, name, **attributes):
        return Value(self.low, self.low.build.op(name, self.id, **attributes), self.order)

    def scale(self, factor):
        return self if factor == 1 else Value(self.low, self.low.build.scale(self.id, factor), self.order)

    def like(self, number):
        return Value(self.low, self.low.build.constant(number, self.held), self.order)

    def __add__(self, other):
        return self.low.binary("add", self, other)

    def __radd__(self, other):
        return self.low.binary("add", other, self)

    def __sub__(self, other):
        return self.low.binary("sub", self, other)

    def __rsub__(self, other):
        return self.low.binary("sub", other, self)

    def __mul__(self, other):
        number = as_number(other)
        return self.low.binary("mul", self, other) if number is None else self.scale(number)

    __rmul__ = __mul__

    def __truediv__(self, other):
        number = as_number(other)
        return self.low.binary("div", self, other) if number in (None, 0) else self.scale(1 / number)

    def __rtruediv__(self, other):
        return self.low.binary("div", other, self)

    def __neg__(self):
        return self.op("neg")

    def greater(self, other):
        return self.low.binary("greater", self, other)

    def equal(self, other):
        return self.low.binary("equal", self, other)

    # Reductions

    def reduce(self, name, axes, keep=False):
        """A reduction of the engine over axes, which the result lacks unless they are kept."""
        axes = sorted({self.axis(axis) for axis in axes})
        value = self
        if axes:
            array = self.low.build.op(name, self.id, axes=sorted(self.order[axis] for axis in axes))
            rest = sorted((axis for axis in range(self.rank) if axis not in axes), key=lambda axis: self.order[axis])
            kept = sorted(rest)
            value = Value(self.low, array, placed([kept.index(axis) for axis in rest]))
        return value.view([1 if axis in axes else n for axis, n in enumerate(self.shape)]) if keep else value

    def sum(self, axes, keep=False):
        return self.reduce("sum", axes, keep)

    def mean(self, axes, keep=False):
        count = math.prod(self.shape[self.axis(axis)] for axis in axes)
        if count == 0:
            raise Refused("a mean of no elements", "leave it out")
        return self.sum(axes, keep).scale(1 / count)

    def variance(self, axes, keep=False):
        return self.reduce("variance", axes, keep)

    def along_last(self, name, axis):
        """An op of the engine along an axis, which becomes the last of the array."""
        order = self.order_with_last([self.axis(axis)])
        return self.low.build.op(name, self.laid(order)), order


def placed(sequence):
    """The order of an array that holds the axes in this sequence."""
    order = [0] * len(sequence)
    for place, axis in enumerate(sequence):
        order[axis] = place
    return tuple(order)


def as_number(operand):
    """An operand that is one number and always the same, or None."""
    if isinstance(operand, Known) and not operand.batch and operand.tensor.dim() == 0 and not operand.tensor.is_complex():
        return float(operand.tensor)
    return float(operand) if isinstance(operand, (int, float)) else None


def _groups(old, new):
    """Runs of axes, none of extent 1, of equal size in both shapes."""
    i = j = 0
    while i < len(old):
        before, after = [i], [j]
        have, want = old[i], new[j]
        i, j = i + 1, j + 1
        while have != want:
            if have < want:
                have *= old[i]
                before.append(i)
                i += 1
            else:
                want *= new[j]
                after.append(j)
                j += 1
        yield before, after


def known_shape(operand):
    return operand.shape if isinstance(operand, (Known, Value)) else ()


def broadcast(*operands):
    return tuple(torch.broadcast_shapes(*(known_shape(operand) for operand in operands)))
