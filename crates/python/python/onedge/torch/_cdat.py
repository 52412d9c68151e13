"""The rule of the paper as an optimizer of PyTorch."""

from __future__ import annotations

import math

from .._errors import ArgumentError
from ._tuned import Tuned


class CDAT(Tuned):
    """Curvature dynamics aware tuning, the paper's rule: `rate = sigma n / d` with `n = max(-g . u, 0)` and `d = |u . H u| + eps`, each replaced by its average with decay beta.

        optimizer = onedge.torch.CDAT(model.parameters(), base="adam", sigma=2.0, beta=0.9)

    Args:
        params, base: as `Tuned` has them.
        sigma: 1 is greedy, 2 on the edge of stability.
        beta: decay of the averages; 0 takes n and d of the step alone.
        eps: added to the curvature.
        cap: the largest rate.
        every: steps between measurements of the curvature; in between it is taken as it was along a unit vector, in the mean with decay beta. 1 is the paper's rule as it is.
        options: all others of `Tuned`, and settings of `cdat`.

    `Tuned` without further arguments is the same idea with safeguards, made to be left on.

    Source: Roulet et al. 2024, arXiv 2407.06183, equations 6 to 8. Cost: as `Tuned`.
    """

    def __init__(self, params, base="adam", sigma=2.0, beta=0.9, eps=0.0, cap=math.inf, *, every=8, **options):
        if "tuner" in options:
            raise ArgumentError("tuner: CDAT has its own; for others take onedge.torch.Tuned(params, tuner=...)")
        super().__init__(params, base, "cdat", every=every, **{"preset": "paper", "sigma": sigma, "beta": beta, "eps": eps, "cap": cap, **options})
