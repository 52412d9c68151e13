"""The largest eigenvalue of the Hessian at a step, for the tuner that takes its rate from it."""

from __future__ import annotations

import torch

from .. import _core
from .._errors import UnsupportedError
from ._bases import BASES
from ._preconditioner import is_adaptive, of_optimizer, unwrapped
from ._sharded import WHOLE
from ._space import Parts, Vectors

# As the engine measures at each step of a run.
TOLERANCE, PRODUCTS = 1e-3, 300


def sharpness(optimizer, point, parameters, step: int) -> tuple[float, bool]:
    """The largest eigenvalue of `P^-1/2 H P^-1/2`, with P the diagonal of the base divided by `lr_scale`, and whether it has converged. Cost: a product
    with H for each of the method's steps, some 10 to 100, and a vector of memory each, up to 64."""
    layout = optimizer._layout
    own, diagonal = layout.own(parameters), _diagonal(optimizer, parameters)
    space = Vectors(point.hessian_vector, own, None, diagonal) if layout is WHOLE else Parts(layout, point.hessian_vector, own, diagonal)
    values, _, _, _, converged, _ = _core.top_on(space, 1, "largest", tolerance=TOLERANCE, max_products=PRODUCTS, seed=step)
    return values[0], converged


def _diagonal(optimizer, parameters):
    """P, flat; None where it is 1."""
    inner = unwrapped(optimizer)
    known = is_adaptive(inner) or optimizer.base.name in BASES or isinstance(inner, torch.optim.SGD)
    if not known:
        raise UnsupportedError(
            f"base: the tuner `sharpness` needs the diagonal by which {optimizer.base.name} divides, which is not known here; take a base by name, as base=\"adam\", or another tuner"
        )
    scales = [float(group["lr_scale"]) for group in optimizer.param_groups for parameter in group["params"] if parameter.requires_grad]
    if not is_adaptive(inner) and all(scale == 1.0 for scale in scales):
        return None
    if is_adaptive(inner):
        parts = optimizer._layout.own(of_optimizer(inner, [str(number) for number in range(len(parameters))], parameters))
    else:
        parts = [torch.ones_like(own) for own in optimizer._layout.own(parameters)]
    # What is not moved, by a scale of 0, is divided by infinity: it has no part in the operator.
    return torch.cat([(part / torch.tensor(scale, dtype=part.dtype, device=part.device)).reshape(-1) for part, scale in zip(parts, scales)])
