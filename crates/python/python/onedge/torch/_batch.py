"""Batches: tensors in tuples, lists, dicts and what is registered with PyTorch as a tree."""

from __future__ import annotations

import copy
from collections import UserDict

import numpy as np
import torch
from torch.utils import _pytree as pytree

from .._errors import ArgumentError


class Batch:
    """The tensors of a batch, on the CPU and without gradients, and the rest of it."""

    def __init__(self, batch):
        parts, self._structure, self._wrap = _flattened(batch)
        self._parts = [_tensor(part) for part in parts]
        self._places = [place for place, part in enumerate(self._parts) if isinstance(part, torch.Tensor)]
        self.leaves = [self._parts[place] for place in self._places]
        for leaf in self.leaves:
            if leaf.device.type != "cpu":
                raise ArgumentError(f"batch: expected tensors on the CPU, got one on `{leaf.device}`; use .to('cpu')")
            if leaf.layout != torch.strided:
                raise ArgumentError("batch: expected dense tensors, got a sparse one; use .to_dense()")

    def rebuilt(self, leaves):
        """The batch with other tensors."""
        full = list(self._parts)
        for place, leaf in zip(self._places, leaves):
            full[place] = leaf
        return self._wrap(pytree.tree_unflatten(full, self._structure))

    def shapes(self):
        """What is compared: all but the numbers in the tensors."""
        told = [(tuple(part.shape), str(part.dtype)) if isinstance(part, torch.Tensor) else repr(part) for part in self._parts]
        return str(self._structure), told

    def examples(self) -> tuple[int | None, str]:
        extents = {leaf.shape[0] if leaf.dim() else None for leaf in self.leaves}
        if not self.leaves:
            return None, "the batch has no tensors"
        if len(extents) == 1 and None not in extents:
            return extents.pop(), ""
        return None, "the tensors of the batch have not all the same first axis"


def _flattened(batch):
    if isinstance(batch, UserDict):
        # Such as the batches of tokenizers.
        parts, structure, wrap = _flattened(dict(batch))

        def again(inner):
            other = copy.copy(batch)
            other.data = wrap(inner)
            return other

        return parts, structure, again
    return *pytree.tree_flatten(batch), lambda inner: inner


def _tensor(part):
    if isinstance(part, (np.ndarray, np.generic)):
        try:
            return torch.from_numpy(np.ascontiguousarray(part).reshape(np.shape(part)).copy())
        except TypeError:
            raise ArgumentError(f"batch: expected arrays of numbers, got one of {part.dtype}") from None
    return part.detach() if isinstance(part, torch.Tensor) else part


def scrambled(leaf, draws):
    """Another tensor of values as legal as these."""
    array = leaf.numpy()
    if leaf.is_floating_point():
        return torch.from_numpy(np.asarray(array * draws.uniform(0.5, 1.0, array.shape))).to(leaf.dtype)
    if leaf.dtype == torch.bool:
        return torch.from_numpy(np.asarray(draws.integers(0, 2, array.shape) > 0))
    values = np.unique(array)
    if values.size and 0 <= values.max() < 2**16:
        values = np.union1d(values, np.arange(values.max() + 1))
    return torch.from_numpy(np.asarray(draws.choice(values, array.shape))).to(leaf.dtype)
