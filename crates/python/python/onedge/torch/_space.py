"""Flat tensors on the device of a model, and what the engine's methods do with them: numbers alone come to the host, a few times a
product."""

from __future__ import annotations

import heapq

import torch

# Rows of a block of memory: vectors of one basis lie side by side, so that its dot products with a vector are one product of a matrix.
ROWS = 8
# As many sums stand for a vector where products are compared.
SKETCH = 4096


class _Row:
    """A vector: a row of a block, which is free again once nobody holds this."""

    __slots__ = ("_free", "place", "tensor")

    def __init__(self, tensor, place, free):
        self.tensor, self.place, self._free = tensor, place, free

    def __del__(self):
        heapq.heappush(self._free, self.place)


class Vectors:
    """Vectors as long as all parameters together, and a symmetric operator on them.

    Args:
        product: `product(list of tensors like the parameters)` gives such a list.
        parameters: tensors on one device.
        form: what a flat vector becomes for the user.
        diagonal: P, flat and positive; the operator is then `P^-1/2 A P^-1/2`.
    """

    def __init__(self, product, parameters, form, diagonal=None):
        self._product, self._parameters, self.form = product, parameters, form
        self._sizes = [parameter.numel() for parameter in parameters]
        # How long the vectors are, and what of that is here.
        self.dim = self._length = sum(self._sizes)
        self.device = parameters[0].device
        self.dtype = torch.float64 if any(parameter.dtype == torch.float64 for parameter in parameters) else torch.float32
        self.epsilon = torch.finfo(self.dtype).eps
        self._root = None if diagonal is None else diagonal.to(self.dtype).rsqrt()
        self._blocks, self._free = [], []
        # Gives the same numbers for a seed, and leaves the generators of PyTorch alone.
        try:
            self._generator = torch.Generator(self.device)
        except RuntimeError:
            self._generator = torch.Generator()

    def _row(self):
        if not self._free:
            first = ROWS * len(self._blocks)
            self._blocks.append(torch.zeros((ROWS, self._length), dtype=self.dtype, device=self.device))
            self._free.extend(range(first, first + ROWS))
        place = heapq.heappop(self._free)
        return _Row(self._blocks[place // ROWS][place % ROWS], place, self._free)

    def taken(self, flat):
        """A vector of the user's as one of these."""
        row = self._row()
        row.tensor.copy_(flat)
        return row

    def kept(self, row):
        """A vector that outlives this space."""
        return row.tensor.clone()

    @staticmethod
    def size_of(flat):
        return flat.numel() if isinstance(flat, torch.Tensor) else -1

    def flat(self, parts):
        """Tensors like the parameters, one after the other."""
        return torch.cat([part.detach().to(self.dtype).reshape(-1) for part in parts])

    def split(self, flat):
        """The parts of a flat vector, each like its parameter."""
        return [part.view(p.shape).to(p.dtype) for part, p in zip(flat.split(self._sizes), self._parameters)]

    @torch.no_grad()
    def apply(self, v):
        parts = self._product(self.split(v.tensor if self._root is None else v.tensor * self._root))
        out = self._row()
        torch.cat([part.detach().to(self.dtype).reshape(-1) for part in parts], out=out.tensor)
        if self._root is not None:
            out.tensor.mul_(self._root)
        return out

    @torch.no_grad()
    def random(self, seed):
        row = self._drawn(seed, lambda tensor, generator: tensor.uniform_(-1.0, 1.0, generator=generator))
        return self._scaled(row, 1.0 / self._norm(row.tensor))

    @torch.no_grad()
    def signs(self, seed):
        row = self._drawn(seed, lambda tensor, generator: tensor.bernoulli_(0.5, generator=generator))
        row.tensor.mul_(2.0).sub_(1.0)
        return row

    def _drawn(self, seed, draw):
        row = self._row()
        self._generator.manual_seed(seed % 2**63)
        if self._generator.device.type == self.device.type:
            draw(row.tensor, self._generator)
        else:
            row.tensor.copy_(draw(torch.empty(self._length, dtype=self.dtype), self._generator))
        return row

    def _scaled(self, row, factor):
        row.tensor.mul_(factor)
        return row

    @torch.no_grad()
    def copy(self, v):
        return self.taken(v.tensor)

    @torch.no_grad()
    def scale(self, alpha, v):
        v.tensor.mul_(alpha)

    @torch.no_grad()
    def combine(self, coefficients, rows):
        out = self._row()
        out.tensor.zero_()
        self._add(out.tensor, self._groups(rows), self._numbers(coefficients))
        return out

    @torch.no_grad()
    def dots(self, a, v):
        return self._along(self._groups(a), len(a), v.tensor).tolist()

    @torch.no_grad()
    def orthogonalize(self, basis, v):
        groups, r = self._groups(basis), v.tensor
        first = self._along(groups, len(basis), r)
        self._add(r, groups, -first)
        second = self._along(groups, len(basis), r)
        self._add(r, groups, -second)
        *coefficients, norm = torch.cat([first + second, self._norm(r).reshape(1)]).tolist()
        return coefficients, norm

    @torch.no_grad()
    def rotate(self, rows, columns):
        groups, turned = self._groups(rows), torch.zeros((len(columns), self._length), dtype=self.dtype, device=self.device)
        columns = self._numbers(columns).reshape(len(columns), len(rows))
        # Not as one product of matrices, for which a user may have allowed less than single precision.
        for vector, column in zip(turned, columns):
            self._add(vector, groups, column)
        for row, vector in zip(rows, turned):
            row.tensor.copy_(vector)
        return rows[: len(columns)]

    def _norm(self, r):
        return torch.linalg.vector_norm(r)

    def _groups(self, rows):
        """Matrices whose rows are these vectors, each with the numbers of its vectors."""
        groups = []
        for number, row in enumerate(rows):
            before = groups[-1] if groups else None
            if before and row.place == before[0] + len(before[1]) and row.place % ROWS:
                before[1].append(number)
            else:
                groups.append((row.place, [number]))
        of = lambda first, count: self._blocks[first // ROWS][first % ROWS : first % ROWS + count]
        return [(of(first, len(numbers)), slice(numbers[0], numbers[-1] + 1)) for first, numbers in groups]

    def _along(self, groups, count, r):
        if not groups:
            return torch.zeros(count, dtype=self.dtype, device=self.device)
        return torch.cat([torch.mv(block, r) for block, _ in groups])

    def _add(self, r, groups, coefficients):
        for block, places in groups:
            r.addmv_(block.t(), coefficients[places])

    def _numbers(self, numbers):
        return torch.tensor(numbers, dtype=self.dtype, device=self.device)

    def sums(self):
        return {"diagonal": torch.zeros(self.dim, dtype=self.dtype, device=self.device), "elements": 0.0, "sketches": []}

    @torch.no_grad()
    def gather(self, sums, squares, z, y):
        z, y = z.tensor, y.tensor
        element = y * (y if squares else z)
        sums["diagonal"] += element
        sketch = self._sketch(y)
        told = [torch.dot(z, y), torch.dot(y, y), torch.dot(element, element), torch.dot(sums["diagonal"], sums["diagonal"])]
        form, square, elements, diagonal, *overlaps = torch.stack([*told, *(torch.dot(other, sketch) for other in sums["sketches"])]).tolist()
        sums["elements"] += elements
        sums["sketches"].append(sketch)
        return form, square, sums["elements"], diagonal, overlaps

    def _sketch(self, y):
        """The vector itself, if it is short, or sums of its elements with random signs."""
        if self.dim <= SKETCH:
            return y.clone()
        signed = y * self.signs(SKETCH).tensor
        whole = self.dim // SKETCH * SKETCH
        sketch = signed[:whole].view(-1, SKETCH).sum(0)
        sketch[: self.dim - whole] += signed[whole:]
        return sketch


class Parts(Vectors):
    """Vectors of which each process has a part (`_sharded.Shards`), for the methods that find eigenvalues."""

    def __init__(self, shards, product, parameters, diagonal=None):
        super().__init__(product, parameters, None, diagonal)
        self._shards = shards
        self.dim = round(self._sum(torch.tensor(float(self._length), device=self.device, dtype=self.dtype)).item())

    def _drawn(self, seed, draw):
        return super()._drawn(seed + (self._shards.rank << 40), draw)

    def _norm(self, r):
        return self._sum(torch.dot(r, r)).sqrt()

    def _along(self, groups, count, r):
        return self._sum(super()._along(groups, count, r))

    def _sum(self, numbers):
        return torch.stack(self._shards.totals(*numbers.reshape(-1).unbind())).to(self.dtype).reshape(numbers.shape) if numbers.numel() else numbers
