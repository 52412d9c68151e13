"""Whether second derivatives by double backward are those of a function: products with its Hessian against differences of its gradient, of
this function alone.

Differences tell the truth only where a function is smooth. So they are taken with steps of several sizes: a product that agrees with any of
them is right (by chance that happens one time in 10^4); one is wrong if the differences settle, and not on it; anything else, as where a
kink is crossed at every size, is not known.
"""

from __future__ import annotations

import enum

import torch

from ._makers import generators, set_generators

# Relative to numbers of size one.
STEPS = {torch.float64: (1e-4, 1e-5, 1e-6, 1e-7), torch.float32: (3e-2, 1e-2, 3e-3)}
CLOSE = {torch.float64: 1e-5, torch.float32: 2e-2}


class Verdict(enum.Enum):
    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "not known"


NOT_KNOWN = (Verdict.UNKNOWN, float("nan"))


def judged(gradient, product, point):
    """A verdict on products with a Hessian, and how far they are off, relative to their size.

    Args:
        gradient: from a point (a list of tensors) to what has a derivative there, such as the gradient (a list of tensors).
        product: from a direction to the derivative of that along it, at `point`.
        point: tensors, all in double or all in single precision.
    """
    dtype = point[0].dtype
    along, _ = directions(point)
    got = product(along)
    _, other = directions(got)
    errors, bounds = [], []
    for step in STEPS[dtype]:
        ahead, behind = (gradient([part + way * step * move for part, move in zip(point, along)]) for way in (1, -1))
        change = [(a - b) / (2 * step) for a, b in zip(ahead, behind)]
        size = max(norm(got), norm(change), 1e-30)
        errors.append(dot([c - g for c, g in zip(change, got)], other) / size)
        # With what rounding makes of gradients of this size.
        bounds.append(CLOSE[dtype] + 8 * torch.finfo(dtype).eps * norm(ahead) / step / size)
    best = min(map(abs, errors), default=0.0)
    if any(error != error for error in errors):
        return Verdict.UNKNOWN, float("nan")
    if any(abs(error) <= bound for error, bound in zip(errors, bounds)):
        return Verdict.RIGHT, best
    settled = max(errors[-3:]) - min(errors[-3:]) <= 0.02 * max(map(abs, errors[-3:])) + 4 * max(bounds[-3:])
    return (Verdict.WRONG if settled else Verdict.UNKNOWN), best


def directions(point):
    """Two random directions: one of the size of the numbers at the point, and one of size one."""
    draws = torch.Generator().manual_seed(0)
    random = lambda like: torch.randn(like.shape, generator=draws, dtype=torch.float64).to(like)
    return [random(part) * max(_size(part), 0.1) for part in point], [random(part) for part in point]


def judged_map(call, point):
    """Verdicts on the first and on the second derivatives of a function of tensors; `call(point)` gives the leaves that it computed with
    and a list of tensors, which are weighed at random.
    """
    states = generators()

    def weighed(at):
        set_generators(states)
        with torch.enable_grad():
            leaves, outputs = call(at)
            draws = torch.Generator().manual_seed(1)
            outputs = [part for part in outputs if part.is_floating_point() and part.requires_grad]
            terms = [(part * torch.randn(part.shape, generator=draws, dtype=torch.float64).to(part)).sum() for part in outputs]
        return leaves, sum(terms) if terms else None

    def gradient(at):
        leaves, value = weighed(at)
        return filled(torch.autograd.grad(value, leaves, allow_unused=True), leaves)

    def product(along):
        leaves, value = weighed(point)
        return hessian_product(value, leaves, along)

    try:
        if not point or weighed(point)[1] is None:
            return (Verdict.RIGHT, 0.0), (Verdict.RIGHT, 0.0)
        slope = lambda along: [torch.tensor([dot(gradient(point), along)], dtype=torch.float64)]
        number = lambda at: [weighed(at)[1].detach().reshape(1)]
        return judged(number, slope, point), judged(gradient, product, point)
    finally:
        set_generators(states)


def of_function(function, arguments, flags):
    """Verdicts on a `torch.autograd.Function` for arguments, in double precision if it can do that; `flags` say which are
    differentiated.
    """
    places = [place for place, flag in enumerate(flags) if flag]

    def calling(given):
        def call(point):
            full, leaves = list(given), [part.detach().clone().requires_grad_() for part in point]
            for place, leaf in zip(places, leaves):
                # Not a leaf, so that a function that changes its input in place can.
                full[place] = leaf.clone()
            return leaves, tensors(function.apply(*full))

        return call

    for cast in (torch.float64, torch.float32):
        given = [value.to(cast) if _is_float(value) else value.clone() if isinstance(value, torch.Tensor) else value for value in arguments]
        try:
            return judged_map(calling(given), [given[place] for place in places])
        except (RuntimeError, TypeError):
            continue
    return NOT_KNOWN, NOT_KNOWN


def of_module(module, arguments, options):
    """Verdicts on a module for arguments, by its parameters and inputs. Afterwards it is as it was."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    leaves, structure = torch.utils._pytree.tree_flatten((arguments, options))
    places = [place for place, leaf in enumerate(leaves) if _is_float(leaf)]
    start = [parameter.detach().clone() for parameter in parameters]
    buffers = [buffer.clone() for buffer in module.buffers()]

    def call(point):
        put(zip(parameters, point), zip(module.buffers(), buffers))
        inputs = [part.detach().clone().requires_grad_() for part in point[len(parameters) :]]
        full = list(leaves)
        for place, leaf in zip(places, inputs):
            full[place] = leaf.clone()
        given, named = torch.utils._pytree.tree_unflatten(full, structure)
        return parameters + inputs, tensors(module(*given, **named))

    try:
        return judged_map(call, start + [leaves[place] for place in places])
    finally:
        put(zip(parameters, start), zip(module.buffers(), buffers))


def put(*pairs):
    """Writes values into tensors."""
    with torch.no_grad():
        for many in pairs:
            for tensor, value in many:
                tensor.copy_(value)


def recorded(functions, compute):
    """The arguments of the first call of each `torch.autograd.Function` while `compute()` runs, and which of them are differentiated."""
    calls, kept = {}, {function: function.__dict__.get("forward") for function in functions}

    def watched(function):
        forward = function.forward
        bare = function.setup_context is not torch.autograd.Function.setup_context

        def first(*arguments):
            given = arguments if bare else arguments[1:]
            if function not in calls:
                copies = tuple(value.detach().clone() if isinstance(value, torch.Tensor) else value for value in given)
                calls[function] = copies, tuple(_is_float(value) and value.requires_grad for value in given)
            return forward(*arguments)

        return staticmethod(first)

    for function in functions:
        function.forward = watched(function)
    try:
        compute()
    finally:
        for function, forward in kept.items():
            if forward is None:
                del function.forward
            else:
                function.forward = forward
    return calls


def hessian_product(value, leaves, along):
    """H v by double backward, as PyTorch gives it: what has no graph counts as constant."""
    gradient = torch.autograd.grad(value, leaves, create_graph=True, allow_unused=True)
    live = [(part, move) for part, move in zip(gradient, along) if part is not None and part.requires_grad]
    if not live:
        return [torch.zeros_like(part) for part in leaves]
    return filled(torch.autograd.grad([part for part, _ in live], leaves, [move for _, move in live], allow_unused=True), leaves)


def tensors(outputs):
    """The tensors in what a module gives."""
    return [leaf for leaf in torch.utils._pytree.tree_leaves(outputs) if isinstance(leaf, torch.Tensor)]


def filled(parts, leaves):
    return [torch.zeros_like(leaf) if part is None else part.detach() for part, leaf in zip(parts, leaves)]


def dot(a, b) -> float:
    return sum((x.double() * y.double()).sum().item() for x, y in zip(a, b))


def norm(parts) -> float:
    return dot(parts, parts) ** 0.5


def _is_float(value) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _size(part) -> float:
    return part.double().square().mean().sqrt().item() if part.numel() else 0.0
