"""Operators of ATen, each alone or with its kin, against PyTorch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch_reference import Pair, assert_near, distances  # noqa: E402

import onedge.torch  # noqa: E402

torch.set_num_threads(1)

@pytest.fixture(autouse=True)
def precise():
    """Tensors that a loss makes of numbers are in the precision of the reference."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


ix = lambda *numbers: torch.tensor(numbers)
unit = lambda x: x.sigmoid() * 1.8 - 0.9
mask = lambda *shape: torch.arange(int(np.prod(shape))).reshape(shape) % 3 == 0

# name: (function of tensors of the shapes that follow; shapes)
CASES = {
    "exponentials": (lambda x, y: [x.exp(), x.expm1(), torch.exp2(y), (x * x + 1).log(), (x * x).log1p(), (x * x + 1).log2() + (y * y + 1).log10()], (2, 3), (2, 3)),
    "hyperbolic": (lambda x, y: [x.tanh(), x.sinh(), y.cosh(), x.asinh(), (y * y + 1.1).acosh(), unit(x).atanh()], (2, 3), (2, 3)),
    "circular": (lambda x, y: [x.sin() * y.cos(), unit(x).tan()], (2, 3), (2, 3)),
    "roots": (lambda x, y: [(x * x + 1).sqrt(), (y * y + 1).rsqrt(), 1 / (x * x + 1), x.square(), (x * x + 0.5).reciprocal()], (4,), (4,)),
    "powers": (lambda x, y: [x**3, x**-2, (x * x + 1) ** 1.7, (x * x + 1) ** y, 2.5**y, (x * x + 1) ** 0.5], (4,), (4,)),
    "errors": (lambda x, y: [x.erf(), y.erfc()], (4,), (4,)),
    "steps": (lambda x, y: [x * (3 * y).floor(), x * y.ceil(), x * (5 * y).round(), x * y.trunc() + y.frac(), x * y.sign() + y.abs()], (5,), (5,)),
    "remainders": (lambda x, y: [x.fmod(0.7), x.remainder(0.7) * y, torch.div(x, 0.3, rounding_mode="floor") * y, torch.div(x, 0.3, rounding_mode="trunc") * y], (5,), (5,)),
    "arithmetic": (lambda x, y: [torch.add(x, y, alpha=2), torch.sub(x, y, alpha=0.5), 3 - x, x / (y * y + 1), x / 3, 2 / (y * y + 1), -x * y], (5,), (5,)),
    "arithmetic that spreads": (lambda x, y: [x[:, None] * y, y / (x[:, None] ** 2 + 1), x.view(3, 1, 1) + y], (3,), (3, 4)),
    "relu and its kin": (lambda x, y: [x.relu(), F.leaky_relu(y, 0.2), F.elu(x, 1.3), F.selu(y), F.celu(x, 0.5), F.relu6(4 * y), F.hardtanh(2 * x)], (5,), (5,)),
    "smooth kin": (lambda x, y: [F.silu(x), F.gelu(x), F.gelu(y, approximate="tanh"), F.mish(y), F.softplus(x, 2.0), F.logsigmoid(y), F.softsign(x), F.tanhshrink(y)], (5,), (5,)),
    "softplus beyond its threshold": (lambda x, y: [F.softplus(30 * x), F.softplus(30 * y, 0.5, 3)], (7,), (5,)),
    "hard kin": (lambda x, y: [F.threshold(x, 0.1, 2.0) * y, F.hardshrink(x) * y, F.softshrink(y), F.glu(torch.stack([x, y], -1))], (5,), (5,)),
    "prelu": (lambda x, y, z: [F.prelu(x, y), F.prelu(x.T, z)], (4, 3), (3,), (1,)),
    "clamps": (lambda x, y: [x.clamp(-0.4, 0.6), y.clamp(min=0.1), x.clamp(max=0.2), torch.clamp(x, min=torch.tensor(0.0), max=y.abs())], (6,), (6,)),
    "maximum": (lambda x, y: [torch.maximum(x, y), torch.minimum(x, y), torch.fmax(x, y * 2), torch.fmin(x, y)], (6,), (6,)),
    "comparisons": (lambda x, y: [x * c for c in (x > y, x < y, x >= y, x <= y, x == y, x != y, x > 0, x < 0.1, x >= 0.2, x <= 0.3, x == 0, x != 0)], (6,), (6,)),
    "truth": (lambda x, y: [x * ((x > 0) & ~(y > 0) | (y > 1)), y * torch.logical_xor(x > 0, y > 0), x * (x > 0).logical_not(), x.masked_fill(y > 0, 2.0)], (6,), (6,)),
    "truth of all": (lambda x, y: [x * (x > 0).all(1, keepdim=True), y * (y > 0).any(1, keepdim=True), x * (y > 0).any(), y * (x > 9).all()], (4, 2), (4, 2)),
    "finite": (lambda x, y: [torch.where(x.isfinite(), x, y), x.nan_to_num() * ~y.isnan()], (4,), (4,)),
    "where": (lambda x, y: [torch.where(x > y, x * y, y), torch.where(mask(4), x, 0.5), torch.where(mask(3, 4), y, x * x)], (4,), (4,)),
    "casts": (lambda x, y: [x * (3 * y).long(), x * (y > 0).double(), y * x.bool(), x.to(torch.float64).clone().contiguous() * y], (6,), (6,)),
    "detach": (lambda x, y: [x.detach() * x * y, x.sum().item() * y], (5,), (5,)),
    "lerp and addcmul": (lambda x, y: [torch.lerp(x, y, 0.3), torch.lerp(x, y, x.sigmoid()), torch.addcmul(x, x, y, value=0.5), torch.addcdiv(x, y, x * x + 1)], (5,), (5,)),
    "logaddexp": (lambda x, y: [torch.logaddexp(x, y), torch.logaddexp2(x, y), torch.xlogy(ix(0, 1, 2, 3, 4), x * x + 1), torch.hypot(x, y)], (5,), (5,)),
    "views": (lambda x, y: [x.reshape(3, 4) * y.view(-1, 4), x.squeeze() + y.unflatten(1, (2, 3)).flatten(1), x.unsqueeze(1)[:, 0] * y], (2, 6), (2, 6)),
    "views of moved axes": (lambda x, y: [x.permute(0, 2, 3, 1).reshape(2, 20, 3), y.permute(0, 3, 1, 2).flatten(2), x.permute(2, 0, 3, 1).reshape(4, 30), x.view(2, 3, 2, 2, 5).permute(0, 2, 4, 1, 3).reshape(-1)], (2, 3, 4, 5), (2, 3, 4, 5)),
    "turns": (lambda x, y: [x.T @ y, x.transpose(0, 1) * 2, x.t() + 1, torch.swapaxes(x, 0, 1) * y.T, x.mT * 3], (3, 4), (3, 4)),
    "expand and repeat": (lambda x, y: [x.expand(4, 3, 2), y.repeat(2, 3), y.repeat_interleave(2, 0), x[None, :, None].expand(-1, 3, 5, 2), y.tile(2)], (3, 2), (3, 2)),
    "slices": (lambda x, y: [x[1:, ::2] * y[:-1, 1::2], x[-1] * y[0], x[:, 1:4:2], y[..., -3:], x.narrow(1, 2, 3)], (4, 6), (4, 6)),
    "split and cat": (lambda x, y: [torch.cat([x, y, x * y], 1), torch.stack([x, y], 2), sum(x.chunk(3, 1)), sum(y.split([1, 3, 2], 1)[i].sum() for i in (0, 2)), *x.unbind(0), torch.cat([x, torch.ones(1, 6)])], (2, 6), (2, 6)),
    "pads": (lambda x, y: [F.pad(x, (1, 2, 0, 1), value=0.5), F.pad(y, (-1, 1)), F.pad(x[None], (1, 2), mode="reflect"), F.pad(y[None], (2, 1, 1, 1), mode="replicate"), F.pad(x[None], (1, 1), mode="circular")], (3, 4), (3, 4)),
    "flip and roll": (lambda x, y: [x.flip(0), y.flip(0, 1), x.roll(1, 1), y.roll((1, -2), (0, 1)), x.roll(2), torch.rot90(x)], (3, 4), (3, 4)),
    "diagonals": (lambda x, y: [x.diagonal(), torch.diagonal(x, 1), y.tril(), y.triu(1), x.trace(), torch.diag_embed(y)], (4, 4), (4, 4)),
    "windows of a line": (lambda x, y: [x.unfold(0, 3, 2), torch.as_strided(y, (2, 2), (1, 2))], (7,), (5,)),
    "written slices": (lambda x, y: [torch.slice_scatter(x, y[:2], 0, 1, 3), torch.slice_scatter(x, y[:, :2], 1, 0, 4, 2), torch.select_scatter(x, y[0], 0, 1), torch.diagonal_scatter(x, y[0, :3])], (3, 4), (3, 4)),
    "in place": (lambda x, y: [inplace(x, y)], (3, 4), (3, 4)),
    "sums": (lambda x, y: [x.sum(), x.sum((0, 2)), y.mean(1, keepdim=True), y.mean(), x.mean((0, -1))], (2, 3, 4), (2, 3, 4)),
    "spreads": (lambda x, y: [x.var(1), y.std((0, 2)), x.var((0, 1), correction=0, keepdim=True), *torch.var_mean(y, 1), x.std(), y.var()], (2, 3, 4), (2, 3, 4)),
    "largest": (lambda x, y: [x.max(), x.amax((0, 2)), x.max(1)[0], y.min(2, keepdim=True).values, y.amin(1), y.min(), *torch.aminmax(x)], (2, 3, 4), (2, 3, 4)),
    "products over axes": (lambda x, y: [x.prod(1), y.prod()], (3, 4), (2, 2)),
    "cumulative sums": (lambda x, y: [x.cumsum(1) * y.cumsum(0)], (3, 4), (3, 4)),
    "norms": (lambda x, y: [x.norm(), y.norm(dim=1), x.norm(1, 0), torch.linalg.vector_norm(y, 3, 1), torch.linalg.vector_norm(y, float("inf"), 1), F.normalize(x, dim=1), F.cosine_similarity(x, y), torch.linalg.matrix_norm(x)], (3, 4), (3, 4)),
    "softmax": (lambda x, y: [x.softmax(1), y.softmax(0), x.log_softmax(2), y.log_softmax(1), F.softmin(x, 1)], (2, 3, 4), (2, 3, 4)),
    "logsumexp": (lambda x, y: [x.logsumexp(1), y.logsumexp((0, 2), keepdim=True)], (2, 3, 4), (2, 3, 4)),
    "mm": (lambda x, y: [x @ y.T, x.T @ y, torch.addmm(x @ x.T, x, y.T, beta=0.5, alpha=2), x @ y[0], y[0] @ y[1], torch.outer(x[0], y[0]), torch.addmv(x[:, 0], x, y[0]), torch.addr(x, x[:, 1], y[0])], (3, 4), (3, 4)),
    "bmm": (lambda x, y: [x @ y.mT, x.mT @ y, torch.baddbmm(x @ y.mT, x, y.mT, alpha=0.3), x @ y[0].T, torch.einsum("bij,bkj->bki", x, y), torch.einsum("bij,kj->kb", x, y[0])], (2, 3, 4), (2, 3, 4)),
    "tensordot": (lambda x, y: [torch.tensordot(x, y, ([0, 2], [0, 2])), torch.einsum("bij,bij->i", x, y), torch.kron(x[0], y[0]), torch.bilinear(x[:, :2, 0], y[:, :2, 0], x[:1, :2, :2].expand(3, 2, 2), None)], (2, 3, 4), (2, 3, 4)),
    "attention": (lambda x, y: [F.scaled_dot_product_attention(x, y, x, is_causal=True), F.scaled_dot_product_attention(x, y, y, attn_mask=mask(5, 5)), F.scaled_dot_product_attention(x, y, y, attn_mask=torch.zeros(5, 5).masked_fill(mask(5, 5), -torch.inf), scale=0.3)], (2, 3, 5, 4), (2, 3, 5, 4)),
    "attention that shares heads": (lambda x, y: [F.scaled_dot_product_attention(x, y, y, enable_gqa=True), F.scaled_dot_product_attention(x, y[:, :1], y[:, :1], attn_mask=x.mean() + torch.ones(5, 6))], (2, 4, 5, 3), (2, 2, 6, 3)),
    "embedding": (lambda x, y: [F.embedding(ix(2, 0, 2), x), F.embedding(torch.tensor([[1, 3], [0, 1]]), y, padding_idx=1)], (4, 3), (4, 3)),
    "indices": (lambda x, y: [x[ix(2, 0, 0)], y[:, ix(1, -1)], x[ix(1, 1, 3), ix(0, 2, 1)], x.index_select(1, ix(2, 0)), y[mask(4, 3)].sum(), (y[mask(4, 3)] ** 2).mean(), x[:, None, ix(0, 1)], x[torch.tensor([[0, 1], [2, 3]])]], (4, 3), (4, 3)),
    "gather": (lambda x, y: [x.gather(1, torch.tensor([[2], [0], [1], [2]])), x.gather(0, torch.tensor([[3, 1, 0]])), torch.take_along_dim(y, torch.tensor([[2, 1], [0, 1], [1, 1], [2, 0]]), 1), y.permute(1, 0).gather(1, ix(0, 3, 2)[:, None])], (4, 3), (4, 3)),
    "scatter": (lambda x, y: [x.index_add(0, ix(0, 2, 2), y[:3], alpha=0.5), x.index_add(1, ix(2, 0), y[:, :2]), x.scatter_add(0, torch.tensor([[0, 1, 2], [0, 0, 3]]), y[:2]), x.scatter(1, torch.tensor([[1], [0], [2], [1]]), y[:, :1]), x.scatter(1, torch.tensor([[1], [0], [2], [1]]), 0.7)], (4, 3), (4, 3)),
    "scatter of whole rows": (lambda x, y: [torch.zeros(5, 3).scatter_add(0, ix(4, 0, 0, 2)[:, None].expand(4, 3), y), x.scatter_reduce(0, ix(1, 0, 0, 1)[:, None].expand(4, 3), y, "mean"), x.scatter_reduce(0, ix(1, 0, 0, 1)[:, None].expand(4, 3), y, "sum", include_self=False)], (4, 3), (4, 3)),
    "index_put": (lambda x, y: [x.index_put((ix(0, 3),), y[:2]), x.index_put((ix(0, 0, 1), ix(1, 1, 2)), y[0], accumulate=True), x.index_fill(0, ix(1), 0.3), x.index_fill(0, ix(2, 2), 0.3), x.index_put((ix(0, 0, 1), ix(1, 1, 2)), torch.tensor(2.0)), torch.index_copy(x, 0, ix(2, 0), y[:2])], (4, 3), (4, 3)),
    "layer norms": (lambda x, y: [F.layer_norm(x, (4,)), F.layer_norm(x, (3, 4), y, y, 1e-3), F.rms_norm(x, (4,), y[0]), F.rms_norm(x, (3, 4), eps=0.1)], (2, 3, 4), (3, 4)),
    "batch norms": (lambda x, y: [F.batch_norm(x, None, None, y, y, True), F.batch_norm(x, torch.ones(4) / 3, torch.ones(4) * 2, y, y), F.instance_norm(x, weight=y, bias=y), F.group_norm(x, 2, y, y), F.group_norm(x, 4), F.local_response_norm(x, 2)], (3, 4, 5), (4,)),
    "transposed to norm": (lambda x, y: [F.group_norm(x.permute(0, 3, 1, 2), 2, y, y), F.batch_norm(x.permute(0, 3, 1, 2), None, None, y, None, True)], (2, 3, 2, 4), (4,)),
    "dropouts": (lambda x, y: [F.dropout(x, 0.3), F.dropout2d(y[:, :, None, None] * x[0, 0]), F.alpha_dropout(y, 0.2), F.feature_alpha_dropout(x, 0.2), F.dropout(x, 0.0)], (4, 3), (4, 3)),
    "like": (lambda x, y: [x * torch.randn_like(y), y * torch.zeros_like(x).add(2), x * x.new_ones(3), torch.full_like(x, 2) * y, x * torch.rand(3), torch.bernoulli(torch.full((3,), 0.5)) * y], (3,), (3,)),
    "resampling": (lambda x, y: [F.interpolate(x, scale_factor=2), F.interpolate(y, size=(5, 7), mode="bilinear"), F.interpolate(x, size=(3, 9), mode="bicubic", align_corners=True), F.interpolate(y, scale_factor=(1.5, 0.7), mode="nearest"), F.interpolate(x, scale_factor=0.6, mode="bilinear", antialias=True), F.interpolate(y, size=(2, 2), mode="area")], (2, 2, 4, 5), (2, 2, 4, 5)),
    "resampling of lines and volumes": (lambda x, y: [F.interpolate(x, scale_factor=2, mode="linear", align_corners=True), F.interpolate(x, size=3), F.interpolate(y, scale_factor=2, mode="trilinear"), F.interpolate(y, size=(2, 3, 4))], (2, 2, 5), (1, 2, 3, 2, 2)),
    "shuffles": (lambda x, y: [F.pixel_shuffle(x, 2), F.pixel_unshuffle(y, 2), F.channel_shuffle(x, 2)], (2, 8, 2, 3), (2, 2, 4, 6)),
    "unfold and fold": (lambda x, y: [F.unfold(x, (2, 3), dilation=(2, 1), padding=1, stride=(1, 2)), F.fold(y, (4, 5), (2, 2), padding=1, stride=2)], (2, 3, 5, 6), (2, 12, 9)),
    "adaptive pools": (lambda x, y: [F.adaptive_avg_pool2d(x, (3, 2)), F.adaptive_max_pool2d(x, (2, 3)), F.adaptive_avg_pool1d(y, 3), F.adaptive_max_pool1d(y, 3), F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1), F.adaptive_avg_pool3d(x[None], (2, 1, None)), F.adaptive_max_pool3d(x[None], (1, 2, 5))], (2, 2, 4, 5), (2, 2, 7)),
    "lp pools": (lambda x, y: [F.lp_pool2d(x * x + 1, 3, 2), F.lp_pool1d(y * y + 1, 2, 3)], (2, 2, 4, 5), (2, 2, 7)),
    "distances": (lambda x, y: [F.pairwise_distance(x, y), ((x[:, None] - y[None]) ** 2).sum(-1), F.triplet_margin_loss(x, y, x * y)], (3, 4), (3, 4)),
}  # fmt: skip


def inplace(x, y):
    z = x * 2
    z[:, 0] = y[:, 1]
    z[1] += y[0]
    z.mul_(y).clamp_(-3, 3)
    z[ix(0, 2), ix(1, 1)] = 0.5
    return z


@pytest.mark.parametrize("name", CASES)
def test_operators_alone(name):
    function, *shapes = CASES[name]
    torch.manual_seed(len(name))
    assert_near(function, shapes)


def test_memory_that_was_not_set_is_not_read(monkeypatch):
    """PyTorch pads in circles by writing into memory that it has not set; here it is set to NaN."""
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(2).isnan().all()
        torch.manual_seed(0)
        assert_near(lambda x, y: [F.pad(x[None], (1, 1), mode="circular"), y.new_empty(4, 3).copy_(y), torch.empty_like(x).copy_(y)], [(4, 3), (4, 3)])
    finally:
        torch.use_deterministic_algorithms(False)


def losses():
    target, labels, signs = torch.linspace(0.05, 0.9, 12, dtype=torch.float64).reshape(4, 3), ix(0, 2, 1, 2), ix(1, -1, 1, 1)
    weight = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    return {
        "cross_entropy": lambda x: F.cross_entropy(x, labels) + F.cross_entropy(x, labels, weight, label_smoothing=0.2, ignore_index=1, reduction="sum") + F.cross_entropy(x, target),
        "cross_entropy over places": lambda x: F.cross_entropy(x.reshape(2, 3, 2), labels.reshape(2, 2), reduction="none") + F.cross_entropy(x.reshape(2, 2, 3).permute(0, 2, 1), labels.reshape(2, 2), weight),
        "nll": lambda x: F.nll_loss(x.log_softmax(1), labels, weight) + F.nll_loss(x, labels, reduction="sum"),
        "bce": lambda x: F.binary_cross_entropy(x.sigmoid(), target) + F.binary_cross_entropy(x.sigmoid(), target, weight, reduction="sum"),
        "bce with logits": lambda x: F.binary_cross_entropy_with_logits(x, target, weight, pos_weight=weight * 2) + F.binary_cross_entropy_with_logits(x, target, reduction="none"),
        "regression": lambda x: F.mse_loss(x, target) + F.l1_loss(x, target, reduction="none") + F.smooth_l1_loss(x, target, beta=0.3) + F.huber_loss(x, target, delta=0.4, reduction="sum"),
        "kl_div": lambda x: F.kl_div(x.log_softmax(1), target) + F.kl_div(x.log_softmax(1), target.log(), reduction="batchmean", log_target=True),
        "poisson and gaussian": lambda x: F.poisson_nll_loss(x, target) + F.gaussian_nll_loss(x, target, x[:, :1] ** 2 + 0.1, full=True) + F.poisson_nll_loss(x * x + 1, target, log_input=False),
        "margins": lambda x: F.margin_ranking_loss(x[:, 0], x[:, 1], signs, 0.2) + F.hinge_embedding_loss(x[:, 0], signs) + F.cosine_embedding_loss(x, target, signs) + F.soft_margin_loss(x[:, 0], signs.double()) + F.multilabel_soft_margin_loss(x, (target > 0.5).double()),
    }  # fmt: skip


@pytest.mark.parametrize("name", losses())
def test_losses(name):
    function = losses()[name]
    torch.manual_seed(3)
    assert_near(lambda x: [function(x)], [(4, 3)])


def whole(draws, low, high):
    return int(draws.integers(low, high + 1))


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_convolutions_of_random_shapes(spatial):
    draws = np.random.default_rng(spatial)
    layers, shapes = [], []
    for _ in range(6):
        groups = whole(draws, 1, 2)
        before, after = groups * whole(draws, 1, 2), groups * whole(draws, 1, 2)
        kernel, stride, padding = ([whole(draws, low, high) for _ in range(spatial)] for low, high in ((1, 3), (1, 3), (0, 2)))
        dilation = [whole(draws, 1, 2) for _ in range(spatial)]
        if whole(draws, 0, 1):
            make = getattr(nn, f"Conv{spatial}d")
            if whole(draws, 0, 3) == 0:
                stride, padding = [1] * spatial, "same"
            layer = make(before, after, kernel, stride, padding, dilation, groups, bool(whole(draws, 0, 1)))
        else:
            make = getattr(nn, f"ConvTranspose{spatial}d")
            padding = [min(pad, (taps - 1) * gap) for pad, taps, gap in zip(padding, kernel, dilation)]
            extra = [whole(draws, 0, step - 1) for step in stride]
            layer = make(before, after, kernel, stride, padding, extra, groups, True, dilation)
        layers.append(layer.double())
        shapes.append((whole(draws, 1, 2), before, *(whole(draws, 5, 7) for _ in range(spatial))))

    class Layers(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(layers)
            self.images = nn.ParameterList([nn.Parameter(torch.from_numpy(draws.normal(size=shape))) for shape in shapes])

    def loss(model, batch):
        return sum((layer(image) ** 3).sum() for layer, image in zip(model.layers, model.images))

    assert max(distances(Layers(), loss, None)) < 1e-10


@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_pools_of_random_shapes(spatial):
    draws = np.random.default_rng(10 + spatial)
    largest, mean = getattr(F, f"max_pool{spatial}d"), getattr(F, f"avg_pool{spatial}d")
    calls, shapes = [], []
    for _ in range(5):
        kernel, stride, dilation = ([whole(draws, 1, high) for _ in range(spatial)] for high in (3, 3, 2))
        padding, ceil = [whole(draws, 0, taps // 2) for taps in kernel], bool(whole(draws, 0, 1))
        calls.append(lambda x, k=kernel, s=stride, p=padding, d=dilation, c=ceil: largest(x, k, s, p, d, c))
        inside = bool(whole(draws, 0, 1))
        calls.append(lambda x, k=kernel, s=stride, p=padding, c=ceil, i=inside: mean(x, k, s, p, c, i))
        shapes += [(2, 2, *(whole(draws, 5, 8) for _ in range(spatial)))] * 2
    assert_near(lambda *parts: [call(part) for call, part in zip(calls, parts)], shapes)


def test_views_of_random_shapes():
    draws = np.random.default_rng(20)
    extents, calls = (2, 3, 1, 4), []
    for _ in range(30):
        axes, parts = draws.permutation(4).tolist(), [2, 1, 3, 2, 2]
        draws.shuffle(parts)
        shape = draws.choice([0, 1, 2])
        sizes = [parts, [parts[0] * parts[1], *parts[2:]], [parts[0], parts[1] * parts[2] * parts[3], parts[4]]][shape]
        calls.append(lambda x, axes=axes, sizes=sizes: x.permute(axes).reshape(sizes).cumsum(len(sizes) - 1))
    assert_near(lambda x: [call(x) for call in calls], [extents])


def test_ties_at_kinks_are_pytorch_s():
    """The gradient where several elements are largest, and at the corners of piecewise functions."""
    flat = torch.tensor([[1.0, 2.0, 2.0, 0.0], [0.0, 0.0, 0.0, -1.0], [1.0, 1.0, 1.0, 1.0], [-1.0, 6.0, -3.0, 3.0]], dtype=torch.float64)

    def loss(model, batch):
        (x,) = model.parts
        y = x.flip(1).detach()
        parts = [x.max(1)[0], x.min(1)[0], x.amax(1), x.max(), torch.maximum(x, y), torch.minimum(x, y), x.relu(), x.abs(), x.clamp(-1, 1), x.clamp(min=1)]
        parts += [torch.clamp(x, min=y), torch.clamp_max(x, 1.0)]
        parts += [F.max_pool2d(x[None], 2), F.hardtanh(x), F.relu6(x), F.elu(x), F.leaky_relu(x), F.max_pool2d(x[None], 3, 1, 1), F.adaptive_max_pool2d(x[None], 3)]
        return sum(weight * (part * torch.linspace(1, 2, part.numel()).reshape(part.shape)).sum() for weight, part in enumerate(parts, 1))

    model = Pair((4, 4))
    with torch.no_grad():
        model.parts[0].copy_(flat)
    o = onedge.torch.objective(model, loss, None)
    theirs = torch.autograd.grad(loss(model, None), model.parts)[0]
    np.testing.assert_allclose(o.linearize(o.parameters())[1], theirs.reshape(-1).numpy(), rtol=1e-12, atol=1e-12)


def test_small_losses_are_exact_in_single_precision():
    labels = ix(0, 1, 2)
    x = torch.eye(3, dtype=torch.float64) * 20 + torch.linspace(0, 1, 9).reshape(3, 3)

    def loss(model, batch):
        (x,) = model.parts
        small = F.cross_entropy(x, labels) + F.nll_loss(x.log_softmax(1), labels)
        return small + F.binary_cross_entropy_with_logits(x - 10, torch.eye(3)) * 1e-4 + (x * 1e-9).expm1().sum() + (x * 1e-9).log1p().sum()

    model = Pair((3, 3))
    with torch.no_grad():
        model.parts[0].copy_(x)
    o = onedge.torch.objective(model, loss, None, dtype="f32")
    exact = loss(model, None)
    theirs = torch.autograd.grad(exact, model.parts, create_graph=True)[0]
    value, gradient = o.linearize(o.parameters())
    assert abs(value - exact.item()) < 1e-5 * exact.item()
    np.testing.assert_allclose(gradient, theirs.detach().reshape(-1).numpy(), rtol=2e-5)


def test_weight_norm_is_right_where_pytorch_is_not():
    """PyTorch's double backward of its fused weight norm differs from differences of its own gradients."""
    torch.manual_seed(0)
    x = torch.randn(5, 4, dtype=torch.float64)
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), nn.Tanh()).double()
    loss = lambda model, x: (model(x) ** 2).mean()
    o = onedge.torch.objective(model, loss, x)
    w = o.parameters()
    v = np.random.default_rng(0).normal(size=w.shape)

    def gradient(w):
        o.load(w)
        parts = torch.autograd.grad(loss(model, x), list(model.parameters()))
        return torch.cat([part.reshape(-1) for part in parts]).numpy()

    differences = [gradient(w + step * v) for step in (2e-4, 1e-4, -1e-4, -2e-4)]
    expected = (-differences[0] + 8 * differences[1] - 8 * differences[2] + differences[3]) / 12e-4
    o.linearize(w)
    np.testing.assert_allclose(o.hessian_vector(v), expected, rtol=1e-8, atol=1e-9)
