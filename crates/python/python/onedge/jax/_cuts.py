"""What movements share."""

import numpy as np

from ._lowering import Known, unsupported


def margins(shape, axis, start, stop):
    """What is cut from each axis so that one of them is left from `start` to `stop`."""
    before, after = [0] * len(shape), [0] * len(shape)
    before[axis], after[axis] = start, shape[axis] - stop
    return before, after


def known(low, equation, operand) -> np.ndarray:
    """An index, which must not depend on the parameters."""
    if not isinstance(operand, Known):
        raise unsupported(
            equation, f"`{equation.primitive.name}` at places that depend on parameters", "compute the indices from data alone, or multiply by jax.nn.one_hot"
        )
    return np.asarray(operand.array)
