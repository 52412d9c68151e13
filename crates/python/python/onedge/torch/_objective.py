"""Vectors in the forms that PyTorch has for parameters."""

from __future__ import annotations

import numpy as np
import torch

from .. import _objective
from .._errors import ArgumentError, UnsupportedError
from ._lowering import FLOATS


class Parameters:
    """The trainable parameters of a model, each once, in the order of `model.parameters()`."""

    def __init__(self, model):
        self.names, self.tensors, self._places, self._all = [], [], {}, {}
        for name, parameter in model.named_parameters(remove_duplicate=False):
            self._all[name] = parameter
            if isinstance(parameter, torch.nn.parameter.UninitializedParameter):
                raise ArgumentError(f"model: the parameter `{name}` has no shape yet; run the model once")
            if parameter.device.type != "cpu":
                raise ArgumentError(f"model: expected parameters on the CPU, got `{name}` on `{parameter.device}`; use model.to('cpu')")
            if not parameter.requires_grad:
                continue
            if parameter.dtype not in (torch.float32, torch.float64):
                raise ArgumentError(f"model: expected parameters in single or double precision, got `{name}` in {parameter.dtype}; use model.float()")
            if id(parameter) not in self._places:
                self._places[id(parameter)] = len(self.tensors)
                self.names.append(name)
                self.tensors.append(parameter)
        if not self.tensors:
            raise ArgumentError("model: expected trainable parameters, got none; set requires_grad_(True)")
        self.shapes = [tuple(tensor.shape) for tensor in self.tensors]
        self.sizes = [tensor.numel() for tensor in self.tensors]

    def place(self, name):
        """Which trainable parameter has this name, if any."""
        parameter = self._all.get(name)
        return None if parameter is None else self._places.get(id(parameter))

    def frozen(self, name, criterion):
        """A parameter that is not trained, of the model or of the criterion."""
        if name in self._all:
            return self._all[name].detach()
        for other, parameter in criterion.named_parameters() if isinstance(criterion, torch.nn.Module) else ():
            if name == f"loss.{other}":
                return parameter.detach()
        raise UnsupportedError(f"the loss: the parameter `{name}` belongs to no module of the model; register it there")

    def tree(self, kind):
        """How a tree like the parameters becomes a flat array, and back."""
        return lambda tree: self.flat(tree, kind), self.named

    def flat(self, tree, kind):
        if isinstance(tree, torch.Tensor) and tree.dim() == 1 and (len(self.shapes) > 1 or self.shapes != [tuple(tree.shape)]):
            parts = [tree]
            if tree.numel() != sum(self.sizes):
                raise ArgumentError(f"expected a flat tensor of {sum(self.sizes)} numbers, got one of {tree.numel()}")
        else:
            parts = self._parts(tree)
        return np.concatenate([_numbers(part, kind).reshape(-1) for part in parts]) if len(parts) != 1 else _numbers(parts[0], kind).reshape(-1)

    def _parts(self, tree):
        if isinstance(tree, torch.Tensor):
            tree = [tree]
        if isinstance(tree, dict):
            if set(tree) != set(self.names):
                odd = sorted(map(str, set(tree) ^ set(self.names)))[:3]
                raise ArgumentError(f"expected the names of the trainable parameters, each once; these are missing or unknown: {', '.join(odd)}")
            tree = [tree[name] for name in self.names]
        elif not isinstance(tree, (list, tuple)) and hasattr(tree, "__next__"):
            tree = list(tree)
        if not isinstance(tree, (list, tuple)):
            raise ArgumentError(f"expected a flat array or tensor, a dict by name or a list of tensors, got {type(tree).__name__}")
        if len(tree) != len(self.shapes):
            raise ArgumentError(f"expected {len(self.shapes)} tensors, got {len(tree)}")
        for part, shape, name in zip(tree, self.shapes, self.names):
            have = tuple(part.shape) if hasattr(part, "shape") else np.shape(part) if np.isscalar(part) else None
            if have != shape:
                raise ArgumentError(f"expected tensors shaped as the parameters, got {have} for `{name}` of {shape}")
        return tree

    def split(self, flat):
        """A flat array as tensors shaped as the parameters."""
        flat = torch.from_numpy(np.ascontiguousarray(flat))
        return [part.reshape(shape) for part, shape in zip(torch.split(flat, self.sizes), self.shapes)]

    def named(self, flat):
        return dict(zip(self.names, self.split(flat)))


class Objective(_objective.Objective):
    """A loss of a PyTorch model on one batch, with exact derivatives.

    Vectors (`w`, `u`, `v`) are flat arrays of NumPy or flat tensors, in the order of `model.parameters()` without those that are not trained, or dicts as of
    `model.named_parameters()`, or lists of tensors; what comes back has the form of what was given. `linearize` sets the point of all that follows.
    """

    def parameters(self) -> np.ndarray:
        """The parameters of the model as they are now, flat."""
        return self.flatten(self._parameters.tensors)

    def load(self, w):
        """Writes `w` into the model."""
        with torch.no_grad():
            for parameter, part in zip(self._parameters.tensors, self._parameters.split(self.flatten(w))):
                parameter.copy_(part)

    def unflatten(self, flat):
        """A flat array or tensor as a dict of the parameters by name."""
        if isinstance(flat, (np.ndarray, torch.Tensor)):
            flat = _numbers(flat, np.float64 if self.dtype == "f64" else np.float32)
        return super().unflatten(flat)

    def _like(self, given, flat):
        if isinstance(given, np.ndarray):
            return super()._like(given, flat)
        if isinstance(given, torch.Tensor):
            flat = torch.from_numpy(flat)
            return flat.reshape(given.shape)
        if isinstance(given, (list, tuple)):
            return type(given)(self._parameters.split(flat)) if type(given) in (list, tuple) else self._parameters.split(flat)
        return self._parameters.named(flat) if isinstance(given, dict) else self._parameters.split(flat)


def _numbers(part, kind):
    """A tensor or an array as an array of the objective's precision."""
    if isinstance(part, torch.Tensor):
        if part.device.type != "cpu":
            raise ArgumentError(f"expected tensors on the CPU, got one on `{part.device}`; use .to('cpu')")
        if part.layout != torch.strided:
            raise ArgumentError("expected dense tensors, got a sparse one; use .to_dense()")
        if part.dtype not in FLOATS and part.dtype not in (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64):
            raise ArgumentError(f"expected a tensor of numbers, got one of {part.dtype}")
        return part.detach().to(torch.float64 if kind == np.float64 else torch.float32).contiguous().numpy()
    try:
        array = np.asarray(part)
        if array.dtype.kind not in "fiu":
            raise TypeError(array.dtype)
        with np.errstate(over="ignore"):
            return array.astype(kind, copy=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"expected arrays of numbers, got others: {error}") from None
