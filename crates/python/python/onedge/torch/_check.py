"""Whether a model is fit for curvature: that the second derivatives which PyTorch gives of its loss are right, and if not, which module is
at fault.
"""

from __future__ import annotations

import contextlib
import copy
import re

import torch
from torch import nn

from .._arguments import of_user, shown
from .._errors import ArgumentError, Error, UnsupportedError
from ._compared import compared, hessian_product_of
from ._fully_shard import refuse_sharded
from ._fitness import Finding, Fitness
from ._graphs import own_functions
from ._local import NOT_KNOWN, Verdict, directions, filled, norm, of_function, put, recorded
from ._makers import Makers, generators, operations, same_generators, set_generators
from ._refused import told

LIBRARIES = ("site-packages/torch/", "onedge/torch/")


def check(model, loss, batch, *, math_attention: bool = False) -> Fitness:
    """Proves a model fit for curvature on a batch, or says what is wrong, and which module it is.

    Args:
        model: a `torch.nn.Module`, in the modes that its modules have, on any device. Nothing of it is changed; the generators of PyTorch
            stay as they are.
        loss: a criterion, where the batch is `(inputs, targets)`, or a function `loss(model, batch)` that gives one number.
        batch: whatever the loss takes. A few examples do.
        math_attention: computes attention without the fused kernels, which have no second derivatives.

    What is looked at, by double backward `H v` in the precision of the model, and again on a copy of it in double precision:

    - second derivatives: PyTorch has them of every operation;
    - gradient: `torch.autograd.grad` and `loss.backward()` give the same (hooks may see to it that they do not);
    - one forward: `H v` of the pass that gave the loss is that of another pass with the same random numbers;
    - symmetry: `u . H v = v . H u`;
    - slope: `g . v` is the derivative of the loss along v (not so with straight-through estimators, reversed gradients, hooks that change
      gradients);
    - differences: `u . H v` is the derivative of `u . g` along v, taken by differences at steps of several sizes. Where kinks (of ReLU, of
      maxima) are crossed at all of them, each module is tried by itself, and if that does not settle it either, it says so: no difference
      across a kink is taken for the truth;
    - functions: each `torch.autograd.Function` by itself, in the same way;
    - determinism: the same loss twice; if not, which modules draw random numbers;
    - buffers that a pass changes.

    Returns:
        Fitness: prints as a report. `fits` is False if curvature would be wrong or impossible.

    Raises:
        ArgumentError: no module, no trainable parameters, a loss that is not one number or raises something.

    Cost: about 25 gradients, most of them in double precision, and a copy of the model; where differences disagree, as many again.
    """
    parts = _Parts(model, loss, math_attention)
    states = generators()
    try:
        return _checked(parts, batch)
    finally:
        set_generators(states)


class _Parts:
    """What was handed in, checked."""

    def __init__(self, model, loss, math_attention):
        if isinstance(model, torch.jit.ScriptModule):
            raise UnsupportedError("model: a TorchScript module is not supported; give the module that it was made of")
        if not isinstance(model, nn.Module):
            raise ArgumentError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
        if not callable(loss):
            raise ArgumentError(f"loss: expected a function or a criterion, got {loss!r}")
        if not isinstance(math_attention, bool):
            raise ArgumentError(f"math_attention: expected True or False, got {shown(math_attention)}")
        self.compiled = hasattr(model, "_orig_mod")
        model = getattr(model, "_orig_mod", model)
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise ArgumentError("model: expected trainable parameters, got none; set requires_grad_(True)")
        refuse_sharded(model.parameters())
        self.model, self.loss, self.math_attention = model, loss, math_attention
        try:
            self.copy = copy.deepcopy(model)
        except Exception as error:
            raise ArgumentError(f"model: cannot be copied: {error}; hand in a model that was not run yet") from None
        for ours, theirs in zip(self.copy.parameters(), model.parameters()):
            for hook in (theirs._backward_hooks or {}).values():
                ours.register_hook(hook)
        self.copied_loss = copy.deepcopy(loss) if isinstance(loss, nn.Module) else loss

    def value(self, batch):
        """The loss of the copy, with its graph."""
        if isinstance(self.loss, nn.Module) and not (isinstance(batch, (tuple, list)) and len(batch) == 2):
            raise ArgumentError("batch: expected (inputs, targets) for a criterion; give a function loss(model, batch) for other batches")
        try:
            with torch.enable_grad(), self.kernels():
                value = self.copied_loss(self.copy(batch[0]), batch[1]) if isinstance(self.loss, nn.Module) else self.loss(self.copy, batch)
        except Error:
            raise
        except Exception as error:
            raise of_user("loss", error, LIBRARIES) from error
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise ArgumentError(f"loss: expected a tensor with one number, got {'one of shape ' + str(tuple(value.shape)) if isinstance(value, torch.Tensor) else type(value).__name__}")
        if not value.requires_grad:
            raise ArgumentError("loss: expected a loss that depends on the parameters of the model that it is given, got one that does not")
        return value.reshape(())

    def kernels(self):
        return torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH) if self.math_attention else contextlib.nullcontext()


def _checked(parts, batch):
    model, found = parts.copy, []
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    states = generators()

    def value():
        set_generators(states)
        put((buffer, buffers[name]) for name, buffer in model.named_buffers())
        return parts.value(batch)

    if parts.compiled:
        found.append(Finding("second derivatives", "note", "code of torch.compile has none; what follows is of the module that was compiled: compute the loss with that"))
    with Makers(model) as makers:
        first = value()
        drew = not same_generators(states, generators())
        changed = [name for name, buffer in model.named_buffers() if not _same(buffer, buffers[name])]
    graph = list(operations(first))
    first_value = first.item()
    if first_value != first_value or abs(first_value) == float("inf"):
        raise ArgumentError(f"loss: expected a finite number, got {first_value} on this batch")
    functions = _functions(graph)
    later = []
    along, _ = directions(parameters)
    try:
        with told(), parts.kernels():
            own_functions(first)
            gradient = torch.autograd.grad(first, parameters, retain_graph=True, create_graph=True, allow_unused=True)
            product = _product(gradient, parameters, along)
    except Error as error:
        later.append(Finding("second derivatives", "fails", str(error), _maker_of(error, graph, makers)))
    found += _deterministic(value, first_value, drew, makers)
    found += _buffers(changed)
    if later:
        return Fitness(first_value, found + later, functions=[function.__name__ for function in functions])
    found.append(Finding("second derivatives", "holds", f"of all {len(graph)} operations"))
    unused = [names[id(parameter)] for parameter, part in zip(parameters, gradient) if part is None]
    if unused:
        found.append(Finding("parameters", "note", f"the loss does not depend on {_few(unused)}; they stay as they are"))
    first_gradient = filled(gradient, parameters)
    del gradient, first
    found.append(_backward(value, parts, parameters, first_gradient, names))
    again = hessian_product_of(value, parts, parameters, along)
    apart = _apart(product, again)
    close = 1e-4 if parameters[0].dtype == torch.float64 else 0.02
    if apart <= close:
        found.append(Finding("one forward", "holds", "H v of another pass with the same random numbers is the same", error=apart))
    else:
        found.append(Finding("one forward", "fails", f"H v of two passes with the same random numbers differ by {apart:.1e} of their size", error=apart))
    makers_of = {function: next((makers.of(node) for node in graph if getattr(node, "_forward_cls", None) is function), None) for function in functions}
    calls = recorded(functions, value) if functions else {}
    found += _own(functions, calls, makers_of)
    found += compared(parts, batch, states, buffers)
    return Fitness(first_value, found, functions=[function.__name__ for function in functions])


def _functions(graph):
    """The functions of users in a graph, each once."""
    found = (getattr(node, "_forward_cls", None) for node in graph)
    return list(dict.fromkeys(function for function in found if function is not None and not function.__module__.startswith("torch.")))


def _deterministic(value, first, drew, makers):
    same = value().item()
    if same != first and not abs(same - first) <= 1e-6 * abs(first):
        return [Finding("determinism", "fails", f"the same pass with the same random numbers gives another loss: {first:.6g}, then {same:.6g}")]
    if not drew:
        return [Finding("determinism", "holds", "the same loss twice")]
    who = [f"`{name or 'the model itself'}`" for name in makers.draws] or ["the loss"]
    text = (
        f"random numbers are drawn in {_few(who, quoted=True)}: a second pass gives another loss. "
        "Curvature by one pass is right for the numbers drawn; rates are tried out with the same ones"
    )
    return [Finding("determinism", "note", text)]


def _buffers(changed):
    if not changed:
        return [Finding("buffers", "holds", "a pass changes none")]
    return [Finding("buffers", "note", f"a pass changes {_few(changed)}: once a step, if each step computes the loss once, as a tuner of curvature does")]


def _backward(value, parts, parameters, gradient, names):
    """Whether `backward()` gives the same gradient."""
    for parameter in parameters:
        parameter.grad = None
    with told(), parts.kernels():
        value().backward()
    theirs = [parameter.grad for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    theirs = [torch.zeros_like(parameter) if part is None else part.to_dense() if part.is_sparse else part for part, parameter in zip(theirs, parameters)]
    gradient = [part.to_dense() if part.is_sparse else part for part in gradient]
    scale = max(norm(gradient), norm(theirs), 1e-30)
    off = [names[id(p)] for p, a, b in zip(parameters, gradient, theirs) if not norm([a - b]) <= 1e-3 * scale]
    apart = norm([a - b for a, b in zip(gradient, theirs)]) / scale
    if off:
        return Finding("gradient", "fails", f"torch.autograd.grad and loss.backward() differ by {apart:.1e} at {_few(off)}: a hook changes one of them", off[0].rpartition(".")[0], apart)
    return Finding("gradient", "holds", "torch.autograd.grad and loss.backward() give the same", error=apart)


def _product(gradient, parameters, along):
    live = [(part, move) for part, move in zip(gradient, along) if part is not None and part.requires_grad]
    if not live:
        return [torch.zeros_like(part) for part in parameters]
    product = torch.autograd.grad([part for part, _ in live], parameters, [move for _, move in live], retain_graph=True, allow_unused=True)
    return filled(product, parameters)


def _own(functions, calls, makers_of):
    """Each function of users by itself."""
    found = []
    for function in functions:
        (first, _), (second, error) = of_function(function, *calls[function]) if function in calls else (NOT_KNOWN, NOT_KNOWN)
        name, module = f"torch.autograd.Function `{function.__qualname__}`", makers_of[function]
        if first == Verdict.WRONG:
            text = f"the backward of {name} is not the derivative of its forward: the curvature along a step says nothing of the loss"
            found.append(Finding("functions", "fails", text, module))
        elif second == Verdict.WRONG:
            text = (
                f"the second derivative of {name} is off by {error:.1e} of its size, and PyTorch does not say so: its backward is marked once_differentiable, or uses what is detached from its "
                "inputs. Keep inputs and outputs by ctx.save_for_backward, and compute all else in backward by operations that can be differentiated"
            )
            found.append(Finding("functions", "fails", text, module, error))
        elif second == Verdict.RIGHT:
            found.append(Finding("functions", "holds", f"{name} agrees with differences of its gradient", module, error))
        else:
            found.append(Finding("functions", "unknown", f"{name} could not be tried by itself", module))
    return found


def _maker_of(error, graph, makers):
    """The module with the operation that PyTorch cannot differentiate twice, if its name is told."""
    cause = str(error.__cause__ or error)
    told = re.search(r"(?:derivative for|[Dd]ouble backwards? (?:on|for|of)) (?:aten::)?(\S+)", cause)
    known = {"weight_norm": "WeightNormInterface", "torch.compile": "CompiledFunction", "checkpoint": "CheckpointFunction"}
    name = told.group(1).removesuffix("_backward") if told else next((node for part, node in known.items() if part in str(error)), None)
    if name is None:
        return None
    plain = lambda text: text.replace("_", "").lower()
    return next((makers.of(node) for node in graph if plain(node.name()).startswith(plain(name))), None)


def _apart(a, b):
    return norm([x - y for x, y in zip(a, b)]) / max(norm(a), norm(b), 1e-30)


def _same(a, b):
    return a.shape == b.shape and torch.equal(torch.nan_to_num(a.float()), torch.nan_to_num(b.float()))


def _few(names, quoted=False):
    shown = [name if quoted else f"`{name}`" for name in names]
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
