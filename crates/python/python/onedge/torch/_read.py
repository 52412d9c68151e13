"""An optimizer of PyTorch as the base of a tuned one: its step is read as the update, `u = w_after - w_before`."""

from __future__ import annotations

import torch

from .._arguments import shown
from .._errors import ArgumentError, Error, UnsupportedError


class Read:
    """The update of `optimizer`, an optimizer of PyTorch over the same parameters, whose own rates are left as they are."""

    name = "optimizer"
    defaults: dict = {}

    def __init__(self, optimizer: torch.optim.Optimizer):
        self.optimizer = optimizer
        self.name = type(optimizer).__name__

    def updates(self, parameters, owns, gradients) -> list[torch.Tensor]:
        """Of all tensors that have a gradient; `owns` are what this process has of the parameters. Cost: a copy of the parameters."""
        if any(parameter.dtype in (torch.bfloat16, torch.float16) for parameter in parameters):
            raise UnsupportedError(
                f"base: the step of {self.name} cannot be read off parameters in half precision, which round it; give a base by name, as base=\"adam\", whose update is computed as it is"
            )
        values = [own.detach() for own in owns]
        before = [value.clone() for value in values]
        had = [(parameter, parameter.grad) for group in self.optimizer.param_groups for parameter in group["params"]]
        # The values are put back, so that graphs of before stay valid.
        with torch.autograd._unsafe_preserve_version_counter(tuple(parameters)):
            try:
                for parameter, _ in had:
                    parameter.grad = None
                for parameter, gradient in zip(parameters, gradients):
                    parameter.grad = gradient
                with torch.enable_grad():
                    self.optimizer.step()
                updates = list(torch._foreach_sub(values, before))
            finally:
                for parameter, gradient in had:
                    parameter.grad = gradient
                torch._foreach_copy_(values, before)
        return updates

    def edge(self, settings) -> float | None:
        """That of the methods of `torch.optim` for which it is known."""
        group = self.optimizer.param_groups[0]
        if type(self.optimizer) in (torch.optim.Adam, torch.optim.AdamW):
            beta = float(group["betas"][0])
            return (2 + 2 * beta) / (1 - beta)
        if type(self.optimizer) is torch.optim.SGD and not group["dampening"]:
            beta = float(group["momentum"])
            return (2 + 2 * beta) / (1 + 2 * beta) if group["nesterov"] else 2 + 2 * beta
        return None


def read(base, groups: list[dict]) -> Read:
    """The base that `base` is, an optimizer or what makes one of groups of parameters."""
    if not isinstance(base, torch.optim.Optimizer):
        plain = [{key: value for key, value in group.items() if key not in ("lr", "lr_scale")} for group in groups]
        try:
            base = base(plain, lr=1.0) if isinstance(base, type) else base(plain)
        except Error:
            raise
        except Exception as error:
            raise ArgumentError(
                f"base: {shown(base)} raised {type(error).__name__}: {error}; expected what makes an optimizer of groups of parameters, as lambda groups: torch.optim.AdamW(groups, lr=1.0)"
            ) from error
    if not isinstance(base, torch.optim.Optimizer):
        raise ArgumentError(f"base: expected an optimizer of PyTorch, got {shown(base)}")
    if isinstance(base, torch.optim.LBFGS):
        raise UnsupportedError("base: LBFGS evaluates the loss and sets its own rate, so its step is no update at rate 1; take another base")
    mine = {id(parameter) for group in groups for parameter in group["params"]}
    theirs = {id(parameter) for group in base.param_groups for parameter in group["params"]}
    if not mine <= theirs:
        raise ArgumentError("base: expected an optimizer of the same parameters; make it of model.parameters() as this one")
    return Read(base)
