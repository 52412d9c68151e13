"""Products of matrices."""

import math

from ._table import operator
from ._values import Value, known_shape


def _matrix(low, x):
    """The last two axes of a value as the engine's products read them: the array, and whether these are transposed in it."""
    x = low.value(x)
    rank = x.rank
    if rank == 2 and x.order == (1, 0):
        return x.id, True
    if rank == 3 and x.order == (0, 2, 1):
        return x.id, True
    return x.plain(), False


@operator("mm.default", "bmm.default")
def _product(low, a, b):
    (left, left_turned), (right, right_turned) = _matrix(low, a), _matrix(low, b)
    return Value(low, low.build.op("matmul", left, right, left=left_turned, right=right_turned))


@operator("addmm.default")
def _addmm(low, bias, a, b, beta=1, alpha=1):
    product = _product(low, a, b).scale(alpha)
    return product if beta == 0 else product + low.value(bias).scale(beta)


def _mv(low, a, v):
    return _product(low, a, low.value(v).view((*known_shape(v), 1))).squeeze([1])


@operator("addmv.default")
def _addmv(low, bias, a, v, beta=1, alpha=1):
    return low.value(bias).scale(beta) + _mv(low, a, v).scale(alpha)


@operator("linear.default")
def _linear(low, x, weight, bias=None):
    x = low.value(x)
    result = contracted(low, x, x.rank - 1, weight)
    return result if bias is None else result + bias


def contracted(low, x, axis, weight) -> Value:
    """`x` with an axis of `n` elements replaced by one of `m`, by a matrix `[m, n]`. All else stays where the array has it."""
    axis = x.axis(axis)
    order = x.order_with_last([axis])
    array = x.laid(order)
    held = low.build.shape(array)
    right, turned = _matrix(low, weight)
    rows = low.build.reshape(array, (math.prod(held[:-1]), held[-1]))
    result = low.build.op("matmul", rows, right, left=False, right=not turned)
    return Value(low, low.build.reshape(result, (*held[:-1], low.build.shape(result)[1])), order)


@operator("_trilinear.default")
def _trilinear(low, one, two, three, expand1, expand2, expand3, axes, unroll=1):
    product = None
    for part, expand in ((one, expand1), (two, expand2), (three, expand3)):
        part = low.value(part)
        for axis in sorted(expand):
            part = part.view((*part.shape[:axis], 1, *part.shape[axis:]))
        product = part if product is None else product * part
    return product.sum(axes)
