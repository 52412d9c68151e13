"""What a step goes along: the update of a base optimizer at rate 1, `w <- w + rate u`, tensors of a group at once.

Each has the formula and settings of the optimizer of the same name in the catalogue (`onedge.entries("optimizer")`). What a method keeps is in the state of the parameter, as
with any `torch.optim.Optimizer`.
"""

from __future__ import annotations

import torch

from .._arguments import is_number, shown
from .._errors import ArgumentError

_DECAY_RATE = (lambda x: 0 <= x < 1, "a number in [0, 1)")
_POSITIVE = (lambda x: x > 0, "a positive number")
_FROM_ZERO = (lambda x: x >= 0, "a number, 0 or more")
_BOUNDS = {"beta": _DECAY_RATE, "beta1": _DECAY_RATE, "beta2": _DECAY_RATE, "eps": _POSITIVE, "decay": _FROM_ZERO, "start": _FROM_ZERO}


class Gd:
    """`u = -g`."""

    name = "gd"
    defaults: dict = {}

    def direction(self, parameters, gradients, states, settings) -> list[torch.Tensor]:
        """The updates of the tensors of one group; the states advance by a step."""
        return list(torch._foreach_neg(gradients))

    def restart(self, parameters, gradients, updates, states, settings) -> list[torch.Tensor] | None:
        """After updates that led uphill: those of the gradients alone, as the directions of earlier steps are forgotten. None where there are none."""
        return None

    def edge(self, settings) -> float | None:
        """c in "edge of stability at sharpness c / rate"."""
        return 2.0


class Momentum(Gd):
    """`m <- g + beta m`, `u = -m`."""

    name = "momentum"
    defaults = {"beta": 0.9}

    def direction(self, parameters, gradients, states, settings):
        means = _kept(states, "mean", parameters)
        torch._foreach_mul_(means, settings["beta"])
        torch._foreach_add_(means, gradients)
        return self._update(means, gradients, settings)

    def restart(self, parameters, gradients, updates, states, settings):
        means = _kept(states, "mean", parameters)
        torch._foreach_copy_(means, gradients)
        return self._update(means, gradients, settings)

    def _update(self, means, gradients, settings):
        return list(torch._foreach_neg(means))

    def edge(self, settings):
        return 2 + 2 * settings["beta"]


class Nesterov(Momentum):
    """`m <- g + beta m`, `u = -(g + beta m)` with the new m."""

    name = "nesterov"

    def _update(self, means, gradients, settings):
        updates = list(torch._foreach_mul(means, -settings["beta"]))
        torch._foreach_sub_(updates, gradients)
        return updates

    def edge(self, settings):
        return (2 + 2 * settings["beta"]) / (1 + 2 * settings["beta"])


class AdaGrad(Gd):
    """`s <- s + g^2` from `start`, `u = -g / sqrt(s + eps)`."""

    name = "adagrad"
    defaults = {"start": 0.1, "eps": 1e-7}

    def direction(self, parameters, gradients, states, settings):
        sums = _kept(states, "sum", parameters, settings["start"])
        torch._foreach_addcmul_(sums, gradients, gradients)
        return _over_root(gradients, sums, settings["eps"])


class RmsProp(Gd):
    """`nu <- beta2 nu + (1 - beta2) g^2` from zero, `u = -g / sqrt(nu + eps)`."""

    name = "rmsprop"
    defaults = {"beta2": 0.999, "eps": 1e-8}

    def direction(self, parameters, gradients, states, settings):
        squares = _kept(states, "square", parameters)
        torch._foreach_mul_(squares, settings["beta2"])
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - settings["beta2"])
        return _over_root(gradients, squares, settings["eps"])


class Adam(Gd):
    """Adam with bias correction: `u = -m / (1 - beta1^t) / (sqrt(nu / (1 - beta2^t)) + eps)`."""

    name = "adam"
    defaults = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}

    def direction(self, parameters, gradients, states, settings):
        means, squares = _kept(states, "mean", parameters), _kept(states, "square", parameters)
        beta1, beta2 = settings["beta1"], settings["beta2"]
        for state in states:
            state["step"] = state.get("step", 0) + 1
        torch._foreach_mul_(means, beta1)
        torch._foreach_add_(means, gradients, alpha=1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta2)
        return self._update(means, squares, states, settings)

    def _update(self, means, squares, states, settings):
        beta1, beta2 = settings["beta1"], settings["beta2"]
        updates = torch._foreach_mul(squares, [1 / (1 - beta2 ** state["step"]) for state in states])
        torch._foreach_sqrt_(updates)
        torch._foreach_add_(updates, settings["eps"])
        torch._foreach_reciprocal_(updates)
        torch._foreach_mul_(updates, means)
        torch._foreach_mul_(updates, [-1 / (1 - beta1 ** (state["step"] - state.get("forgotten", 0))) for state in states])
        return list(updates)

    def restart(self, parameters, gradients, updates, states, settings):
        means, squares = _kept(states, "mean", parameters), _kept(states, "square", parameters)
        for state in states:
            state["forgotten"] = state["step"] - 1
        torch._foreach_copy_(means, torch._foreach_mul(gradients, 1 - settings["beta1"]))
        return self._update(means, squares, states, settings)

    def edge(self, settings):
        return (2 + 2 * settings["beta1"]) / (1 - settings["beta1"])


class AdamW(Adam):
    """Adam with decoupled weight decay: `u = u_adam - decay w`."""

    name = "adamw"
    defaults = {**Adam.defaults, "decay": 1e-2, "decay_on": "all"}

    def direction(self, parameters, gradients, states, settings):
        return _decayed(super().direction(parameters, gradients, states, settings), parameters, settings)

    def restart(self, parameters, gradients, updates, states, settings):
        return _decayed(super().restart(parameters, gradients, updates, states, settings), parameters, settings)

    def without_decay(self, states, settings):
        """The update of a restart whose decay alone leads uphill."""
        return self._update([state["mean"] for state in states], [state["square"] for state in states], states, settings)


class Lion(Gd):
    """`u = -sign(beta1 m + (1 - beta1) g) - decay w`, then `m <- beta2 m + (1 - beta2) g`."""

    name = "lion"
    defaults = {"beta1": 0.9, "beta2": 0.99, "decay": 0.0, "decay_on": "all"}

    def direction(self, parameters, gradients, states, settings):
        means = _kept(states, "mean", parameters)
        updates = torch._foreach_mul(means, settings["beta1"])
        torch._foreach_add_(updates, gradients, alpha=1 - settings["beta1"])
        torch._foreach_sign_(updates)
        torch._foreach_neg_(updates)
        torch._foreach_mul_(means, settings["beta2"])
        torch._foreach_add_(means, gradients, alpha=1 - settings["beta2"])
        return _decayed(list(updates), parameters, settings)

    def edge(self, settings):
        return None


BASES = {base.name: base for base in (Gd, Momentum, Nesterov, AdaGrad, RmsProp, Adam, AdamW, Lion)}


def checked(base: Gd, settings: dict) -> None:
    """Settings of a group that are out of their range are an error."""
    for key in base.defaults:
        value = settings[key]
        if key == "decay_on":
            if value not in ("all", "matrices"):
                raise ArgumentError(f"{base.name}.decay_on: expected `all` or `matrices`, got {shown(value)}")
            continue
        holds, expected = _BOUNDS[key]
        if not (is_number(value) and holds(value)):
            raise ArgumentError(f"{base.name}.{key}: expected {expected}, got {shown(value)}")


def _kept(states, name, parameters, start=0.0) -> list[torch.Tensor]:
    for state, parameter in zip(states, parameters):
        if name not in state:
            state[name] = torch.full_like(parameter, start, memory_format=torch.preserve_format, requires_grad=False)
    return [state[name] for state in states]


def _over_root(gradients, squares, eps) -> list[torch.Tensor]:
    updates = torch._foreach_add(squares, eps)
    torch._foreach_sqrt_(updates)
    torch._foreach_reciprocal_(updates)
    torch._foreach_mul_(updates, gradients)
    torch._foreach_neg_(updates)
    return list(updates)


def _decayed(updates, parameters, settings) -> list[torch.Tensor]:
    if settings["decay"]:
        for update, parameter in zip(updates, parameters):
            if settings["decay_on"] == "all" or parameter.ndim >= 2:
                update.add_(parameter, alpha=-settings["decay"])
    return updates
