"""The tuner `cdat` as an optimizer of PyTorch."""

from __future__ import annotations

from .._errors import ArgumentError
from ._tuned import Tuned


class CDAT(Tuned):
    """Curvature dynamics aware tuning: `Tuned` with the tuner `cdat`, its settings by name.

        optimizer = onedge.torch.CDAT(model.parameters())  # as it is recommended
        optimizer = onedge.torch.CDAT(model.parameters(), base="adam", preset="paper", sigma=2.0, beta=0.9)

    The rule of the paper is `rate = sigma n / d` with `n = max(-g . u, 0)` and `d = |u . H u| + eps`, each replaced by its average with decay beta. As it stands it can diverge in the first steps, where
    a curvature is near zero by chance. The recommended rule averages along unit vectors, measures the curvature every 16 steps and has safeguards: it is made to be left on.
    With `step(closure)` it looks where its first 32 steps lead before it takes them (`tried`).

    Args:
        params, base: as `Tuned` has them.
        sigma: 1 is greedy, 2 on the edge of stability. By default 2 in the paper's rule; in the recommended one it follows base and batch.
        beta: decay of the averages. By default 0 in the paper's rule, 0.97 in the recommended one.
        eps: added to the curvature, 0 by default; cap: the largest rate, none by default.
        every: steps between measurements of the curvature; in between it is taken as it was along a unit vector. By default 1 in the paper's rule, 16 in the recommended one.
        preset: `"recommended"` or `"paper"`.
        options: all others of `Tuned`, and of the settings of `cdat` (`onedge.entries("tuner")["cdat"]`).

    Source: Roulet et al. 2024, arXiv 2407.06183, equations 6 to 8; the safeguards are this project's own. Cost: as `Tuned`.
    """

    def __init__(self, params, base="adam", sigma=None, beta=None, eps=None, cap=None, *, every=None, preset="recommended", **options):
        if "tuner" in options:
            raise ArgumentError("tuner: CDAT has its own; for others take onedge.torch.Tuned(params, tuner=...)")
        given = {"sigma": sigma, "beta": beta, "eps": eps, "cap": cap}
        super().__init__(params, base, "cdat", every=every, preset=preset, **{key: value for key, value in given.items() if value is not None}, **options)
