"""Flat arrays on the devices of JAX, and what the engine's methods do with them: numbers alone come to the host, a few times a product."""

from __future__ import annotations

import contextlib
import functools
import heapq

import jax
import jax.numpy as jnp
import numpy as np

from .._arguments import shown
from .._errors import ArgumentError

# Rows of a block of memory: vectors of one basis lie side by side, so that its dot products with a vector are one product of a matrix.
ROWS = 8
# As many sums stand for a vector where products are compared.
SKETCH = 4096
_dot = functools.partial(jnp.dot, precision="highest")


class Form:
    """How a tree of parameters becomes a flat array, and back; under `jit`, too."""

    def __init__(self, params):
        leaves, self.structure = jax.tree.flatten(params)
        if not leaves:
            raise ArgumentError("params: expected a tree of arrays, got an empty one")
        for leaf in leaves:
            if isinstance(leaf, jax.core.Tracer):
                raise ArgumentError("params: expected arrays with values, got those of a function that is being traced; measure outside of jax.jit")
            if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
                raise ArgumentError(f"params: expected floating-point arrays, got {shown(leaf)}; leave what is not trained out of params")
        self.shapes, self.dtypes = [np.shape(leaf) for leaf in leaves], [jnp.result_type(leaf) for leaf in leaves]
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]
        self.dim = sum(self.sizes)
        self.dtype = jnp.result_type(jnp.float32, *self.dtypes)
        devices = {device for leaf in leaves if isinstance(leaf, jax.Array) for device in leaf.devices()}
        self.device = next(iter(devices)) if len(devices) == 1 else None

    def flat(self, tree):
        leaves = jax.tree.leaves(tree)
        if [np.shape(leaf) for leaf in leaves] != self.shapes:
            raise ArgumentError("expected a tree of arrays of the shapes of params")
        return jnp.concatenate([jnp.ravel(leaf).astype(self.dtype) for leaf in leaves])

    def tree(self, flat):
        ends = np.cumsum(self.sizes)[:-1]
        parts = zip(jnp.split(flat, ends), self.shapes, self.dtypes)
        return jax.tree.unflatten(self.structure, [part.reshape(shape).astype(dtype) for part, shape, dtype in parts])

    def as_user(self, flat):
        """A flat vector as a tree like the parameters, in the precision of the vector."""
        parts = zip(jnp.split(flat, np.cumsum(self.sizes)[:-1]), self.shapes)
        return jax.tree.unflatten(self.structure, [part.reshape(shape) for part, shape in parts])


class _Row:
    """A vector: a row of a block, which is free again once nobody holds this."""

    __slots__ = ("_free", "place")

    def __init__(self, place, free):
        self.place, self._free = place, free

    def __del__(self):
        heapq.heappush(self._free, self.place)


class Vectors:
    """Vectors as long as all parameters together, and a symmetric operator on them: `product(flat)` gives a flat array."""

    def __init__(self, product, form: Form, diagonal=None):
        self._product, self._form = product, form
        self.dim, self.dtype, self.form = form.dim, form.dtype, form.as_user
        self.epsilon = float(jnp.finfo(form.dtype).eps)
        self._root = None if diagonal is None else jax.lax.rsqrt(diagonal.astype(form.dtype))
        self._blocks, self._free = [], []

    def _on_device(self):
        return contextlib.nullcontext() if self._form.device is None else jax.default_device(self._form.device)

    def _new(self, flat):
        if not self._free:
            first = ROWS * len(self._blocks)
            with self._on_device():
                self._blocks.append(jnp.zeros((ROWS, self.dim), self.dtype))
            self._free.extend(range(first, first + ROWS))
        row = _Row(heapq.heappop(self._free), self._free)
        self._set(row, flat)
        return row

    def _set(self, row, flat):
        block, place = divmod(row.place, ROWS)
        self._blocks[block] = _put(self._blocks[block], place, flat)

    def _get(self, row):
        block, place = divmod(row.place, ROWS)
        return _row(self._blocks[block], place)

    def taken(self, flat):
        return self._new(jnp.asarray(flat, self.dtype))

    def kept(self, row):
        return self._get(row)

    @staticmethod
    def size_of(flat):
        return flat.size if isinstance(flat, jax.Array) else -1

    def apply(self, v):
        flat = self._get(v)
        return self._new(self._product(flat) if self._root is None else self._root * self._product(self._root * flat))

    def random(self, seed):
        with self._on_device():
            return self._new(_random(_key(seed), self.dim, self.dtype))

    def signs(self, seed):
        with self._on_device():
            return self._new(_signs(_key(seed), self.dim, self.dtype))

    def copy(self, v):
        return self._new(self._get(v))

    def scale(self, alpha, v):
        self._set(v, self._get(v) * np.asarray(alpha, self.dtype))

    def combine(self, coefficients, rows):
        blocks, weights, _ = self._matrix(rows, np.asarray(coefficients)[None])
        return self._new(_combined(blocks, weights)[0])

    def dots(self, a, v):
        blocks, _, places = self._matrix(a, np.ones((1, len(a))))
        along = np.asarray(_along(blocks, self._get(v)), np.float64)
        return along[places].tolist()

    def orthogonalize(self, basis, v):
        if not basis:
            return [], float(_norm(self._get(v)))
        blocks, mask, places = self._matrix(basis, np.ones((1, len(basis))))
        flat, numbers = _orthogonal(blocks, mask[0], self._get(v))
        self._set(v, flat)
        numbers = np.asarray(numbers, np.float64)
        return numbers[:-1][places].tolist(), float(numbers[-1])

    def rotate(self, rows, columns):
        blocks, weights, _ = self._matrix(rows, np.asarray(columns, np.float64).reshape(len(columns), len(rows)))
        for row, vector in zip(rows, _combined(blocks, weights)):
            self._set(row, vector)
        return rows[: len(columns)]

    def _matrix(self, rows, columns):
        """The blocks with these vectors; what `columns` say of them, zeros for all other rows of the blocks; and where each is."""
        used = sorted({row.place // ROWS for row in rows})
        places = np.array([used.index(row.place // ROWS) * ROWS + row.place % ROWS for row in rows], int)
        full = np.zeros((len(columns), ROWS * len(used)), self.dtype)
        # A vector may be there twice.
        np.add.at(full.T, places, columns.T.astype(self.dtype))
        return [self._blocks[block] for block in used], full, places

    def sums(self):
        with self._on_device():
            return {"diagonal": jnp.zeros(self.dim, self.dtype), "elements": 0.0, "sketches": []}

    def gather(self, sums, squares, z, y):
        z, y = self._get(z), self._get(y)
        with self._on_device():
            signs = _signs(_key(SKETCH), self.dim, self.dtype) if self.dim > SKETCH else None
        sums["diagonal"], sketch, told = _gathered(sums["diagonal"], z, y, signs, squares)
        overlaps = _along([jnp.stack(sums["sketches"])], sketch) if sums["sketches"] else []
        form, square, elements, diagonal = np.asarray(told, np.float64).tolist()
        sums["elements"] += elements
        sums["sketches"].append(sketch)
        return form, square, sums["elements"], diagonal, np.asarray(overlaps, np.float64).tolist()


def _key(seed):
    return jax.random.fold_in(jax.random.key(seed & 0xFFFFFFFF), seed >> 32 & 0xFFFFFFFF)


@functools.partial(jax.jit, donate_argnums=0)
def _put(block, place, flat):
    return jax.lax.dynamic_update_index_in_dim(block, flat.astype(block.dtype), place, 0)


@jax.jit
def _row(block, place):
    return jax.lax.dynamic_index_in_dim(block, place, 0, keepdims=False)


@functools.partial(jax.jit, static_argnums=(1, 2))
def _random(key, dim, dtype):
    flat = jax.random.uniform(key, (dim,), dtype, -1.0, 1.0)
    return flat / _norm(flat)


@functools.partial(jax.jit, static_argnums=(1, 2))
def _signs(key, dim, dtype):
    return jax.random.rademacher(key, (dim,), dtype)


@jax.jit
def _norm(flat):
    return jnp.sqrt(_dot(flat, flat))


@jax.jit
def _along(blocks, flat):
    return jnp.concatenate([_dot(block, flat) for block in blocks])


@jax.jit
def _combined(blocks, weights):
    return sum(_dot(part, block) for part, block in zip(jnp.split(weights, len(blocks), 1), blocks))


@jax.jit
def _orthogonal(blocks, mask, flat):
    parts = jnp.split(mask, len(blocks))

    def sweep(flat):
        found = [jnp.where(part > 0, _dot(block, flat), 0) for part, block in zip(parts, blocks)]
        for coefficients, block in zip(found, blocks):
            flat = flat - _dot(coefficients, block)
        return flat, jnp.concatenate(found)

    flat, first = sweep(flat)
    flat, second = sweep(flat)
    return flat, jnp.append(first + second, _norm(flat))


@functools.partial(jax.jit, static_argnums=4)
def _gathered(diagonal, z, y, signs, squares):
    element = y * (y if squares else z)
    diagonal = diagonal + element
    sketch = y if signs is None else jnp.sum(jnp.pad(y * signs, (0, -y.size % SKETCH)).reshape(-1, SKETCH), 0)
    told = jnp.stack([_dot(z, y), _dot(y, y), _dot(element, element), _dot(diagonal, diagonal)])
    return diagonal, sketch, told
