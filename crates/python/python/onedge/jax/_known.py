"""Primitives of known operands that NumPy computes to the same bits as JAX, without compiling anything for them."""

import jax
import numpy as np

# Larger ones are worth a compilation.
SMALL = 1 << 16


def computed(equation, operands):
    """The result, or None where JAX must compute it."""
    compute = COMPUTED.get(equation.primitive.name)
    if compute is None or len(equation.outvars) != 1:
        return None
    out = equation.outvars[0].aval
    arrays = [operand.array for operand in operands]
    if any(isinstance(array, jax.core.Tracer) for array in arrays):
        return None
    if any(jax.dtypes.issubdtype(v.aval.dtype, jax.dtypes.extended) for v in (*equation.invars, *equation.outvars)):
        return None
    if out.size > SMALL or any(np.size(array) > SMALL for array in arrays):
        return None
    if out.dtype.kind not in "biuf" or any(v.aval.dtype.kind not in "biuf" for v in equation.invars):
        return None
    arrays = [np.asarray(array, v.aval.dtype) for array, v in zip(arrays, equation.invars)]
    with np.errstate(all="ignore"):
        result = np.asarray(compute(equation.params, *arrays))
    return result if result.dtype == out.dtype and result.shape == out.shape else None


def _iota(params):
    shape, axis = params["shape"], params["dimension"]
    along = np.arange(shape[axis]).reshape([-1 if place == axis else 1 for place in range(len(shape))])
    return np.broadcast_to(along, shape).astype(params["dtype"])


def _broadcast(params, x):
    shape, axes = params["shape"], params["broadcast_dimensions"]
    inner = [1] * len(shape)
    for axis, extent in zip(axes, x.shape):
        inner[axis] = extent
    return np.broadcast_to(x.reshape(inner), shape)


def _convert(params, x):
    # What NumPy and XLA do with numbers that do not fit is not the same.
    to = np.dtype(params["new_dtype"])
    exact = x.dtype == bool or to == bool or to.kind == "f" or (x.dtype.kind in "iu" and np.can_cast(x.dtype, to))
    if not exact and not (x.dtype.kind in "iu" and (x.size == 0 or (x.min() >= np.iinfo(to).min and x.max() <= np.iinfo(to).max))):
        return None
    return x.astype(to)


def _select(params, which, *cases):
    return np.where(which, cases[1], cases[0]) if len(cases) == 2 and which.dtype == bool else None


def _slice(params, x):
    steps = params["strides"] or [1] * x.ndim
    return x[tuple(slice(*ends) for ends in zip(params["start_indices"], params["limit_indices"], steps))]


def _elementwise(function):
    return lambda params, *operands: function(*operands)


COMPUTED = {
    "iota": _iota,
    "broadcast_in_dim": _broadcast,
    "convert_element_type": _convert,
    "select_n": _select,
    "slice": _slice,
    "reshape": lambda params, x: x.reshape(params["new_sizes"]),
    "squeeze": lambda params, x: np.squeeze(x, tuple(params["dimensions"])),
    "transpose": lambda params, x: x.transpose(params["permutation"]),
    "concatenate": lambda params, *parts: np.concatenate(parts, params["dimension"]),
    "stack": lambda params, *parts: np.stack(parts, params["axis"]),
    "stop_gradient": lambda params, x: x,
    "copy": lambda params, x: x,
}
COMPUTED |= {
    name: _elementwise(function)
    for name, function in {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "neg": np.negative, "lt": np.less, "le": np.less_equal, "gt": np.greater,
        "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "not": np.invert,
    }.items()
}  # fmt: skip
