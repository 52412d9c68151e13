"""Derivatives of a loss of PyTorch from one forward pass, on the device where its parameters are.

`Point` is a loss at its parameters: gradient `g`, slope `g . u`, `u . H u`, `H v` and Gauss-Newton products, all by reverse mode over the graph that the forward pass left,
so that masks of dropout and buffers are those of that pass. Forward mode nested in itself is never used: through layer and batch norm it is wrong. Vectors are lists of
tensors, one for each parameter; numbers stay tensors on the device until `scalars` brings them all to the host at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from .._errors import ArgumentError, StateError, UnsupportedError
from ._graphs import Watched, own_functions
from ._refused import told


def trainable(parameters: Iterable) -> list[torch.Tensor]:
    """The tensors among `parameters` that require gradients, each once; what cannot be differentiated twice here is an error."""
    parameters = list(parameters)
    check_parameters(parameter for parameter in parameters if getattr(parameter, "requires_grad", True))
    return list({id(parameter): parameter for parameter in parameters if parameter.requires_grad}.values())


def check_parameters(parameters: Iterable) -> None:
    """What is no dense tensor of real numbers is an error."""
    for parameter in parameters:
        if not isinstance(parameter, torch.Tensor):
            raise ArgumentError(f"parameters: expected tensors, got {type(parameter).__name__}; try model.parameters()")
        if parameter.is_complex():
            raise UnsupportedError("parameters: expected real numbers, got complex ones, along which a curvature is not one number; try torch.view_as_real")
        if parameter.is_sparse or parameter.layout is not torch.strided:
            raise UnsupportedError(f"parameters: expected dense tensors, got one of layout {parameter.layout}")


class Point:
    """A loss at its parameters.

    Args:
        loss: one real number with its graph, of one forward pass.
        parameters: a list of tensors that require gradients, as `trainable` gives it. Those that the loss does not use have the gradient None.
        outputs: a tensor, or several, between parameters and loss, for Gauss-Newton products.
        ahead: whether second derivatives will be asked for. If not, the gradient is cheaper, and a second derivative costs one more backward pass.
        looked: whether the graph of such a loss was looked through before, for what hides gradients or has no second derivative. It is then, unless second derivatives are asked for, not
            done again.
        ranks: processes that train together (`_distributed.Ranks`), each with a point of its own on its part of the batch. Value, gradient, curvature and products are then the means of theirs. Where each has but a part of the
            parameters (`_sharded.Shards`), so are gradients, vectors and products.
        keep: whether the graph is kept without `ahead`. If not, there are no second derivatives, and what the forward pass stored is free again.
        linear: classes of `torch.autograd.Function`, or their names, that are linear in what is differentiated, although they keep tensors: their second derivative is zero.

    Attributes:
        value: the loss, a tensor without a graph.
        gradients: the gradient, a list of tensors without graphs, None for what is not used.

    In vectors None stands for zeros.

    Cost: a backward pass; with `ahead` about 1.5.

    Errors:
        ArgumentError: a loss that is not one real number, or has no graph.
        StateError: a graph that a backward pass has used up.
    """

    def __init__(self, loss, parameters: Sequence[torch.Tensor], *, outputs=None, ahead: bool = True, keep: bool = True, looked: bool = False, ranks=None, linear: Sequence = ()):
        check_loss(loss)
        self.parameters = list(parameters)
        if not self.parameters:
            raise ArgumentError("parameters: expected at least one tensor that requires gradients, got none; unfreeze some before this step")
        self.linear = linear
        self.ranks = ranks
        self._loss = loss
        self._outputs = [outputs] if isinstance(outputs, torch.Tensor) else None if outputs is None else list(outputs)
        self._gradients = None
        self._own = None if looked and not ahead else own_functions(loss)
        if ranks is not None and self._own:
            ranks.look(self._own)
        self.value = loss.detach()
        with told():
            if ahead:
                self.gradients = [None if g is None else g.detach() for g in self._differentiable()]
            else:
                self.gradients = list(torch.autograd.grad(loss, self.parameters, retain_graph=keep, allow_unused=True))
        if ranks is not None:
            self.gradients, self.value = ranks.point(self.gradients, self.parameters, self.value)
        if not (ahead or keep):
            self.release()

    def slope(self, u: Sequence[torch.Tensor]) -> torch.Tensor:
        """`g . u`, a tensor. Cost: a dot product."""
        slope = dot(self.gradients, u)
        return slope if self.ranks is None else self.ranks.totals(slope)[0]

    def curvature(self, u: Sequence[torch.Tensor], *, last: bool = False) -> torch.Tensor:
        """`u . H u`, a tensor: `u . (H u)`. With `last` the graph is freed on the way. Cost: about a gradient."""
        u = self._whole(u)
        curvature = dot(self._product(u, last), u)
        return curvature if self.ranks is None else self.ranks.mean(curvature)

    def hessian_vector(self, v: Sequence[torch.Tensor], *, last: bool = False) -> list[torch.Tensor]:
        """`H v`. With `last` the graph is freed on the way. Cost: about a gradient."""
        return self._means(_filled(self._product(self._whole(v), last), self.parameters))

    def gauss_newton_vector(self, v: Sequence[torch.Tensor], *, last: bool = False) -> list[torch.Tensor]:
        """`J' B J v`, with J the derivative of the outputs by the parameters and B the Hessian of the loss by the outputs. What of the loss does not come by way of the
        outputs has no part in it. Cost: about two gradients."""
        outputs = self._outputs
        if outputs is None:
            raise ArgumentError("gauss_newton_vector: expected the outputs of the model, got none; give them as outputs=")
        if self._loss is None:
            raise StateError("gauss_newton_vector: the graph of this point is freed; make another point")
        v = self._whole(v)
        with told(), torch.enable_grad():
            # The transpose of J is linear in what it is applied to; the transpose of that is J.
            zeros = [torch.zeros_like(z, requires_grad=True) for z in outputs]
            back = torch.autograd.grad(outputs, self.parameters, zeros, create_graph=True, allow_unused=True)
            pairs = [(b, t) for b, t in zip(back, _like(v, self.parameters)) if b is not None and t is not None and b.requires_grad]
            if not pairs:
                return self._means(_filled([None] * len(self.parameters), self.parameters))
            along = torch.autograd.grad([b for b, _ in pairs], zeros, [t for _, t in pairs], allow_unused=True, retain_graph=True)
            along = _filled(along, outputs)
            with Watched(own_functions(self._loss), self.linear):
                by_outputs = torch.autograd.grad(self._loss, outputs, create_graph=True, allow_unused=True)
            pairs = [(g, t) for g, t in zip(by_outputs, along) if g is not None and g.requires_grad]
            if not pairs:
                return self._means(_filled([None] * len(self.parameters), self.parameters))
            bent = torch.autograd.grad([g for g, _ in pairs], outputs, [t for _, t in pairs], retain_graph=True, allow_unused=True)
            product = torch.autograd.grad(outputs, self.parameters, _filled(bent, outputs), retain_graph=not last, allow_unused=True)
        if last:
            self.release()
        return self._means(_filled(product, self.parameters))

    def release(self) -> None:
        """Frees the graph; value and gradients stay."""
        self._loss = self._gradients = self._outputs = None
        self._own = []

    def _whole(self, v):
        return v if self.ranks is None else self.ranks.whole(v)

    def _means(self, vector):
        return vector if self.ranks is None else self.ranks.means(vector)

    def _differentiable(self) -> Sequence[torch.Tensor | None]:
        """The gradient with its graph, by the same forward pass, whenever that is first asked for."""
        if self._gradients is None:
            if self._loss is None:
                raise StateError("the graph of this point is freed; make another point")
            self._own = own_functions(self._loss) if self._own is None else self._own
            with torch.enable_grad(), Watched(self._own, self.linear):
                self._gradients = torch.autograd.grad(self._loss, self.parameters, create_graph=True, allow_unused=True)
        return self._gradients

    def _product(self, v: Sequence[torch.Tensor], last: bool) -> list[torch.Tensor | None]:
        with told(), torch.enable_grad():
            outputs, cotangents = [], []
            for g, t in zip(self._differentiable(), _like(v, self.parameters)):
                # The gradient of what enters linearly is constant, and has no graph.
                if g is None or t is None or not g.requires_grad:
                    continue
                if g.layout is not torch.strided:
                    g, t = (g * t).sum(), None
                outputs.append(g)
                cotangents.append(t if t is None or t.dtype == g.dtype else t.to(g.dtype))
            if outputs:
                product = torch.autograd.grad(outputs, self.parameters, cotangents, retain_graph=not last, allow_unused=True)
            else:
                product = [None] * len(self.parameters)
        if last:
            self.release()
        return list(product)


def dot(a: Sequence[torch.Tensor | None], b: Sequence[torch.Tensor | None]) -> torch.Tensor:
    """The dot product of two lists of tensors; None stands for zeros. A tensor on the device of the first, in single precision at least: half precision is multiplied and
    added up in single precision, and what the tensors come to is added up in double."""
    with torch.no_grad():
        return _total([_dot(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None], [*a, *b])


def square(a: Sequence[torch.Tensor | None]) -> torch.Tensor:
    """`|a|^2`, as `dot` has it."""
    with torch.no_grad():
        tensors = [x for x in map(_merged, a) if x is not None]
        if not tensors or any(x.dtype not in (torch.float32, torch.float64) or x.layout is not torch.strided for x in tensors):
            return _total([_dot(x, x) for x in tensors], a)
        return _wide(torch._foreach_norm(tensors)).square().sum()


def scalars(*numbers: torch.Tensor) -> list[float]:
    """Numbers on the device as numbers on the host: one synchronisation for all of them."""
    home = numbers[0].device
    wide = torch.float32 if home.type == "mps" else torch.float64
    return torch.stack([number.detach().to(home, wide).reshape(()) for number in numbers]).tolist()


def _total(parts, likes) -> torch.Tensor:
    if not parts:
        like = next((x for x in likes if x is not None), torch.zeros(()))
        return torch.zeros((), device=like.device)
    return _wide(parts).sum()


def _wide(numbers) -> torch.Tensor:
    """Numbers as one tensor, in double precision where the device has it."""
    home, dtype = numbers[0].device, numbers[0].dtype
    double = torch.float32 if home.type == "mps" else torch.float64
    if any(number.device != home or number.dtype != dtype for number in numbers):
        numbers = [number.to(home, double) for number in numbers]
    return torch.stack(list(numbers)).to(double)


def _dot(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if x.layout is not torch.strided or y.layout is not torch.strided:
        x, y = _merged(x), _merged(y)
        if x.layout is torch.strided:
            x, y = y, x
        if y.layout is not torch.strided:
            y = y.to_dense()
        places = tuple(x.indices())
        x, y = x.values(), y[places]
    if x.dtype != y.dtype or x.dtype not in (torch.float32, torch.float64):
        wide = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
        x, y = x.to(wide), y.to(wide)
    return torch.dot(x.reshape(-1), y.reshape(-1))


def _merged(x):
    """A sparse tensor with each place once."""
    return x if x is None or x.layout is torch.strided else x.coalesce()


def _filled(tensors, likes) -> list[torch.Tensor]:
    return [torch.zeros_like(like) if tensor is None else tensor.detach() for tensor, like in zip(tensors, likes)]


def _like(v, parameters) -> list[torch.Tensor | None]:
    v = list(v)
    if len(v) != len(parameters) or any(t is not None and (not isinstance(t, torch.Tensor) or t.shape != p.shape) for t, p in zip(v, parameters)):
        raise ArgumentError(f"vector: expected a list of {len(parameters)} tensors of the shapes of the parameters")
    return v


def check_loss(loss, graph: bool = True) -> None:
    """A loss that is not one real number, or should have a graph and has none, is an error."""
    if not isinstance(loss, torch.Tensor):
        raise ArgumentError(
            f"loss: expected a tensor with one number, got {type(loss).__name__}; return the loss itself, neither loss.item() nor the result of loss.backward()"
        )
    if loss.numel() != 1:
        raise ArgumentError(f"loss: expected one number, got a tensor of shape {tuple(loss.shape)}; try loss.mean()")
    if not loss.is_floating_point():
        raise ArgumentError(f"loss: expected a real number, got one of {loss.dtype}")
    if graph and not loss.requires_grad:
        raise ArgumentError(
            "loss: expected a loss with its graph, got one without; compute it from the parameters, outside torch.no_grad() and torch.inference_mode(), and do not detach it"
        )
