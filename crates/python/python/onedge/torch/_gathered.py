"""The gradient of a step: of one loss or the mean of several, unscaled, clipped, and shown as `p.grad` afterwards."""

from __future__ import annotations

import math

import torch

from ._derivatives import square


class Gathered:
    """Gradients of the parts of a batch until a step takes them."""

    def __init__(self):
        self.clear()

    def clear(self) -> None:
        self.sums, self.value, self.count, self.scaled = {}, None, 0, False

    def add(self, point, scaled: bool) -> None:
        """Adds a part."""
        with torch.no_grad():
            for parameter, gradient in zip(point.parameters, point.gradients):
                if gradient is not None:
                    before = self.sums.get(parameter)
                    self.sums[parameter] = gradient.clone() if before is None else before + gradient if before.layout is not torch.strided else before.add_(gradient)
        self.value = point.value if self.value is None else self.value + point.value
        self.count, self.scaled = self.count + 1, scaled

    def mean(self, point) -> tuple[list, torch.Tensor]:
        """Gradient and loss of all parts with the last."""
        if not self.count:
            return point.gradients, point.value
        of = self.count + 1
        with torch.no_grad():
            gradients = []
            for parameter, gradient in zip(point.parameters, point.gradients):
                before = self.sums.get(parameter)
                gradients.append(before if gradient is None else gradient if before is None else before + gradient)
            return [None if gradient is None else gradient / of for gradient in gradients], (self.value + point.value) / of


def left(layout, parameters, leaves) -> torch.Tensor:
    """The square of what somebody left in `p.grad` since the last step: a call of `backward()`, to be sure."""
    held = layout.own([p.grad for p in parameters if p.grad is not None])
    if leaves is not parameters:
        held += [leaf.grad for leaf in leaves if leaf.grad is not None]
    # Of a tensor that was put there, whoever changed it has added to it or set it to zero.
    theirs = [gradient for gradient in held if getattr(gradient, "_onedge_version", None) != gradient._version]
    return square(theirs or [torch.zeros((), device=parameters[0].device)])


def show(layout, parameters, gradients) -> None:
    """Puts the gradient that was used into `p.grad`."""
    for parameter, gradient in zip(parameters, layout.shown(gradients, parameters)):
        parameter.grad = gradient
        for own in layout.own([] if gradient is None else [gradient]):
            own._onedge_version = own._version


def unscaled(optimizer, scaler, parameters, gradients) -> list:
    """The gradients divided by the scale; the scaler takes note of what is not finite, for its update."""
    for parameter, gradient in zip(parameters, gradients):
        # Those of a graph that is still needed must stay.
        parameter.grad = None if gradient is None else gradient.clone()
    scaler.unscale_(optimizer)
    return [parameter.grad for parameter in parameters]


def clipped(gradients, norm_square: float, most: float | None) -> list:
    """The gradients, of this norm at most."""
    factor = 1.0 if most is None else most / (math.sqrt(norm_square) + 1e-6)
    if factor >= 1:
        return gradients
    return [None if g is None else g * factor for g in gradients]
