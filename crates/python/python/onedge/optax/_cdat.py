"""The tuner `cdat` around a transformation of Optax."""

from __future__ import annotations

import math

import optax

from .._arguments import shown
from .._errors import ArgumentError
from ._line import check_base, check_number, check_whole
from ._paper import paper
from ._recommended import recommended


def cdat(
    base: optax.GradientTransformation,
    sigma: float | None = None,
    beta: float | None = None,
    eps: float = 0.0,
    cap: float = math.inf,
    *,
    preset: str = "recommended",
    every: int | None = None,
    growth: float | None = None,
    cooldown: float | None = None,
    steps: int | None = None,
    full_batch: bool = False,
    edge: float | None = None,
    axis_name=None,
) -> optax.GradientTransformationExtraArgs:
    """Curvature dynamics aware tuning around `base`, as recommended or as the paper has it.

    The paper's rule is `rate = sigma n / d` with `n = max(-g . u, 0)` and `d = |u . H u| + eps`, each an average with decay beta. It can diverge with mini-batches. The
    recommended rule goes the length `rate |u| = sigma N / C` with averages N of `-g . u / |u|` and C of `|u . H u| / |u|^2`, measures the curvature every 16 steps and has
    safeguards: it is made to be left on.

    Args:
        base: a transformation whose update at rate 1 points uphill, as those named `scale_by_*` give, `optax.identity()` for gradient descent.
        sigma: 1 is greedy, 2 on the edge of stability. By default 2 in the paper's rule; in the recommended one, with e half the edge of the base, `2 / sqrt(e)`, and
            `2 / e^(1/4)` in full batch: 0.46 and 0.96 for Adam, 1.45 and 1.70 for momentum 0.9, 2 for gradient descent. May be an array, as `optax.inject_hyperparams`
            makes of it.
        beta: decay of the averages, from 0 on. By default 0 in the paper's rule, 0.97 in the recommended one.
        eps: added to the curvature; cap: the largest rate.
        preset: `"recommended"` or `"paper"`.
        every: measures the curvature every so many steps; in between it is taken as it was along a unit vector. By default 1 in the paper's rule, 16 in the recommended one,
            which also measures at each of the first 8 steps and where the slope is more than twice its average.
        growth: the recommended rule's alone, as all that follow but the last: the most that a step may be longer than the one before, by default 1.5.
        steps: how many there will be, if that is known: the rate then comes down to 0 over the last share `cooldown` of them, by default 0.5.
        full_batch: whether each step sees all examples.
        edge: c in "edge of stability at sharpness c / rate" of the base; by default `init` finds it from the base's answers to gradients that alternate.
        axis_name: inside `pmap` and `shard_map`, the axis, or a tuple of them, along which the batch is divided: loss, slope and curvature are the means over it. The
            gradient is to be the mean, too, as for any transformation of Optax. Under `jit` with shardings nothing need be said.

    `update` needs `params` and `value_fn`, the loss as a function of the parameters on the batch of the step, and takes the loss there as `value`, and its curvature, the third
    of what `onedge.jax.linearize` gives, as `curvature`, where you have them. With these two it needs no `value_fn`; the first step of the recommended rule is then checked
    against its quadratic model instead of the loss. A measurement costs about 1.7 gradients; handed in, a sweep of tangents, 0.3 to 0.7 of one,
    but then adjoints are kept at all steps: it pays where the curvature is measured at every step.

    Raises:
        ArgumentError: an argument out of its range, or one that is for the other preset.

    Source: Roulet et al. 2024, arXiv 2407.06183, equations 6 to 8; the safeguards are this project's own, with their evidence in docs/DEFAULT.md.
    """
    base = check_base(base)
    if preset not in ("recommended", "paper"):
        raise ArgumentError(f'preset: expected "recommended" or "paper", got {shown(preset)}')
    settings = {"sigma": sigma, "beta": beta, "every": every, "growth": growth, "cooldown": cooldown, "steps": steps, "edge": edge}
    own = {"beta": 0.97, "every": 16, "growth": 1.5, "cooldown": 0.5} if preset == "recommended" else {"sigma": 2.0, "beta": 0.0, "every": 1}
    if preset == "paper":
        foreign = [name for name in ("growth", "cooldown", "steps", "edge") if settings[name] is not None] + (["full_batch"] if full_batch else [])
        if foreign:
            raise ArgumentError(f'{foreign[0]}: the paper\'s rule has none; leave it out, or take preset="recommended"')
    settings.update({name: value for name, value in own.items() if settings[name] is None})
    if settings["sigma"] is not None:
        check_number("sigma", settings["sigma"], lambda x: x > 0, "a positive number")
    check_number("beta", settings["beta"], lambda x: 0 <= x < 1, "a number in [0, 1)")
    check_number("eps", eps, lambda x: x >= 0, "a number, 0 or more")
    check_number("cap", cap, lambda x: x > 0, "a positive number", infinite=True)
    check_whole("every", settings["every"])
    if preset == "paper":
        return paper(base, settings["sigma"], settings["beta"], eps, cap, every=settings["every"], axis_name=axis_name)
    check_number("growth", settings["growth"], lambda x: x > 1, "a number above 1", infinite=True)
    check_number("cooldown", settings["cooldown"], lambda x: 0 <= x <= 1, "a number from 0 to 1")
    if steps is not None:
        check_whole("steps", steps)
    if edge is not None:
        check_number("edge", edge, lambda x: x > 0, "a positive number")
    if not isinstance(full_batch, bool):
        raise ArgumentError(f"full_batch: expected True or False, got {shown(full_batch)}")
    return recommended(base, eps=eps, cap=cap, full_batch=full_batch, axis_name=axis_name, **settings)


def greedy(base: optax.GradientTransformation, *, cap: float = math.inf, every: int = 1, axis_name=None) -> optax.GradientTransformationExtraArgs:
    """The minimiser of the quadratic model along the step of `base`: `cdat` of the paper with sigma 1 and no averages."""
    return cdat(base, 1.0, 0.0, 0.0, cap, preset="paper", every=every, axis_name=axis_name)


def on_edge(base: optax.GradientTransformation, *, cap: float = math.inf, every: int = 1, axis_name=None) -> optax.GradientTransformationExtraArgs:
    """The largest rate at which the quadratic model along the step of `base` does not exceed the loss: `cdat` of the paper with sigma 2 and no averages."""
    return cdat(base, 2.0, 0.0, 0.0, cap, preset="paper", every=every, axis_name=axis_name)
