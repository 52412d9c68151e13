"""Processes that train one model together: gradient, slope and curvature are the means of theirs.

`torch.autograd.grad` does not run the hooks by which `DistributedDataParallel` reduces gradients: each process would go its own way,
without a word. So gradients are reduced here. A curvature `u . H u` is a number for each process, whose mean is that of the mean loss, as H
is linear in the loss and u is the same everywhere.
"""

from __future__ import annotations

import torch

from .._errors import ArgumentError, StateError, UnsupportedError
from ._fully_shard import is_sharded

# So many bytes of gradients are reduced at once.
BUCKET = 32 << 20


def ranks(group, parameters) -> Ranks | None:
    """The processes of this optimizer: with `"auto"` those of the default group, if there is one of more than one.

    Errors:
        UnsupportedError: parameters that are cut over processes in a way that is not supported.
        StateError: no process group.
        ArgumentError: what is none.
    """
    sharded = any(map(is_sharded, parameters))
    if group is False and sharded:
        raise ArgumentError("group: expected the processes over which the parameters are cut, got False; leave it out")
    if group is False:
        return None
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        if isinstance(group, str) and group == "auto":
            return None
        raise StateError("group: expected torch.distributed to be initialized; call torch.distributed.init_process_group first")
    if isinstance(group, str) and group == "auto":
        group = torch.distributed.group.WORLD
    if not isinstance(group, torch.distributed.ProcessGroup):
        raise ArgumentError(f'group: expected a process group, "auto" or False, got {group!r}')
    if sharded:
        # Known once all of this file is.
        from ._sharded import Shards

        return Shards(group, parameters)
    return Ranks(group) if group.size() > 1 else None


class Ranks:
    """The processes of a group, each with the same parameters and a part of the batch."""

    def __init__(self, group):
        self.group = group
        self.size = group.size()

    def point(self, gradients, parameters, value):
        """The means of gradients, None where no process has one, and that of the loss. Cost: gradients are sent once, and so are a flag for
        each and the loss.
        """
        for gradient in gradients:
            if gradient is not None and gradient.layout is not torch.strided:
                raise UnsupportedError("gradients: expected dense ones where several processes train together, got a sparse one; use Embedding(sparse=False)")
        told = torch.tensor([0.0] + [float(gradient is not None) for gradient in gradients], dtype=_wide(value)).to(value.device)
        told[0] = value / self.size
        self._sum(told)
        means = self.means([torch.zeros_like(p) if g is None else g for g, p in zip(gradients, parameters)])
        if any(gradient is None for gradient in gradients):
            # Only who lacks some has to ask whether others have them.
            means = [mean if used else None for mean, used in zip(means, told[1:].tolist())]
        return means, told[0].to(value.dtype)

    def means(self, vector) -> list:
        """The mean of a vector (a list of tensors) over all processes."""
        means = [None] * len(vector)
        for places in buckets(vector):
            flat = torch.cat([vector[place].detach().reshape(-1) for place in places]).div_(self.size)
            self._sum(flat)
            for place, part in zip(places, flat.split([vector[place].numel() for place in places])):
                means[place] = part.view(vector[place].shape)
        return means

    def look(self, nodes) -> None:
        """What is to be seen in the own functions of a graph: nothing."""

    def whole(self, vector) -> list:
        """A vector as each process has it here."""
        return vector

    def totals(self, *numbers) -> tuple:
        """Dot products of vectors that each process has whole."""
        return numbers

    def mean(self, number: torch.Tensor) -> torch.Tensor:
        """The mean of a number over all processes: the same bits everywhere, and NaN if one of them has it."""
        number = number.detach().to(_wide(number)) / self.size
        self._sum(number)
        return number

    def check_same(self, parameters):
        """Sees that all processes begin with the same parameters.

        Errors:
            StateError: parameters that differ.
        """
        wide = _wide(parameters[0])
        low = torch.stack([number.to(parameters[0].device) for p in parameters for number in (p.detach().to(wide).sum(), p.detach().to(wide).square().sum())])
        high = low.clone()
        torch.distributed.all_reduce(low, torch.distributed.ReduceOp.MIN, group=self.group)
        torch.distributed.all_reduce(high, torch.distributed.ReduceOp.MAX, group=self.group)
        if not torch.equal(torch.nan_to_num(low), torch.nan_to_num(high)):
            raise StateError(
                "parameters: expected the same in all processes, got others; wrap the model in DistributedDataParallel, which sends those of the first process to all, or say group=False "
                "where each process trains a model of its own"
            )

    def _sum(self, tensor):
        torch.distributed.all_reduce(tensor, group=self.group)


def buckets(tensors):
    """Places of tensors of one kind and device, in groups that are not too large."""
    groups: dict = {}
    for place, tensor in enumerate(tensors):
        groups.setdefault((tensor.dtype, tensor.device), []).append(place)
    for places in groups.values():
        bucket, size = [], 0
        for place in places:
            bucket.append(place)
            size += tensors[place].numel() * tensors[place].element_size()
            if size >= BUCKET:
                yield bucket
                bucket, size = [], 0
        if bucket:
            yield bucket


def _wide(tensor):
    return torch.float32 if tensor.device.type == "mps" else torch.float64
