"""Gradient and products with the Hessian of a whole loss against differences, in double precision, and the module that is at fault where
they disagree.
"""

from __future__ import annotations

import torch
from torch import nn

from .._errors import Error
from ._fitness import Finding
from ._local import NOT_KNOWN, Verdict, directions, dot, filled, hessian_product, judged, norm, of_module, put
from ._makers import Makers, set_generators
from ._refused import told


def compared(parts, batch, states, buffers):
    """Symmetry and differences on a copy in double precision; if that cannot be, in the precision that there is."""
    model = parts.copy
    try:
        put((buffer, buffers[name]) for name, buffer in model.named_buffers())
        model.double()
        if isinstance(parts.copied_loss, nn.Module):
            parts.copied_loss.double()
        wide = _cast(batch, torch.float64)
        set_generators(states)
        parts.value(wide)
        note = ""
    except (Error, RuntimeError, TypeError):
        model.float()
        if isinstance(parts.copied_loss, nn.Module):
            parts.copied_loss.float()
        wide, note = _cast(batch, torch.float32), " (in single precision, as the model cannot be computed in double)"
    put((buffer, buffers[name]) for name, buffer in model.named_buffers())
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    start = [parameter.detach().clone() for parameter in parameters]

    def value():
        set_generators(states)
        put((buffer, kept[name]) for name, buffer in model.named_buffers())
        return parts.value(wide)

    def loss_at(at):
        put(zip(parameters, at))
        try:
            return value().detach().reshape(1)
        finally:
            put(zip(parameters, start))

    def gradient(at):
        put(zip(parameters, at))
        try:
            with parts.kernels():
                return [part.to_dense() if part.is_sparse else part for part in filled(torch.autograd.grad(value(), parameters, allow_unused=True), parameters)]
        finally:
            put(zip(parameters, start))

    product = lambda along: hessian_product_of(value, parts, parameters, along)
    along, other = directions(start)
    there, back = product(along), product(other)
    one, two = dot(there, other), dot(back, along)
    apart = abs(one - two) / max(abs(one), abs(two), norm(there) / max(len(start), 1), 1e-30)
    symmetric = apart <= (1e-6 if start[0].dtype == torch.float64 else 0.02)
    here = gradient(start)
    slope = judged(lambda at: [loss_at(at)], lambda along: [torch.tensor([dot(here, along)], dtype=torch.float64)], start)
    bend = judged(gradient, product, start)
    blame = {} if symmetric and slope[0] == bend[0] == Verdict.RIGHT else _blamed(model, value, parts)
    found = [_finding("slope", "the gradient is that of the loss", "the gradient is not that of the loss", slope, blame, 0, note)]
    if symmetric:
        found.append(Finding("symmetry", "holds", f"u.Hv = v.Hu{note}", error=apart))
    else:
        found.append(Finding("symmetry", "fails", f"u.Hv = {one:.6g}, v.Hu = {two:.6g}: what PyTorch gives is no Hessian{note}", _guilty(blame, 1), apart))
    found.append(_finding("differences", "H v is the derivative of the gradient", "H v is not the derivative of the gradient", bend, blame, 1, note))
    return found


def _finding(what, right, wrong, judged_whole, blame, order, note):
    """A finding of a comparison with differences, with the module at fault."""
    verdict, error = judged_whole
    if verdict == Verdict.RIGHT:
        return Finding(what, "holds", right + note, error=error)
    guilty = _guilty(blame, order)
    if verdict == Verdict.WRONG or guilty is not None:
        where = "" if guilty is not None else "; no module by itself is at fault, so it is what the loss does with them"
        off = f", off by {error:.1e} of its size" if verdict == Verdict.WRONG else ""
        return Finding(what, "fails", f"{wrong}{off}{where}{note}", guilty, error)
    kinks = "as kinks (of ReLU, of maxima) are crossed by steps of all sizes"
    inner = {name: verdicts for name, verdicts in blame.items() if verdicts[order][0] == Verdict.RIGHT}
    if inner and not any(name and verdicts[order][0] == Verdict.UNKNOWN for name, verdicts in blame.items()):
        return Finding(what, "holds", f"differences of the whole do not settle, {kinks}; each of {len(inner)} modules by itself agrees with its own{note}")
    return Finding(what, "unknown", f"differences do not settle, {kinks}: nothing can be said by them{note}", error=error)


def _guilty(blame, order):
    """The innermost module that is wrong."""
    wrong = [name for name, verdicts in blame.items() if verdicts[order][0] == Verdict.WRONG]
    return min(wrong, key=lambda name: (-name.count("."), name), default=None)


def _blamed(model, value, parts):
    """Verdicts on each module by itself, the innermost first; those around one that is wrong are left out."""
    with Makers(model, keep=True) as makers:
        value()
    verdicts = {}
    for name in sorted(makers.inputs, key=lambda name: -(name.count(".") + bool(name))):
        inside = (both for other, both in verdicts.items() if other != name and (not name or other.startswith(f"{name}.")))
        if any(Verdict.WRONG in (first, second) for (first, _), (second, _) in inside):
            continue
        module, (arguments, options) = makers.inputs[name]
        try:
            with parts.kernels():
                verdicts[name] = of_module(module, arguments, options)
        except (RuntimeError, TypeError, ValueError):
            verdicts[name] = (NOT_KNOWN, NOT_KNOWN)
    return verdicts


def hessian_product_of(value, parts, parameters, along):
    with told(), parts.kernels():
        return hessian_product(value(), parameters, along)


def _cast(batch, dtype):
    return torch.utils._pytree.tree_map(lambda leaf: leaf.to(dtype) if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() else leaf, batch)
