"""The updates of a step: those of the base, group by group, each times the `lr_scale` of its group."""

from __future__ import annotations

import torch

from ._derivatives import dot, scalars, square
from ._read import Read


def directions(optimizer, parameters, mine, gradients, states) -> tuple[list, bool]:
    """The updates of `parameters`, None where there is no gradient, and whether the base forgot the directions of earlier steps for them, as a tuner that needs descent asks it to
    in the full batch. `mine`, gradients and states are what this process has of them."""
    base, layout = optimizer.base, optimizer._layout
    groups = []
    known = {id(p): (p, own, g if g is None or g.layout is torch.strided else g.to_dense(), state) for p, own, g, state in zip(parameters, mine, gradients, states)}
    for group in optimizer.param_groups:
        rows = [known[id(p)] for p in group["params"] if id(p) in known and known[id(p)][2] is not None]
        if rows:
            groups.append((group, *map(list, zip(*rows))))
    restarted = False
    if isinstance(base, Read):
        found = _read(base, layout, groups)
    else:
        found = [base.direction(owns, grads, state, group) for group, _, owns, grads, state in groups]
        if optimizer.rule.needs["descent"] and optimizer.full_batch and groups:
            found, restarted = _downhill(base, layout, groups, found)
    updates: dict = {}
    for (group, tensors, *_), us in zip(groups, found):
        if group["lr_scale"] != 1:
            torch._foreach_mul_(us, float(group["lr_scale"]))
        updates.update((id(p), u) for p, u in zip(tensors, us))
    return [updates.get(id(p)) for p in parameters], restarted


def prepared(optimizer) -> bool:
    """Makes the state of an optimizer that took no step yet, if all gradients are zeros: so `torch.distributed.checkpoint` asks for a state that it can load into. Nothing moves."""
    parameters = optimizer._parameters()
    if optimizer._step or optimizer.state or not parameters or any(p.grad is None for p in parameters):
        return False
    optimizer._meet(parameters)
    layout = optimizer._layout
    gradients = layout.own([p.grad for p in parameters])
    if any(scalars(square(gradients))):
        return False
    with torch.no_grad():
        states = layout.states(parameters, [optimizer.state[p] for p in parameters])
        directions(optimizer, parameters, layout.own(parameters), gradients, states)
        for state in states:
            if "step" in state:
                state["step"] = 0
    return True


def _read(base: Read, layout, groups) -> list[list[torch.Tensor]]:
    if not groups:
        return []
    tensors, owns, gradients = ([each for group in groups for each in group[place]] for place in (1, 2, 3))
    rest = iter(base.updates(tensors, owns, layout.shown(gradients, tensors)))
    return [[next(rest) for _ in ps] for _, ps, *_ in groups]


def _downhill(base, layout, groups, found) -> tuple[list, bool]:
    slope = lambda us: scalars(*layout.totals(dot([g for *_, gs, _ in groups for g in gs], [u for each in us for u in each])))[0]
    if slope(found) < 0:
        return found, False
    again = [base.restart(owns, grads, us, state, group) for (group, _, owns, grads, state), us in zip(groups, found)]
    if any(us is None for us in again):
        return found, False
    if hasattr(base, "without_decay") and slope(again) >= 0:
        again = [base.without_decay(state, group) for group, *_, state in groups]
    return again, True
