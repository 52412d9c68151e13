"""The updates of a step: those of the base, group by group, each times the `lr_scale` of its group."""

from __future__ import annotations

import torch

from ._derivatives import dot, scalars
from ._read import Read


def directions(optimizer, parameters, gradients, states) -> tuple[list, bool]:
    """The updates of `parameters`, None where there is no gradient, and whether the base forgot the directions of earlier steps for them, as a tuner that needs descent asks it to
    in the full batch."""
    base = optimizer.base
    groups = []
    known = {id(p): (p, g if g is None or g.layout is torch.strided else g.to_dense(), state) for p, g, state in zip(parameters, gradients, states)}
    for group in optimizer.param_groups:
        rows = [known[id(p)] for p in group["params"] if id(p) in known and known[id(p)][1] is not None]
        if rows:
            groups.append((group, *map(list, zip(*rows))))
    restarted = False
    if isinstance(base, Read):
        found = _read(base, groups)
    else:
        found = [base.direction(tensors, grads, state, group) for group, tensors, grads, state in groups]
        if optimizer.rule.needs["descent"] and optimizer.full_batch and groups:
            found, restarted = _downhill(base, groups, found)
    updates: dict = {}
    for (group, tensors, _, _), us in zip(groups, found):
        if group["lr_scale"] != 1:
            torch._foreach_mul_(us, float(group["lr_scale"]))
        updates.update((id(p), u) for p, u in zip(tensors, us))
    return [updates.get(id(p)) for p in parameters], restarted


def _read(base: Read, groups) -> list[list[torch.Tensor]]:
    if not groups:
        return []
    tensors = [p for _, ps, _, _ in groups for p in ps]
    made = base.updates(tensors, [g for _, _, gs, _ in groups for g in gs])
    rest = iter(made)
    return [[next(rest) for _ in ps] for _, ps, _, _ in groups]


def _downhill(base, groups, found) -> tuple[list, bool]:
    slope = lambda us: scalars(dot([g for _, _, gs, _ in groups for g in gs], [u for each in us for u in each]))[0]
    if slope(found) < 0:
        return found, False
    again = [base.restart(tensors, grads, us, state, group) for (group, tensors, grads, state), us in zip(groups, found)]
    if any(us is None for us in again):
        return found, False
    if hasattr(base, "without_decay") and slope(again) >= 0:
        again = [base.without_decay(state, group) for group, _, _, state in groups]
    return again, True
