"""Losses written value by value, for those who use no framework."""

from __future__ import annotations

import math

import numpy as np

from . import _core
from ._arguments import array_of, choice, named, shown
from ._builder import Builder
from ._errors import ArgumentError
from ._front import _flat, _options
from ._objective import Objective


class Graph:
    """A loss under construction.

        g = onedge.Graph()
        w, b = g.parameter("w", (5, 3)), g.parameter("b", (3,))
        x, labels = g.data("x", x), g.data("labels", labels)
        o = g.objective((x @ w + b).cross_entropy(labels).mean())
        o.linearize({"w": ..., "b": ...})

    Values are combined as NumPy's arrays are: `+ - * / @ **`, comparisons, slices, and the methods of `Value`; shapes are broadcast by its rules.
    """

    def __init__(self, dtype: str = "f32"):
        choice("dtype", dtype, ("f32", "f64"))
        self._build = Builder(np.float64 if dtype == "f64" else np.float32)
        self._parameters: dict[str, Value] = {}
        self._data: dict[str, tuple[Value, int]] = {}

    @named
    def parameter(self, name: str, shape) -> Value:
        """A tensor of parameters."""
        self._new(name)
        shape = tuple(int(extent) for extent in shape)
        if math.prod(shape) < 1 or min(shape, default=1) < 1:
            raise ArgumentError(f"parameter {name}: expected extents of 1 or more, got {list(shape)}")
        value = Value(self, self._build.input(shape))
        self._parameters[name] = value
        return value

    @named
    def data(self, name: str, array) -> Value:
        """An array of numbers that are given. `Objective.replace({name: array, ...})` takes others."""
        self._new(name)
        array = self._array(name, array)
        value = Value(self, self._build.field(array, True))
        self._data[name] = (value, len(self._build.fields) - 1)
        return value

    @named
    def constant(self, array) -> Value:
        """An array of numbers, or one, that stay."""
        return Value(self, self._build.known(self._array("constant", array)))

    @named
    def concatenate(self, values, axis: int = 0) -> Value:
        """Values one after the other along an axis."""
        values = [self._value(value) for value in values]
        (axis,) = _axes(axis, len(values[0].shape))
        joined = values[0]._id
        for value in values[1:]:
            joined = self._build.op("concat", joined, value._id, axes=[axis])
        return Value(self, joined)

    @named
    def objective(self, loss: Value, *, outputs: Value | None = None, l2: float = 0.0, threads=None, memory_bytes=None) -> Objective:
        """The loss, one number, as an objective of all parameters; with `outputs`, the model's, also with Gauss-Newton products."""
        for name, value in (("loss", loss), ("outputs", outputs)):
            if not isinstance(value, Value) and not (name == "outputs" and value is None) or (value is not None and value._graph is not self):
                raise ArgumentError(f"{name}: expected a value of this graph, got {shown(value)}")
        if math.prod(loss.shape) != 1:
            raise ArgumentError(f"loss: expected one number, got shape {list(loss.shape)}; take its mean()")
        if not self._parameters:
            raise ArgumentError("objective: expected at least one parameter, got none")
        options = _options("whole", l2, threads, memory_bytes)
        build = self._build
        own = [place for _, place in self._data.values()]
        shared = [place for place in range(len(build.fields)) if place not in own]
        core = _core.Objective.plan(
            build.graph,
            [value._id for value in self._parameters.values()],
            [build.fields[place] for place in own + shared],
            build.reshape(loss._id, (1,)),
            [_flat(build.arrays[place], build.dtype) for place in own + shared],
            outputs=None if outputs is None else outputs._id,
            shared=len(shared),
            double=build.dtype == np.float64,
            lanes=options["threads"],
            **options,
        )
        tree = _tree({name: value.shape for name, value in self._parameters.items()}, build.dtype)
        batches = _Batches(self, core, {name: value.shape for name, (value, _) in self._data.items()})
        objective = Objective(core, tree, [], batches, "a graph is one piece")
        objective._layout = [(name, value.shape) for name, value in self._parameters.items()]
        return objective

    def _new(self, name):
        if not isinstance(name, str) or not name:
            raise ArgumentError(f"name: expected a text, got {shown(name)}")
        if name in self._parameters or name in self._data:
            raise ArgumentError(f"{name}: expected a new name, got one that is there already")

    def _array(self, name, array) -> np.ndarray:
        array = array_of(name, array)
        if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool) or np.issubdtype(array.dtype, np.complexfloating):
            raise ArgumentError(f"{name}: expected an array of real numbers, got one of {array.dtype}")
        if array.size == 0:
            raise ArgumentError(f"{name}: expected at least one number, got shape {list(array.shape)}")
        return array

    def _value(self, given) -> Value:
        if isinstance(given, Value):
            if given._graph is not self:
                raise ArgumentError("expected values of one graph, got two graphs")
            return given
        return self.constant(given)


class _Batches:
    """The data of a graph, which others may replace."""

    parts = 1

    def __init__(self, graph: Graph, core, shapes):
        self._graph, self._core, self._shapes = graph, core, shapes

    def replace(self, batch):
        if not isinstance(batch, dict) or set(batch) != set(self._shapes):
            got = sorted(map(str, batch)) if isinstance(batch, dict) else type(batch).__name__
            raise ArgumentError(f"batch: expected a dict with {', '.join(self._shapes) or 'nothing'}, got {got}")
        arrays = []
        for name, shape in self._shapes.items():
            array = self._graph._array(name, batch[name])
            if array.shape != shape:
                raise ArgumentError(f"{name}: expected shape {list(shape)}, got {list(array.shape)}; make another graph for it")
            arrays.append(_flat(array, self._graph._build.dtype))
        self._core.replace(arrays)

    def singles(self) -> str:
        return "a graph is computed as a whole; write the loss in JAX or PyTorch"

    def close(self):
        pass


def _tree(shapes: dict, dtype):
    """A dict of arrays as a flat one, and back."""
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])

    def flatten(tree):
        if isinstance(tree, np.ndarray) and tree.ndim == 1:
            return tree
        if not isinstance(tree, dict) or set(tree) != set(shapes):
            got = sorted(map(str, tree)) if isinstance(tree, dict) else type(tree).__name__
            raise ArgumentError(f"expected a flat array, or a dict with {', '.join(shapes)}, got {got}")
        parts = []
        for name, shape in shapes.items():
            array = array_of(name, tree[name], dtype)
            if array.shape != shape:
                raise ArgumentError(f"{name}: expected shape {list(shape)}, got {list(array.shape)}")
            parts.append(array.reshape(-1))
        return np.concatenate(parts)

    def unflatten(flat):
        parts = np.split(flat, ends[:-1])
        return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts)}

    return flatten, unflatten


def _axes(axis, rank) -> list[int]:
    axes = range(rank) if axis is None else [axis] if isinstance(axis, (int, np.integer)) else axis
    found = sorted({int(one) + rank if int(one) < 0 else int(one) for one in axes})
    if any(not 0 <= one < rank for one in found):
        raise ArgumentError(f"axis: expected axes below {rank}, got {axis}")
    return found


class Value:
    """An array that is not there yet: part of a `Graph`."""

    __array_ufunc__ = None  # NumPy leaves the operators to us.

    def __init__(self, graph: Graph, id_: int):
        self._graph, self._id = graph, id_

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self._graph._build.shape(self._id)

    def __repr__(self):
        return f"Value(shape={self.shape})"

    def __len__(self):
        if not self.shape:
            raise TypeError("a single number has no length")
        return self.shape[0]

    def __iter__(self):
        return (self[place] for place in range(len(self)))

    def __bool__(self):
        raise ArgumentError("a value is not known while the graph grows: expected a choice by where(), got if")

    def _make(self, id_: int) -> Value:
        return Value(self._graph, id_)

    def _one(self, op: str, **attributes) -> Value:
        return self._make(self._graph._build.op(op, self._id, **attributes))

    def _two(self, op: str, other, turned: bool = False) -> Value:
        build, other = self._graph._build, self._graph._value(other)
        try:
            shape = np.broadcast_shapes(self.shape, other.shape)
        except ValueError:
            raise ArgumentError(f"{op}: expected shapes that fit by NumPy's rules, got {list(self.shape)} and {list(other.shape)}") from None
        a, b = build.full(self._id, shape), build.full(other._id, shape)
        return self._make(build.op(op, *((b, a) if turned else (a, b))))

    @named
    def __add__(self, other):
        return self._two("add", other)

    @named
    def __sub__(self, other):
        return self._two("sub", other)

    @named
    def __mul__(self, other):
        return self._two("mul", other)

    @named
    def __truediv__(self, other):
        return self._two("div", other)

    @named
    def __radd__(self, other):
        return self._two("add", other, True)

    @named
    def __rsub__(self, other):
        return self._two("sub", other, True)

    @named
    def __rmul__(self, other):
        return self._two("mul", other, True)

    @named
    def __rtruediv__(self, other):
        return self._two("div", other, True)

    def __neg__(self):
        return self._one("scale", factor=-1.0)

    @named
    def __pow__(self, exponent):
        if isinstance(exponent, Value):
            return (self.log() * exponent).exp()
        if not isinstance(exponent, (int, float, np.number)):
            raise ArgumentError(f"power: expected a number or a value as exponent, got {shown(exponent)}")
        if exponent == 2:
            return self * self
        return self._one("power", exponent=float(exponent))

    @named
    def __gt__(self, other):
        return self._two("greater", other)

    @named
    def __lt__(self, other):
        return self._two("greater", other, True)

    def __ge__(self, other):
        return 1.0 - (self < other)

    def __le__(self, other):
        return 1.0 - (self > other)

    @named
    def __matmul__(self, other):
        """Products of matrices over the last two axes, or with a vector; further axes are broadcast."""
        build, other = self._graph._build, self._graph._value(other)
        a, b = self, other
        if not a.shape or not b.shape:
            raise ArgumentError("matmul: expected at least one axis on both sides, got a single number")
        if len(b.shape) == 1:
            return (a @ b.reshape(b.shape[0], 1)).reshape(*a.shape[:-1])
        if len(a.shape) == 1:
            product = a.reshape(1, a.shape[0]) @ b
            return product.reshape(*product.shape[:-2], product.shape[-1])
        if a.shape[-1] != b.shape[-2]:
            raise ArgumentError(f"matmul: expected inner extents that agree, got {list(a.shape)} and {list(b.shape)}")
        if len(b.shape) == 2:
            rows = build.reshape(a._id, (math.prod(a.shape[:-1]), a.shape[-1]))
            product = build.op("matmul", rows, b._id, left=False, right=False)
            return self._make(build.reshape(product, (*a.shape[:-1], b.shape[-1])))
        try:
            lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        except ValueError:
            raise ArgumentError(f"matmul: expected leading axes that fit, got {list(a.shape)} and {list(b.shape)}") from None
        left = build.reshape(build.full(a._id, (*lead, *a.shape[-2:])), (math.prod(lead), *a.shape[-2:]))
        right = build.reshape(build.full(b._id, (*lead, *b.shape[-2:])), (math.prod(lead), *b.shape[-2:]))
        product = build.op("matmul", left, right, left=False, right=False)
        return self._make(build.reshape(product, (*lead, a.shape[-2], b.shape[-1])))

    @named
    def __getitem__(self, key):
        """Slices, single places, `None` and `...`, as in NumPy; also arrays of known places."""
        places = np.arange(math.prod(self.shape)).reshape(self.shape)
        return self._make(self._graph._build.moved(self._id, places[key]))

    def exp(self):
        """e to the power of each element."""
        return self._one("exp")

    def log(self):
        """The natural logarithm."""
        return self._one("log")

    def log1p(self):
        """log(1 + x), exact for small x."""
        return self._one("log1p")

    def expm1(self):
        """exp(x) - 1, exact for small x."""
        return self._one("expm1")

    def sqrt(self):
        """The square root."""
        return self._one("sqrt")

    def tanh(self):
        """The hyperbolic tangent."""
        return self._one("tanh")

    def sigmoid(self):
        """1 / (1 + exp(-x))"""
        return self._one("sigmoid")

    def softplus(self):
        """log(1 + exp(x))"""
        return self._one("softplus")

    def relu(self):
        """max(x, 0)"""
        return self._one("relu")

    def gelu(self):
        """x times the normal distribution function of x."""
        return self._two("mul", self._one("normal_cdf"))

    def sin(self):
        """The sine."""
        return self._one("sin")

    def cos(self):
        """The cosine."""
        return self._one("cos")

    def abs(self):
        """The magnitude."""
        return self._one("abs")

    def sign(self):
        """-1, 0 or 1."""
        return self._one("sign")

    def detach(self):
        """The same values, taken for constants by all derivatives."""
        return self._one("detach")

    @named
    def maximum(self, other):
        """The larger one of each pair."""
        return self._two("maximum", other)

    @named
    def minimum(self, other):
        """The smaller one of each pair."""
        return self._two("minimum", other)

    @named
    def where(self, one, other):
        """`one` where this is not 0, else `other`."""
        build, one, other = self._graph._build, self._graph._value(one), self._graph._value(other)
        try:
            shape = np.broadcast_shapes(self.shape, one.shape, other.shape)
        except ValueError:
            raise ArgumentError(f"where: expected shapes that fit, got {self.shape}, {one.shape} and {other.shape}") from None
        return self._make(build.op("select", *(build.full(value._id, shape) for value in (self, one, other))))

    @named
    def reshape(self, *shape):
        """The same elements in another shape; one extent may be -1."""
        shape = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        found = np.empty(self.shape, np.int8).reshape(shape).shape if math.prod(self.shape) < 1 << 28 else tuple(shape)
        return self._make(self._graph._build.reshape(self._id, found))

    @named
    def transpose(self, *axes):
        """Its axes in another order; reversed if none is given."""
        axes = axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes
        rank = len(self.shape)
        order = [int(axis) % rank for axis in axes] if axes else list(range(rank))[::-1]
        if sorted(order) != list(range(rank)):
            raise ArgumentError(f"transpose: expected each of {rank} axes once, got {axes}")
        return self._make(self._graph._build.permute(self._id, order))

    @named
    def sum(self, axis=None, keepdims: bool = False):
        """The sum over an axis, axes, or all."""
        axes = _axes(axis, len(self.shape))
        return self._kept(self._make(self._graph._build.sum(self._id, axes)), axes, keepdims)

    @named
    def mean(self, axis=None, keepdims: bool = False):
        """The mean over an axis, axes, or all."""
        axes = _axes(axis, len(self.shape))
        return self.sum(axis, keepdims)._one("scale", factor=1.0 / math.prod(self.shape[one] for one in axes))

    @named
    def max(self, axis=None, keepdims: bool = False):
        """The largest element over an axis, axes, or all."""
        axes = _axes(axis, len(self.shape))
        return self._kept(self._one("reduce_max", axes=axes) if axes else self, axes, keepdims)

    @named
    def var(self, axis=None, keepdims: bool = False):
        """The variance over an axis, axes, or all: the mean squared distance from the mean."""
        axes = _axes(axis, len(self.shape))
        return self._kept(self._one("variance", axes=axes) if axes else self * 0.0, axes, keepdims)

    def _kept(self, reduced: Value, axes, keepdims: bool) -> Value:
        if not keepdims:
            return reduced
        return reduced.reshape(tuple(1 if axis in axes else extent for axis, extent in enumerate(self.shape)))

    @named
    def conv2d(self, kernel, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups: int = 1):
        """A convolution of images `[n, height, width, channels]` with a kernel `[height, width, channels / groups, outputs]`."""
        build, kernel = self._graph._build, self._graph._value(kernel)
        pairs = [tuple(int(one) for one in pair) for pair in (stride, padding, dilation)]
        if len(self.shape) != 4 or len(kernel.shape) != 4 or any(len(pair) != 2 for pair in pairs):
            raise ArgumentError(f"conv2d: expected images and a kernel of 4 axes each, got {list(self.shape)} and {list(kernel.shape)}")
        window = build.window(self._id, kernel.shape[:2], pairs[0], pairs[2], groups, pairs[1])
        return self._make(build.op("conv2d", self._id, kernel._id, **window))

    def softmax(self):
        """exp(x) over its sum along the last axis."""
        return self._one("softmax")

    def logsumexp(self):
        """The logarithm of the sum of exp(x) along the last axis, which is gone."""
        return self._one("logsumexp")

    @named
    def take(self, rows):
        """The rows of a matrix whose numbers are given, or come as data."""
        build, rows = self._graph._build, self._graph._value(rows)
        if len(self.shape) != 2:
            raise ArgumentError(f"take: expected a matrix, got shape {list(self.shape)}")
        flat = build.reshape(rows._id, (math.prod(rows.shape),))
        return self._make(build.reshape(build.op("take", self._id, flat), (*rows.shape, self.shape[1])))

    @named
    def cross_entropy(self, labels):
        """-log softmax(x)[label] along the last axis, which is gone; labels are whole numbers, given or as data."""
        build, labels = self._graph._build, self._graph._value(labels)
        if not self.shape or labels.shape != self.shape[:-1]:
            raise ArgumentError(f"cross_entropy: expected labels of shape {list(self.shape[:-1])}, got {list(labels.shape)}")
        rows = self.reshape(-1, self.shape[-1])
        picked = build.op("pick", rows._id, build.reshape(labels._id, (rows.shape[0],)))
        return (rows.logsumexp() - self._make(picked)).reshape(self.shape[:-1])
