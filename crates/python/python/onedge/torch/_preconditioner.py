"""The diagonal P of optimizers of PyTorch, which step along `-P^-1` times a mean of gradients."""

from __future__ import annotations

import torch

from .._arguments import shown
from .._errors import ArgumentError, StateError, UnsupportedError
from ._tuned import Tuned


def diagonal_of(given, names, parameters) -> torch.Tensor:
    """P, flat: of an optimizer with its state, or as it was given: flat, by name, or as a list of tensors."""
    optimizer = unwrapped(given)
    if isinstance(optimizer, torch.optim.Optimizer):
        parts = of_optimizer(optimizer, names, parameters)
    elif isinstance(given, torch.Tensor) and given.numel() == sum(p.numel() for p in parameters) and given.dim() == 1:
        return given.detach().to(parameters[0].device)
    elif isinstance(given, dict):
        if set(given) != set(names):
            raise ArgumentError(f"preconditioner: expected the names of the trainable parameters, got {shown(list(given))}")
        parts = [given[name] for name in names]
    elif isinstance(given, (list, tuple)):
        parts = list(given)
    else:
        raise ArgumentError(f"preconditioner: expected an optimizer of torch.optim, or a diagonal in the form of the parameters, got {shown(given)}")
    shapes = [tuple(getattr(part, "shape", ())) for part in parts]
    if shapes != [tuple(p.shape) for p in parameters]:
        raise ArgumentError("preconditioner: expected tensors of the shapes of the trainable parameters")
    return torch.cat([torch.as_tensor(part, device=p.device).detach().reshape(-1) for part, p in zip(parts, parameters)])


def of_optimizer(optimizer, names, parameters) -> list[torch.Tensor]:
    """P for each parameter, of an optimizer as `unwrapped` gives it: `sqrt(v / (1 - beta2^t)) + eps` of Adam, and what corresponds to it;
    ones for SGD."""
    rule = _rule(optimizer)
    if rule is None:
        known = ", ".join(sorted(_RULES))
        raise UnsupportedError(
            f"preconditioner: the diagonal of {type(optimizer).__name__} is not known, but that of {known}, Tuned; hand it in as a list of tensors like the parameters"
        )
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    out = []
    for name, parameter in zip(names, parameters):
        if id(parameter) not in groups:
            raise ArgumentError(f"preconditioner: the optimizer does not have the parameter `{name}`")
        state = optimizer.state.get(parameter, {})
        if rule is not _ones and not state:
            raise StateError(f"preconditioner: the optimizer has no state of the parameter `{name}` yet; take a step first")
        with torch.no_grad():
            out.append(rule(state, groups[id(parameter)], parameter))
    return out


def is_adaptive(optimizer) -> bool:
    """Whether an optimizer has a diagonal that is known here, other than ones."""
    return (_rule(unwrapped(optimizer)) or _ones) is not _ones


def _rule(optimizer):
    """How the state of a parameter gives P; None if that is not known."""
    if isinstance(optimizer, Tuned):
        return _BASES.get(optimizer.base.name)
    return next((_RULES[cls.__name__] for cls in type(optimizer).__mro__ if cls.__name__ in _RULES), None)


def unwrapped(given):
    """The optimizer within a wrapper of accelerate or Lightning, or the one whose step a `Tuned` reads."""
    if isinstance(given, Tuned):
        return getattr(given.base, "optimizer", given)
    for _ in range(3):
        inner = getattr(given, "optimizer", None)
        if isinstance(given, torch.optim.Optimizer) and type(given).__module__.startswith("torch.optim") or not isinstance(inner, torch.optim.Optimizer):
            return given
        given = inner
    return given


def _wide(tensor):
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _adam(state, group, parameter):
    square = state["max_exp_avg_sq"] if group.get("amsgrad") else state["exp_avg_sq"]
    correction = 1.0 - group["betas"][1] ** float(state["step"])
    return (_wide(square) / correction).sqrt() + group["eps"]


def _adamax(state, group, parameter):
    return _wide(state["exp_inf"])


def _rmsprop(state, group, parameter):
    square = _wide(state["square_avg"])
    if group.get("centered"):
        square = square - _wide(state["grad_avg"]) ** 2
    return square.clamp_min(0.0).sqrt() + group["eps"]


def _adagrad(state, group, parameter):
    return _wide(state["sum"]).sqrt() + group["eps"]


def _ones(state, group, parameter):
    return torch.ones_like(parameter)


def _tuned_adam(state, group, parameter):
    return (_wide(state["square"]) / (1.0 - group["beta2"] ** state["step"])).sqrt() + group["eps"]


def _tuned_root(state, group, parameter):
    return (_wide(state["square"] if "square" in state else state["sum"]) + group["eps"]).sqrt()


# Of the bases of `Tuned`, by name.
_BASES = {"adam": _tuned_adam, "adamw": _tuned_adam, "rmsprop": _tuned_root, "adagrad": _tuned_root, "gd": _ones, "momentum": _ones, "nesterov": _ones}
_RULES = {"Adam": _adam, "AdamW": _adam, "NAdam": _adam, "Adamax": _adamax, "RMSprop": _rmsprop, "Adagrad": _adagrad, "SGD": _ones}
