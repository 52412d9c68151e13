"""PyTorch models on the engine of onedge: exact curvature of a loss that you have already.

    o = onedge.torch.objective(model, torch.nn.CrossEntropyLoss(), (inputs, targets))
    loss, gradient = o.linearize(o.parameters())
    o.curvature(update), o.hessian_vector(v), o.sharpness()

The model is traced by `torch.export`. What does not depend on its trainable parameters, masks of dropout and frozen layers among it, is computed by PyTorch
once and enters as data.
"""

from __future__ import annotations

import torch

from .._builder import Builder
from .._errors import ArgumentError, UnsupportedError
from . import (  # noqa: F401  (they fill the table)
    _attention,
    _convolutions,
    _elementwise,
    _indexing,
    _losses,
    _movement,
    _normalization,
    _pooling,
    _products,
    _random,
    _recurrent,
    _reductions,
    _resampling,
)
from ._export import flattened, trace
from ._lowering import FLOATS, Lowering
from ._objective import Objective, Parameters
from ._table import TABLE, Refused
from ._values import Known, Value

__all__ = ["Objective", "objective", "operators"]


def objective(model, loss, batch, *, dtype=None, l2: float = 0.0) -> Objective:
    """The loss of a model on this batch, with its derivatives by the trainable parameters.

    Args:
        model: a `torch.nn.Module` on the CPU. Its modes (`train()`, `eval()`), statistics and gradients stay as they are.
        loss: a criterion such as `torch.nn.CrossEntropyLoss()`, where the batch is `(inputs, targets)` and the loss `loss(model(inputs), targets)`; or a
            function `loss(model, batch)` that gives one number.
        batch: tensors or arrays, also in tuples, lists and dicts. Floating-point ones are taken in the precision of the model.
        dtype: `"f32"` or `"f64"`; by default that of the parameters.
        l2: adds `l2 / 2 |w|^2`.

    Random numbers, as in dropout, are drawn once: those that the next forward pass of the model would draw. The generator of PyTorch is left as it is.

    Raises:
        UnsupportedError: an operator that onedge has not, with the line of the model.
        ArgumentError: a model without trainable parameters, a loss that is not one number, tensors on other devices.
    """
    model = _module(model)
    parameters = Parameters(model)
    precision = _precision(dtype, parameters)
    leaves, rebuild = flattened(batch)
    if isinstance(loss, torch.nn.Module):
        if any(parameter.requires_grad for parameter in loss.parameters()):
            raise ArgumentError("loss: the criterion has trainable parameters; make it a part of the model")
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ArgumentError("batch: expected (inputs, targets) for a criterion; give a function loss(model, batch) for other batches")
    elif not callable(loss):
        raise ArgumentError(f"loss: expected a criterion or a function loss(model, batch), got {type(loss).__name__}")
    for leaf in leaves:
        _on_cpu("batch", leaf)
    like = parameters.tensors[0].dtype
    leaves = [leaf.detach().to(like) if leaf.is_floating_point() else leaf.detach() for leaf in leaves]
    program = trace(model, loss, leaves, rebuild)
    compute = torch.float64 if torch.float64 in (like, precision) else torch.float32
    low = Lowering(Builder("f8" if precision == torch.float64 else "f4"), compute)
    inputs = [low.build.input(tuple(tensor.shape)) for tensor in parameters.tensors]
    values = {}
    for node, name in program.parameters.items():
        place = parameters.place(name)
        values[node] = Value(low, inputs[place]) if place is not None else Known(_cast(parameters.frozen(name, loss), compute))
    for node, tensor in program.constants.items():
        if not isinstance(tensor, torch.Tensor):
            raise UnsupportedError(f"the loss: an object of type {type(tensor).__name__} in the model is not supported; use tensors")
        values[node] = Known(_cast(tensor.detach(), compute))
    for node, place in program.inputs.items():
        values[node] = Known(_cast(leaves[place], compute), batch=True)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        result = low.run(program, values)
    if not isinstance(result, Value):
        raise ArgumentError("loss: expected a loss that depends on trainable parameters, got one that does not")
    losses = low.build.reshape(result.id, (1,))
    made = Objective._whole(low.build, inputs, losses, parameters.tree(precision), [*program.notes, *low.notes], l2)
    made._parameters = parameters
    return made


def operators() -> list[str]:
    """The names of the ATen operators that onedge knows."""
    return sorted(TABLE)


def _module(model):
    if isinstance(model, torch.jit.ScriptModule):
        raise UnsupportedError("model: a TorchScript module is not supported; give the module that it was made of")
    if not isinstance(model, torch.nn.Module):
        raise ArgumentError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
    # Compiled and distributed models hold the one they were made of.
    model = getattr(model, "_orig_mod", model)
    if isinstance(model, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
        model = model.module
    for name, module in model.named_modules():
        if module._backward_hooks or module._backward_pre_hooks:
            raise UnsupportedError(f"model: the backward hook of `{name or type(module).__name__}` is not supported; remove it")
    for name, parameter in model.named_parameters():
        if parameter._backward_hooks:
            raise UnsupportedError(f"model: the hook of the parameter `{name}` is not supported; remove it")
    return model


def _on_cpu(what, tensor):
    if tensor.device.type != "cpu":
        raise ArgumentError(f"{what}: expected tensors on the CPU, got one on `{tensor.device}`; use .to('cpu')")
    if tensor.layout != torch.strided:
        raise ArgumentError(f"{what}: expected dense tensors, got a sparse one; use .to_dense()")


def _precision(dtype, parameters):
    names = {"f32": torch.float32, "f64": torch.float64}
    if dtype is None:
        return torch.float64 if any(tensor.dtype == torch.float64 for tensor in parameters.tensors) else torch.float32
    if not isinstance(dtype, str) or dtype not in names:
        raise ArgumentError(f'dtype: expected "f32" or "f64", got {dtype!r}')
    return names[dtype]


def _cast(tensor, compute):
    return tensor.to(compute) if tensor.dtype in FLOATS else tensor
