"""JAX losses on the engine of onedge: exact curvature of a function that you have already.

    o = onedge.jax.objective(loss, params, batch)
    loss, gradient = o.linearize(params)
    o.curvature(update), o.hessian_vector(v), o.sharpness()

`loss(params, batch)` is any function that JAX can trace to one number. What does not depend on the parameters, random masks and positions among it, is
computed by JAX and enters as data.
"""

from __future__ import annotations

from .. import _front
from .._explanation import Explanation
from .._objective import Objective
from ._curvature import curvature, linearize
from ._door import JaxDoor
from ._monitor import Monitor
from ._spectrum import density, gauss_newton, sharpness, top, trace
from ._table import TABLE

__all__ = ["Monitor", "curvature", "density", "explain", "gauss_newton", "linearize", "objective", "primitives", "sharpness", "top", "trace"]


def objective(
    loss,
    params,
    batch=None,
    *,
    outputs=None,
    mode: str = "auto",
    dtype=None,
    l2: float = 0.0,
    threads: int | None = None,
    memory_bytes: int | None = None,
) -> Objective:
    """The loss on this batch, with its derivatives by `params`.

    Args:
        loss: `loss(params, batch)`, or `loss(params)` where `batch` is None; gives one number. With `outputs`: `loss(outputs, batch)`.
        params: a tree of floating-point arrays. Their values are free to change; their shapes are not.
        batch: a tree of arrays, all of them data. `Objective.replace` takes another one.
        outputs: `outputs(params, batch)`, what the model says of the batch, one array. It makes Gauss-Newton products possible.
        mode: `"mean"`: the loss is a mean over the examples of the batch, which lie along the first axis of all its arrays, and is computed in parts
            that fit the cache, on all threads. `"whole"`: it is computed in one piece, as batch norm or a contrastive loss must be. `"auto"`: as a
            mean if loss and gradient of parts agree with those of the batch; `Objective.why` says what was found.
        dtype: `"f32"` or `"f64"`; by default that of the parameters.
        l2: adds `l2 / 2 |params|^2`.
        threads: at most so many; all cores by default.
        memory_bytes: for what curvature and `H v` reuse of the gradient's pass; 2 GiB by default.

    Raises:
        UnsupportedError: a primitive that onedge has not, with the line of the loss.
        ArgumentError: parameters that are not floating-point, a loss that is not one number.
    """
    door = JaxDoor(loss, params, dtype=dtype, has_batch=batch is not None, outputs=outputs)
    return _front.make(door, batch, mode=mode, l2=l2, threads=threads, memory_bytes=memory_bytes)


def explain(loss, params, batch=None, *, outputs=None, mode: str = "auto", dtype=None) -> Explanation:
    """What onedge makes of a loss: in parts or as a whole, and why; the size of its graph; and everything in it that is not supported, with lines."""
    door = JaxDoor(loss, params, dtype=dtype, has_batch=batch is not None, outputs=outputs)
    return _front.explain(door, batch, mode=mode)


def primitives() -> list[str]:
    """The names of the primitives of JAX that onedge knows."""
    return sorted(TABLE)
