"""A loss of PyTorch with its derivatives by PyTorch itself."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

import onedge.torch


class Double(TorchFunctionMode):
    """Casts to single precision become casts to double."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        function = torch.Tensor.double if function is torch.Tensor.float else function
        args, kwargs = tree_map(lambda leaf: torch.float64 if leaf is torch.float32 else leaf, (args, kwargs or {}))
        return function(*args, **kwargs)


class Hardsigmoid(nn.Module):
    def forward(self, x):
        return nn.functional.relu6(x + 3) / 6


def differentiable(model):
    """The model of layers that PyTorch differentiates twice."""
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.Hardsigmoid):
                setattr(module, name, Hardsigmoid())
            elif isinstance(child, nn.Hardswish):
                setattr(module, name, Hardswish())
    return model


class Hardswish(nn.Module):
    def forward(self, x):
        return x * nn.functional.relu6(x + 3) / 6


def cast(batch, dtype):
    return tree_map(lambda x: x.to(dtype) if isinstance(x, torch.Tensor) and x.is_floating_point() else x, batch)


def loss_of(model, loss, batch):
    return loss(model(batch[0]), batch[1]) if isinstance(loss, nn.Module) else loss(model, batch)


def by_torch(model, loss, batch, u, v):
    """Loss, gradient, H u and H v."""
    model = differentiable(copy.deepcopy(model))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def flat(gradients):
        parts = [torch.zeros_like(p) if g is None else g for g, p in zip(gradients, parameters)]
        return torch.cat([part.reshape(-1) for part in parts])

    with sdpa_kernel(SDPBackend.MATH), torch.backends.mkldnn.flags(enabled=False), torch.random.fork_rng(devices=[]), Double():
        value = loss_of(model, loss, batch)
        gradient = flat(torch.autograd.grad(value, parameters, create_graph=True, allow_unused=True))
        product = lambda v: flat(torch.autograd.grad(gradient @ torch.from_numpy(v), parameters, retain_graph=True, allow_unused=True)).numpy()
        along, other = (product(vector) if gradient.requires_grad else 0 * vector for vector in (u, v))
    return value.item(), gradient.detach().numpy(), along, other


def apart(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    return np.max(np.abs(ours - theirs)) / max(np.max(np.abs(theirs)), 1e-30)


def rounded(tensor):
    """To numbers that single precision has, so that both precisions are at the same point."""
    return tensor.float().double() if tensor.is_floating_point() else tensor


def distances(model, loss, batch, *, dtypes=(None,), moved=0.05, seed=0):
    """How far onedge's are from them, relative to the largest element, at parameters near to the given ones: the farthest, for each of `dtypes`."""
    model = model.double()
    loss = loss.double() if isinstance(loss, nn.Module) else loss
    batch = tree_map(lambda x: rounded(x) if isinstance(x, torch.Tensor) else x, batch)
    draws = np.random.default_rng(seed)
    with torch.no_grad():
        for buffer in model.buffers():
            buffer.copy_(rounded(buffer))
        for parameter in model.parameters():
            parameter.copy_(rounded(parameter + torch.as_tensor(moved * draws.normal(size=tuple(parameter.shape)))))
    found, theirs = [], None
    for dtype in dtypes:
        o = onedge.torch.objective(model, loss, batch, dtype=dtype)
        w = o.parameters()
        if theirs is None:
            u, v = (np.float64(np.float32(draws.normal(size=w.shape))) for _ in range(2))
            theirs = by_torch(model, loss, batch, u, v)
        value, gradient = o.linearize(w)
        apart_ = [apart(o.loss(w), theirs[0]), apart(value, theirs[0]), apart(gradient, theirs[1]), apart(o.hessian_vector(v), theirs[3])]
        # A sum that may be small beside its terms.
        terms = u * theirs[2]
        found.append(max(*apart_, abs(o.curvature(u) - terms.sum()) / max(np.abs(terms).sum(), 1e-30)))
    return found


class Pair(nn.Module):
    """Two tensors, or more, as parameters."""

    def __init__(self, *shapes):
        super().__init__()
        self.parts = nn.ParameterList([nn.Parameter(torch.randn(shape, dtype=torch.float64)) for shape in shapes])


def assert_near(function, shapes, near=1e-10):
    """That a weighted sum of the results of `function` and of their squares has PyTorch's derivatives."""
    model = Pair(*shapes)

    def loss(model, batch):
        parts = [part.double() for part in function(*model.parts)]
        return sum((torch.linspace(-1, 1, part.numel()).reshape(part.shape) * part).sum() + (part**2).sum() for part in parts)

    with torch.random.fork_rng():
        assert max(distances(model, loss, None, moved=0.0)) < near
