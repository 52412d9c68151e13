"""A model with its loss on one batch or several: forward passes that leave no trace, and products with the Hessian or the Gauss-Newton
matrix."""

from __future__ import annotations

import contextlib
from collections import UserDict

import torch
from torch.utils import _pytree as pytree

from .._arguments import shown
from .._errors import ArgumentError, UnsupportedError
from ._derivatives import Point, trainable
from ._distributed import ranks
from ._fully_shard import refuse_sharded
from ._makers import generators, set_generators


class Loss:
    """`loss(model(inputs), targets)` of a criterion, `loss(model, batch)` of a function, or `loss(outputs(model, batch), batch)`.

    Nothing of the model is changed by passes within `untouched`.
    """

    def __init__(self, model, loss, outputs=None, linear=()):
        if not isinstance(model, torch.nn.Module) or isinstance(model, torch.jit.ScriptModule):
            raise ArgumentError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
        if not callable(loss):
            raise ArgumentError(f"loss: expected a function or a criterion, got {shown(loss)}")
        if outputs is not None and not callable(outputs):
            raise ArgumentError(f"outputs: expected a function of model and batch, got {shown(outputs)}")
        if outputs is not None and isinstance(loss, torch.nn.Module):
            raise ArgumentError("outputs: a criterion takes those of the model; leave them out, or give a function as the loss")
        if isinstance(loss, torch.nn.Module) and any(parameter.requires_grad for parameter in loss.parameters()):
            raise ArgumentError("loss: the criterion has trainable parameters; make it a part of the model")
        model = getattr(model, "_orig_mod", model)
        group = model.process_group if isinstance(model, torch.nn.parallel.DistributedDataParallel) else False
        self.model = model.module if isinstance(model, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)) else model
        self.function, self._outputs, self._linear = loss, outputs, linear
        self.names, kept = [], []
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                self.names.append(name)
                kept.append(parameter)
        self.parameters = trainable(kept)
        if not self.parameters:
            raise ArgumentError("model: expected trainable parameters, got none; set requires_grad_(True)")
        self._check()
        refuse_sharded(self.parameters)
        self.ranks = ranks(group, self.parameters)
        self.has_outputs = outputs is not None or isinstance(loss, torch.nn.Module)

    def _check(self):
        devices = {parameter.device for parameter in self.parameters}
        if len(devices) > 1:
            raise UnsupportedError(f"model: expected trainable parameters on one device, got them on {', '.join(sorted(map(str, devices)))}")
        (self.device,) = devices
        if self.device.type == "meta":
            raise ArgumentError("model: expected parameters with values, got them on the device `meta`")
        for name, parameter in zip(self.names, self.parameters):
            if isinstance(parameter, torch.nn.parameter.UninitializedParameter):
                raise ArgumentError(f"model: the parameter `{name}` has no shape yet; run the model once")

    def moved(self, batch):
        """A batch on the device of the model."""
        if isinstance(batch, UserDict) and hasattr(batch, "to"):
            return batch.to(self.device)
        return pytree.tree_map(lambda part: part.to(self.device) if isinstance(part, torch.Tensor) else part, batch)

    def point(self, batch, ahead=True, outputs=False) -> Point:
        """A forward pass and the gradient; with `outputs`, for Gauss-Newton products, too."""
        batch = self.moved(batch)
        with torch.enable_grad(), _plain_kernels(self.model):
            if isinstance(self.function, torch.nn.Module):
                inputs, targets = pair(batch)
                said = self.model(inputs)
                value = self.function(said, targets)
            elif self._outputs is not None:
                said = self._outputs(self.model, batch)
                value = self.function(said, batch)
            else:
                said, value = None, self.function(self.model, batch)
        if outputs and not isinstance(said, torch.Tensor):
            raise ArgumentError(f"outputs: expected one tensor, got {type(said).__name__}")
        return Point(value, self.parameters, outputs=said if outputs else None, ahead=ahead, linear=self._linear)

    @contextlib.contextmanager
    def untouched(self):
        """Buffers and generators are afterwards what they were."""
        states, buffers = generators(), [(buffer, buffer.detach().clone()) for buffer in self.model.buffers()]
        try:
            yield
        finally:
            set_generators(states)
            for buffer, before in buffers:
                # By way of `data` no graph that holds a buffer takes it for written to.
                if not torch.equal(buffer, before):
                    buffer.data.copy_(before)

    def averaged(self, parts):
        """Means over the processes of a `DistributedDataParallel`; else the parts as they are."""
        return parts if self.ranks is None else self.ranks.means(parts)


class Products:
    """Products with the Hessian, or the Gauss-Newton matrix, of the mean loss over batches.

    The graph of one batch is kept from product to product; of several, each is computed anew, with the random numbers that it had before.
    """

    def __init__(self, loss: Loss, batch, gauss_newton: bool):
        if gauss_newton and not loss.has_outputs:
            raise ArgumentError("gauss_newton: expected the outputs of the model; give them as outputs=, with loss(outputs, batch), or a criterion")
        self.loss, self._gauss_newton = loss, gauss_newton
        self.batches = list(batches_of(batch))
        if not self.batches:
            raise ArgumentError("batch: expected a batch or several, got none")
        sizes = [examples(batch) for batch in self.batches]
        if not sum(sizes):
            raise ArgumentError("batch: expected examples, got none")
        self.weights = [size / sum(sizes) for size in sizes]
        self._states, self._point = generators(), None
        if len(self.batches) == 1:
            self._point = self._at(self.batches[0])

    def _at(self, batch):
        return self.loss.point(batch, ahead=not self._gauss_newton, outputs=self._gauss_newton)

    def __call__(self, v):
        if self._point is not None:
            return self.loss.averaged(self._of(self._point, v, last=False))
        set_generators(self._states)
        total = None
        for weight, batch in zip(self.weights, self.batches):
            parts = self._of(self._at(batch), v, last=True)
            if total is None:
                total = [weight * part for part in parts]
            else:
                torch._foreach_add_(total, parts, alpha=weight)
        return self.loss.averaged(total)

    def _of(self, point, v, last):
        product = point.gauss_newton_vector if self._gauss_newton else point.hessian_vector
        return product(v, last=last)


def pair(batch):
    """Inputs and targets, as a criterion takes them."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise ArgumentError("batch: expected (inputs, targets) for a criterion; give a function loss(model, batch) for other batches")
    return batch


def batches_of(batch):
    """The batches that were handed in: a tensor, a tuple, a dict or a list of tensors is one; a list of such things, a loader or an
    iterator are several."""
    single = isinstance(batch, (torch.Tensor, tuple, dict, UserDict)) or not hasattr(batch, "__iter__")
    if single or isinstance(batch, list) and not any(isinstance(part, (tuple, list, dict, UserDict)) for part in batch):
        return [batch]
    return batch


def examples(batch) -> int:
    """How many examples a batch has: the first axis of its first tensor that has one."""
    leaves = pytree.tree_leaves(dict(batch) if isinstance(batch, UserDict) else batch)
    sized = (leaf.shape[0] for leaf in leaves if isinstance(leaf, torch.Tensor) and leaf.dim())
    return next(sized, 1)


@contextlib.contextmanager
def _plain_kernels(model):
    """Attention and recurrent layers by kernels that have second derivatives."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH))
        if any(isinstance(module, torch.nn.RNNBase) for module in model.modules()):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        yield
