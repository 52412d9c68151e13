"""A JAX loss as the front door sees it: traced on some batch, lowered, its batches cut and compared."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from .._arguments import array_of, choice, of_user, shown
from .._builder import Replay
from .._errors import ArgumentError
from .._front import Door, Known, Lowered, Node
from . import _control, _convolution, _custom, _elementwise, _movement, _products, _reductions, _refused, _scatter, _special, _windows  # noqa: F401  (they fill the table)
from ._lowering import LIBRARIES, Lowering, _Refused


class JaxDoor(Door):
    """`loss(params, batch)`, or `loss(outputs(params, batch), batch)`."""

    def __init__(self, loss, params, *, dtype, has_batch: bool, outputs=None):
        leaves, self._structure = _leaves("params", params)
        leaves = [array_of("params", leaf) for leaf in leaves]
        if not leaves:
            raise ArgumentError("params: expected at least one array, got none")
        for leaf in leaves:
            if not jnp.issubdtype(leaf.dtype, jnp.floating):
                raise ArgumentError(f"params: expected floating-point arrays, got one of {leaf.dtype}; put it into the batch")
        for name, function in (("loss", loss), ("outputs", outputs)):
            if not (callable(function) or (name == "outputs" and function is None)):
                raise ArgumentError(f"{name}: expected a function, got {shown(function)}")
        self._loss, self._outputs, self._has_batch = loss, outputs, has_batch
        self.precision = _precision(dtype, leaves)
        self._double = self.precision == np.float64
        self._leaves = [leaf.astype(self.precision) for leaf in leaves]
        self.tree = _tree(self._structure, leaves, self.precision)
        self._traced: dict = {}

    def start(self):
        return np.concatenate([leaf.reshape(-1) for leaf in self._leaves])

    def names(self):
        """Their places in the tree: `layers.0.weight`."""
        paths = jax.tree_util.tree_flatten_with_path(jax.tree.unflatten(self._structure, self._leaves))[0]
        names = [jax.tree_util.keystr(path, simple=True, separator=".") or "parameters" for path, _ in paths]
        return names if len(set(names)) == len(names) else [f"parameters.{place}" for place in range(len(names))]

    def lower(self, batch, builder, memo, survey=None):
        with _precise(self._double):
            data = self._cast_batch(batch)
            traced = self._trace(jax.tree.unflatten(self._structure, self._leaves), data)
            lowering = Lowering(builder, memo, survey)
            inputs = [builder.input(leaf.shape) for leaf in self._leaves]
            known = [Known(leaf, batch=True) for leaf in jax.tree.leaves(data)]
            try:
                results = lowering.run(traced.jaxpr, [Known(const) for const in traced.consts], [*map(Node, inputs), *known])
            except _Refused as refused:
                raise refused.error() from None
            if isinstance(results[0], Known):
                raise ArgumentError("loss: expected a loss that depends on the parameters, got one that does not")
            outputs = lowering.node(results[1]) if self._outputs else None
        loss = builder.reshape(results[0].value, (1,))
        return Lowered(builder, inputs, loss, outputs, lowering.notes, lowering.memo)

    def gathered(self, recipe, batch):
        """By one compiled function, unless a lowering looks at the values of arrays of the batch."""
        if recipe.gather is False:
            return None
        with _precise(self._double):
            data = self._cast_batch(batch)
            leaves, structure = jax.tree.flatten(data)
            if recipe.gather is None:

                def of_part(leaves):
                    replay = Replay(recipe.lowered.builder)
                    self.lower(jax.tree.unflatten(structure, leaves), replay, recipe.lowered.memo)
                    return replay.finish()

                recipe.gather = jax.jit(of_part if recipe.parts == 1 else jax.vmap(of_part))
            if recipe.parts > 1:
                leaves = [leaf.reshape(recipe.parts, -1, *leaf.shape[1:]) for leaf in leaves]
            try:
                return recipe.gather(leaves)
            except Exception:  # whatever it is, the slow way meets it again and tells it
                recipe.gather = False
                return None

    def _cast_batch(self, batch):
        if not self._has_batch:
            return ()
        leaves, structure = _leaves("batch", batch)
        return jax.tree.unflatten(structure, [_cast(leaf, self.precision) for leaf in leaves])

    def _trace(self, params, data):
        """The loss, and the outputs where they are told, as a jaxpr: traced once for each form of a batch."""
        key = str(self.shapes(data))
        if key not in self._traced:
            arguments = (params, data) if self._has_batch else (params,)

            def both(*arguments):
                if self._outputs is None:
                    return self._loss(*arguments), ()
                outputs = self._outputs(*arguments)
                return self._loss(outputs, *arguments[1:]), outputs

            try:
                traced = jax.make_jaxpr(both)(*arguments)
            except Exception as error:
                raise of_user("loss", error, LIBRARIES) from error
            shapes = [out.aval.shape for out in traced.jaxpr.outvars]
            wanted = 1 if self._outputs is None else 2
            if shapes[:1] != [()] or not jnp.issubdtype(traced.jaxpr.outvars[0].aval.dtype, jnp.floating):
                told = ", ".join(str(list(shape)) for shape in shapes[: max(len(shapes) - wanted + 1, 1)])
                raise ArgumentError(f"loss: expected one number, got {told}; return the mean, and metrics elsewhere")
            if len(shapes) != wanted:
                what = "one number from loss" if self._outputs is None else "one array from outputs"
                raise ArgumentError(f"expected {what}, got {len(shapes) - wanted + 1} values; return the mean loss alone, and metrics elsewhere")
            self._traced[key] = traced
        return self._traced[key]

    def examples(self, batch):
        leaves = jax.tree.leaves(batch)
        if not leaves:
            return None, "the batch has no arrays"
        extents = {np.shape(leaf)[0] if np.ndim(leaf) else None for leaf in leaves}
        if len(extents) == 1 and None not in extents and not any(map(_is_key, leaves)):
            return extents.pop(), ""
        return None, "the arrays of the batch have not all the same first axis"

    def part(self, batch, start, stop):
        return jax.tree.map(lambda leaf: leaf[start:stop], batch)

    def scrambled(self, batch, draws):
        def other(leaf):
            array = np.asarray(leaf)
            if jnp.issubdtype(array.dtype, jnp.floating):
                return (array * draws.uniform(0.5, 1.0, array.shape)).astype(array.dtype)
            values = np.unique(array)
            if array.dtype != bool and values.size and 0 <= values.max() < 2**16:
                values = np.union1d(values, np.arange(values.max() + 1))
            return draws.choice(values, array.shape).astype(array.dtype) if array.dtype != bool else draws.integers(0, 2, array.shape) > 0

        return jax.tree.map(other, batch)

    def shapes(self, batch):
        leaves, structure = _leaves("batch", batch)
        leaves = [leaf if hasattr(leaf, "shape") and hasattr(leaf, "dtype") else array_of("batch", leaf) for leaf in leaves]
        return structure, [(tuple(leaf.shape), str(leaf.dtype)) for leaf in leaves]


def _is_key(leaf) -> bool:
    return hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _precision(dtype, leaves) -> np.dtype:
    names = {"f32": np.float32, "f64": np.float64}
    if dtype is not None:
        return np.dtype(names[choice("dtype", dtype, ("f32", "f64"))])
    return np.dtype(np.float64 if any(leaf.dtype == np.float64 for leaf in leaves) else np.float32)


def _leaves(name: str, tree):
    """The leaves of a tree and its form."""
    try:
        return jax.tree.flatten(tree)
    except Exception as error:
        raise ArgumentError(f"{name}: expected a tree of arrays, got {shown(tree)}: {error}") from None


def _cast(leaf, precision):
    if _is_key(leaf):
        return leaf
    array = leaf if isinstance(leaf, jax.Array) else array_of("batch", leaf)
    if not (array.dtype == bool or jnp.issubdtype(array.dtype, jnp.number)) or jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise ArgumentError(f"batch: expected arrays of real numbers, got {shown(leaf)}")
    array = array if isinstance(array, jax.Array) else np.asarray(array, array.dtype.newbyteorder("="))
    return jnp.asarray(array, precision) if jnp.issubdtype(array.dtype, jnp.floating) else jnp.asarray(array)


def _precise(on: bool):
    """JAX with double precision, as long as it is traced."""
    return jax.enable_x64(True) if on else jax.enable_x64(jax.config.jax_enable_x64)


def _tree(structure, leaves, precision):
    """How a tree of parameters becomes a flat array, and back."""
    shapes = [leaf.shape for leaf in leaves]
    ends = np.cumsum([leaf.size for leaf in leaves])

    def flatten(tree):
        if isinstance(tree, np.ndarray) and tree.ndim == 1 and structure.num_leaves > 1:
            return tree
        parts, other = _leaves("parameters", tree)
        if other != structure:
            raise ArgumentError(f"expected a tree like that of the parameters, {structure}, got {other}")
        arrays = [array_of("parameters", part) for part in parts]
        for array, shape in zip(arrays, shapes):
            if array.shape != shape:
                raise ArgumentError(f"expected arrays shaped as the parameters, got {array.shape} for {shape}")
            if not jnp.issubdtype(array.dtype, jnp.floating) and not np.issubdtype(array.dtype, np.integer):
                raise ArgumentError(f"expected arrays of numbers, got {shown(array)}")
        with np.errstate(over="ignore"):
            return np.concatenate([array.astype(precision).reshape(-1) for array in arrays])

    def unflatten(flat):
        parts = np.split(flat, ends[:-1])
        return jax.tree.unflatten(structure, [part.reshape(shape) for part, shape in zip(parts, shapes)])

    return flatten, unflatten
