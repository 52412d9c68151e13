"""Products of matrices."""

import math

from ._table import primitive


def _extent(shape, axes):
    return math.prod(shape[axis] for axis in axes)


@primitive("dot_general")
def _dot_general(low, equation, operands):
    (left_inner, right_inner), (left_batch, right_batch) = equation.params["dimension_numbers"]
    build = low.builder
    left, right = low.node(operands[0]), low.node(operands[1])
    a, b = build.shape(left), build.shape(right)
    rows = [axis for axis in range(len(a)) if axis not in left_inner and axis not in left_batch]
    columns = [axis for axis in range(len(b)) if axis not in right_inner and axis not in right_batch]
    lead = [_extent(a, left_batch)] if left_batch else []
    m, k, n = _extent(a, rows), _extent(a, left_inner), _extent(b, columns)

    def laid_out(value, shape, batch, first, second, extents):
        """The value as `[batch, first, second]`, or the other way round where its axes lie so, and whether."""
        plain, turned = [*batch, *first, *second], [*batch, *second, *first]
        order = list(range(len(shape)))
        if plain != order and turned == order:
            return build.reshape(value, lead + extents[::-1]), True
        return build.reshape(build.permute(value, plain), lead + extents), False

    x, left_turned = laid_out(left, a, left_batch, rows, left_inner, [m, k])
    y, right_turned = laid_out(right, b, right_batch, right_inner, columns, [k, n])
    product = build.op("matmul", x, y, left=left_turned, right=right_turned)
    return build.reshape(product, [a[axis] for axis in left_batch] + [a[axis] for axis in rows] + [b[axis] for axis in columns])
