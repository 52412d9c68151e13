"""Parameters of which each process has a part (`torch.distributed.fsdp.fully_shard`): each has its part of all vectors, and dot products are added up over the processes.

For the time of a step the model is put together (`_fully_shard`), since `torch.autograd.grad` goes through the graph twice. The mean gradient is cut into parts as it is reduced, base and tuner
work on parts alone, and the update is put together where the curvature along it is measured.
"""

from __future__ import annotations

import contextlib
import math

import torch

from .._errors import ArgumentError, UnsupportedError
from ._distributed import Ranks, buckets
from ._fully_shard import Model, is_sharded


class Whole:
    """Parameters that each process has whole: nothing is to be done."""

    def opened(self, parameters):
        """While it is open, a loss can be computed and differentiated twice."""
        return contextlib.nullcontext()

    def forget_gradients(self) -> None:
        """Drops gradients that are elsewhere than in `p.grad`."""

    def leaves(self, parameters) -> list:
        """The tensors from which the graph of a loss begins."""
        return parameters

    def own(self, tensors) -> list:
        """What this process has of tensors."""
        return tensors

    def states(self, parameters, states) -> list:
        """What is kept for parameters, as the tensors of this process."""
        return states

    def shown(self, tensors, parameters) -> list:
        """Tensors of this process as the user and PyTorch see them."""
        return tensors

    def whole(self, vector) -> list:
        """A vector put together."""
        return vector

    def totals(self, *numbers) -> tuple:
        """Sums over the parts of all processes."""
        return numbers


WHOLE = Whole()


class Shards(Ranks):
    """The processes of a mesh, each with a part of the parameters and a part of the batch. Methods as those of `Whole`.

    Errors:
        UnsupportedError: parameters that something else than `fully_shard` cut, or that are not all cut; policies of `fully_shard` that are not followed here.
        ArgumentError: a group that is not that of the mesh.
    """

    def __init__(self, group, parameters):
        mesh = _mesh_of(parameters)
        super().__init__(group)
        if mesh.size() != self.size:
            raise ArgumentError(f"group: expected the {mesh.size()} processes over which fully_shard cut the parameters, got {self.size}")
        self._cut, self._copies = mesh.get_group(mesh.ndim - 1), mesh.get_group(0) if mesh.ndim == 2 else None
        self.parts, self.rank = self._cut.size(), self._cut.rank()
        self._model, self._pieces = Model(), []

    @contextlib.contextmanager
    def opened(self, parameters):
        self._pieces = [_Piece(parameter, self.parts, self.rank) for parameter in parameters]
        with self._model.opened(parameters):
            yield

    def forget_gradients(self):
        self._model.forget_gradients()

    def look(self, nodes):
        self._model.look(nodes)

    def leaves(self, parameters):
        return self._model.leaves(parameters)

    def own(self, tensors):
        with torch.no_grad():
            return [tensor.to_local() if is_sharded(tensor) else tensor for tensor in tensors]

    def states(self, parameters, states):
        return [_State(state, parameter) for state, parameter in zip(states, parameters)]

    def shown(self, tensors, parameters):
        return [None if tensor is None else like(parameter, tensor) for tensor, parameter in zip(tensors, parameters)]

    def totals(self, *numbers):
        home = numbers[0].device
        sums = torch.stack([number.detach().to(home, torch.float32 if home.type == "mps" else torch.float64).reshape(()) for number in numbers])
        self._sum(sums)
        return (sums * (self.parts / self.size)).unbind()

    def check_same(self, parameters):
        """What is cut cannot differ."""

    def means(self, vector):
        """The part that this process has of the mean of a vector (a list of tensors) over all processes. Cost: the vector is sent once."""
        means = [None] * len(vector)
        for places in buckets(vector):
            rows = torch.cat([self._pieces[place].rows(vector[place].detach()) for place in places], 1).div_(self.size)
            mine = torch.empty(rows.shape[1], dtype=rows.dtype, device=rows.device)
            torch.distributed.reduce_scatter_tensor(mine, rows.view(-1), group=self._cut)
            if self._copies is not None:
                torch.distributed.all_reduce(mine, group=self._copies)
            for place, row in zip(places, mine.split([self._pieces[place].numel for place in places])):
                means[place] = self._pieces[place].part(row)
        return means

    def whole(self, vector):
        """A vector of which each process has its part, put together; None stays. Cost: the vector is sent once."""
        out, known = list(vector), [place for place, part in enumerate(vector) if part is not None]
        for bucket in buckets([vector[place] for place in known]):
            places = [known[place] for place in bucket]
            mine = torch.cat([self._pieces[place].row(vector[place].detach()) for place in places])
            rows = torch.empty(self.parts * mine.numel(), dtype=mine.dtype, device=mine.device)
            torch.distributed.all_gather_into_tensor(rows, mine, group=self._cut)
            columns = rows.view(self.parts, -1).split([self._pieces[place].numel for place in places], 1)
            for place, column in zip(places, columns):
                out[place] = self._pieces[place].whole(column)
        return out


class _Piece:
    """How a tensor is cut along an axis into parts of equal size, but for the last ones."""

    def __init__(self, parameter, parts: int, rank: int):
        self.axis, self.shape, self.parts = parameter.placements[-1].dim, parameter.shape, parts
        self.long = -(-self.shape[self.axis] // parts)
        self.rest = [size for axis, size in enumerate(self.shape) if axis != self.axis]
        self.mine = min(max(self.shape[self.axis] - rank * self.long, 0), self.long)
        self.numel = self.long * math.prod(self.rest)

    def rows(self, tensor):
        """A whole tensor as a matrix: a row for each part, filled up with zeros."""
        return _filled(tensor.movedim(self.axis, 0), self.parts * self.long).reshape(self.parts, self.numel)

    def part(self, row):
        """The tensor of a row that this process has."""
        return row.view(self.long, *self.rest)[: self.mine].movedim(0, self.axis).contiguous()

    def row(self, part):
        """Back again."""
        return _filled(part.movedim(self.axis, 0), self.long).reshape(-1)

    def whole(self, rows):
        """The tensor of all rows."""
        return rows.reshape(self.parts * self.long, *self.rest)[: self.shape[self.axis]].movedim(0, self.axis)


def _filled(tensor, rows: int):
    missing = rows - tensor.shape[0]
    return torch.cat([tensor, tensor.new_zeros(missing, *tensor.shape[1:])]) if missing else tensor


class _State:
    """The state of a parameter, in which tensors of its shape are cut as it is: written and read as the part that this process has."""

    def __init__(self, state: dict, parameter):
        self._state, self._parameter = state, parameter

    def __contains__(self, name):
        return name in self._state

    def __getitem__(self, name):
        value = self._state[name]
        if not is_sharded(value):
            return value
        with torch.no_grad():
            return value.to_local()

    def get(self, name, default=None):
        return self[name] if name in self._state else default

    def __setitem__(self, name, value):
        self._state[name] = like(self._parameter, value) if isinstance(value, torch.Tensor) else value


def like(parameter, part):
    """The part that this process has as a tensor that is cut as `parameter`."""
    with torch.no_grad():
        return type(parameter.data).from_local(part, parameter.device_mesh, parameter.placements, run_check=False, shape=parameter.shape, stride=parameter.stride())


def _mesh_of(parameters):
    """The mesh over which all parameters are cut, along its last axis; along another they may be repeated."""
    first = next(parameter for parameter in parameters if is_sharded(parameter))
    for parameter in parameters:
        if not is_sharded(parameter):
            raise UnsupportedError("parameters: expected all of them cut by fully_shard, or none, got both; apply fully_shard to the model as a whole, too, after its parts")
        *others, last = parameter.placements
        if parameter.device_mesh != first.device_mesh or not last.is_shard() or type(last).__name__ != "Shard" or len(others) > 1 or not all(other.is_replicate() for other in others):
            raise UnsupportedError(
                f"parameters: expected all of them cut by fully_shard over one mesh, got a DTensor with the placements {parameter.placements} on {parameter.device_mesh}; tensor parallelism is not "
                "supported, use fully_shard alone or DistributedDataParallel"
            )
    return first.device_mesh
