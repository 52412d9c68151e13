"""A PyTorch loss as the front door sees it: traced on some batch, lowered, its batches cut and compared."""

from __future__ import annotations

import contextlib

import numpy as np
import torch

from .._builder import Replay
from .._errors import ArgumentError, UnsupportedError
from .._front import Door, Lowered
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
from ._batch import Batch, scrambled
from ._export import trace
from ._fully_shard import refuse_sharded
from ._lowering import FLOATS, Lowering
from ._objective import Objective, Parameters
from ._values import Known, Value


class TorchDoor(Door):
    """`loss(model(inputs), targets)`, `loss(model, batch)`, or `loss(outputs(model, batch), batch)`."""

    kind = Objective

    def __init__(self, model, loss, *, dtype, outputs=None):
        self._model = _module(model)
        self.parameters = Parameters(self._model)
        if isinstance(loss, torch.nn.Module):
            if any(parameter.requires_grad for parameter in loss.parameters()):
                raise ArgumentError("loss: the criterion has trainable parameters; make it a part of the model")
            if outputs is not None:
                raise ArgumentError("outputs: a criterion takes those of the model; leave them out, or give a function as the loss")
        for name, function in (("loss", loss), ("outputs", outputs)):
            if not (callable(function) or (name == "outputs" and function is None)):
                raise ArgumentError(f"{name}: expected a function{' or a criterion' if name == 'loss' else ''}, got {function!r}")
        self._loss, self._outputs = loss, outputs
        self._like = self.parameters.tensors[0].dtype
        precision = _precision(dtype, self.parameters)
        self._compute = torch.float64 if torch.float64 in (self._like, precision) else torch.float32
        self.precision = np.dtype(np.float64 if precision == torch.float64 else np.float32)
        self.tree = self.parameters.tree(self.precision.type)
        self._programs: dict = {}
        # Whether draws move the generator on, as they do once the objective is made.
        self.drawing = False

    def start(self):
        return self.parameters.flat(self.parameters.tensors, self.precision.type)

    def names(self):
        return list(self.parameters.names)

    def lower(self, batch, builder, memo, survey=None):
        batch = self._batch(batch)
        program = self._program(batch)
        low = Lowering(builder, self._compute, survey)
        inputs = [builder.input(shape) for shape in self.parameters.shapes]
        values = self._inputs(program, batch)
        for node, name in program.parameters.items():
            place = self.parameters.place(name)
            values[node] = low.shared(self.parameters.frozen(name, self._loss)) if place is None else Value(low, inputs[place])
        for node, tensor in program.constants.items():
            if isinstance(tensor, torch.Tensor):
                values[node] = low.shared(tensor)
            elif tensor is not None:
                raise UnsupportedError(f"the loss: an object of type {type(tensor).__name__} in the model is not supported; use tensors")
        with self._generator(), torch.no_grad():
            loss, outputs = low.run(program, values)
        if not isinstance(loss, Value):
            raise ArgumentError("loss: expected a loss that depends on trainable parameters, got one that does not")
        if isinstance(outputs, Known) and self._outputs is not None:
            raise ArgumentError("outputs: expected a tensor that depends on trainable parameters, got one that does not")
        told = outputs.id if isinstance(outputs, Value) else None
        return Lowered(builder, inputs, builder.reshape(loss.id, (1,)), told, [*program.notes, *low.notes], [low])

    def fields(self, recipe, batch):
        batch = self._batch(batch)
        (low,) = recipe.lowered.memo
        with self._generator(), torch.no_grad():
            return low.follow(self._inputs(self._program(batch), batch), Replay(recipe.lowered.builder))

    def _inputs(self, program, batch):
        cast = lambda leaf: leaf.to(self._compute) if leaf.dtype in FLOATS else leaf
        return {node: Known(cast(batch.leaves[place]), batch=True) for node, place in program.inputs.items()}

    def _generator(self):
        """That of PyTorch, which stays as it is until the objective is made."""
        return contextlib.nullcontext() if self.drawing else torch.random.fork_rng(devices=[])

    def _program(self, batch):
        """The loss as a program: traced once for each form of a batch."""
        key = repr(batch.shapes())
        if key not in self._programs:
            # Data in another precision than the model's would be an error of PyTorch's.
            leaves = [leaf.to(self._like) if leaf.is_floating_point() else leaf for leaf in batch.leaves]
            self._programs[key] = trace(self._model, self._loss, self._outputs, leaves, batch.rebuilt)
        return self._programs[key]

    def _batch(self, batch):
        batch_of = batch if isinstance(batch, Batch) else Batch(batch)
        if isinstance(self._loss, torch.nn.Module) and not isinstance(batch, Batch) and not (isinstance(batch, (tuple, list)) and len(batch) == 2):
            raise ArgumentError("batch: expected (inputs, targets) for a criterion; give a function loss(model, batch) for other batches")
        return batch_of

    def examples(self, batch):
        batch = self._batch(batch)
        examples, problem = batch.examples()
        tied = self._program(batch).ties() if examples is not None else None
        return (None, tied) if tied else (examples, problem)

    def part(self, batch, start, stop):
        batch = self._batch(batch)
        return batch.rebuilt([leaf[start:stop] for leaf in batch.leaves])

    def scrambled(self, batch, draws):
        batch = self._batch(batch)
        return batch.rebuilt([scrambled(leaf, draws) for leaf in batch.leaves])

    def shapes(self, batch):
        return self._batch(batch).shapes()


def _module(model):
    if isinstance(model, torch.jit.ScriptModule):
        raise UnsupportedError("model: a TorchScript module is not supported; give the module that it was made of")
    if not isinstance(model, torch.nn.Module):
        raise ArgumentError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
    # Compiled and distributed models hold the one they were made of.
    model = getattr(model, "_orig_mod", model)
    if isinstance(model, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
        model = model.module
    refuse_sharded(model.parameters())
    for name, module in model.named_modules():
        if module._backward_hooks or module._backward_pre_hooks:
            raise UnsupportedError(f"model: the backward hook of `{name or type(module).__name__}` is not supported; remove it")
    for name, parameter in model.named_parameters():
        if parameter._backward_hooks:
            raise UnsupportedError(f"model: the hook of the parameter `{name}` is not supported; remove it")
    return model


def _precision(dtype, parameters):
    names = {"f32": torch.float32, "f64": torch.float64}
    if dtype is None:
        return torch.float64 if any(tensor.dtype == torch.float64 for tensor in parameters.tensors) else torch.float32
    if not isinstance(dtype, str) or dtype not in names:
        raise ArgumentError(f'dtype: expected "f32" or "f64", got {dtype!r}')
    return names[dtype]
