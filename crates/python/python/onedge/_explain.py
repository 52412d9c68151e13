"""`onedge.explain`, for a loss of any framework."""

from __future__ import annotations

import sys

from ._arguments import shown
from ._errors import ArgumentError
from ._explanation import Explanation


def explain(loss_or_model, params_or_loss, batch=None, **options) -> Explanation:
    """What onedge makes of a loss: in parts or as a whole, and why; the size of its graph; and everything in it that is not supported, with lines.

    `explain(loss, params, batch)` is `onedge.jax.explain`, `explain(model, loss, batch)` with a torch module is `onedge.torch.explain`.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(loss_or_model, torch.nn.Module):
        from .torch import explain as of_torch

        return of_torch(loss_or_model, params_or_loss, batch, **options)
    if not callable(loss_or_model):
        raise ArgumentError(f"loss: expected a function of the parameters, or a torch module and its loss, got {shown(loss_or_model)}")
    from .jax import explain as of_jax

    return of_jax(loss_or_model, params_or_loss, batch, **options)
