"""Operators of ATen alone against PyTorch, on shapes and settings that hypothesis draws."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch_reference import assert_near  # noqa: E402

torch.set_num_threads(1)

# A trace takes a tenth of a second or more, so examples are few, and are not made smaller.
few = settings(max_examples=3, phases=[Phase.generate], deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
shapes = lambda least=0, most=4, extent=4: st.lists(st.integers(1, extent), min_size=least, max_size=most).map(tuple)


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def agree(function, *given):
    torch.manual_seed(sum(map(len, given)))
    assert_near(function, given)


@few
@given(shapes(), st.data())
def test_two_shapes_that_spread(shape, data):
    # Each axis of the second is there, is 1, or is left out at the front.
    other = tuple(data.draw(st.sampled_from([1, n])) for n in shape)[data.draw(st.integers(0, len(shape))) :]
    agree(lambda x, y: [x + y, y - x, x * y, x / (1 + y * y), (x * x + 0.5) ** y, torch.maximum(x, y), torch.minimum(x, y), torch.where(x > y, x * y, y)], shape, other)
    agree(lambda x, y: [torch.logaddexp(x, y), torch.hypot(x, y + 2), torch.lerp(x, y, 0.3), torch.addcmul(x, y, y), torch.clamp(x, y - 1, y + 0.5), x * (x > y)], shape, other)
    agree(lambda x, y: [F.mse_loss(x, y.expand(x.shape)), F.huber_loss(x, y.expand(x.shape)), F.smooth_l1_loss(x, y.expand(x.shape), beta=0.5)], shape, other)


@few
@given(shapes(1), st.data())
def test_reductions(shape, data):
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))
    axis, keep = axes[0], data.draw(st.booleans())
    agree(lambda x: [x.sum(axes, keep), x.mean(axes, keep), x.var(axes, correction=0, keepdim=keep), x.amax(axes, keep), x.amin(axes, keep), x.prod(axis, keep)], shape)
    agree(lambda x: [x.max(axis, keep)[0], x.min(axis, keep)[0], x.max(), x.min(), x.cumsum(axis), x.logsumexp(axes, keep), x.softmax(axis), x.log_softmax(axis)], shape)
    agree(lambda x: [torch.linalg.vector_norm(x, order, axes, keep) for order in (1, 2, 3, float("inf"))] + [F.normalize(x, dim=axis), x.norm()], shape)


@few
@given(shapes(1), st.data())
def test_movements(shape, data):
    rank = len(shape)
    axis, order = data.draw(st.integers(0, rank - 1)), data.draw(st.permutations(range(rank)))
    step, shift = data.draw(st.integers(1, 3)), data.draw(st.integers(-2, 2))
    flipped = sorted(data.draw(st.sets(st.integers(0, rank - 1))))
    margins = [data.draw(st.integers(0, 2)) for _ in range(2 * rank)]
    at = (slice(None),) * axis
    agree(lambda x: [x.permute(order), x.flip(flipped), x.roll(shift, axis), F.pad(x, margins, value=0.5), x[(*at, slice(None, None, step))], x.movedim(axis, 0)], shape)
    agree(lambda x: [x.repeat((2,) * rank), x.repeat_interleave(2, axis), torch.cat([x, 2 * x], axis), torch.stack([x, x * x], axis), *x.unbind(axis)], shape)
    agree(lambda x: [x.squeeze(), x.flatten(), x.unsqueeze(axis), x[None].expand(2, *shape), *x.split(2, axis), x.permute(order).reshape(-1)], shape)


@few
@given(shapes(1, 3), st.data())
def test_gathers_and_scatters(shape, data):
    axis = data.draw(st.integers(0, len(shape) - 1))
    places = torch.tensor(data.draw(st.lists(st.integers(0, shape[axis] - 1), min_size=1, max_size=5)))
    one_each = torch.from_numpy(np.argsort(np.random.default_rng(1).normal(size=shape), axis))
    at = (slice(None),) * axis
    agree(lambda x: [x.index_select(axis, places), x[(*at, places)], x.gather(axis, one_each), x.take_along_dim(one_each, axis), x.index_fill(axis, places, 0.3)], shape)
    added = [len(places) if axis == place else n for place, n in enumerate(shape)]
    agree(lambda x, y: [x.index_add(axis, places, y), x.scatter_add(axis, one_each, x * x), x.scatter(axis, one_each, x + 1), x.masked_fill(one_each > 0, 2.0)], shape, added)


@settings(few, max_examples=10)
@given(st.data())
def test_products(data):
    extent = {letter: data.draw(st.integers(1, 3)) for letter in "abcd"}
    one, other = (data.draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)) for _ in range(2))
    out = data.draw(st.lists(st.sampled_from(sorted(set(one) | set(other))), max_size=4, unique=True))
    lead = data.draw(shapes(0, 2, 2))
    n, k, m = (data.draw(st.integers(1, 3)) for _ in range(3))
    einsum = lambda x, y: torch.einsum(f"{''.join(one)},{''.join(other)}->{''.join(out)}", x, y)
    spread = lambda x, y: [x @ y, y.mT @ x.mT, x @ y[..., 0, :, :] if y.dim() > 2 else x @ y, torch.einsum("...ij,...jk->...ik", x, y)]
    agree(
        lambda x, y, z, w: [einsum(x, y), *spread(z, w)],
        [extent[a] for a in one],
        [extent[a] for a in other],
        (*lead, n, k),
        (*lead[data.draw(st.integers(0, len(lead))) :], k, m),
    )


@few
@given(st.data())
def test_norms(data):
    groups, each = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    n, spatial = data.draw(st.integers(2, 3)), data.draw(shapes(1, 2, 3))
    shape, channels, last = (n, groups * each, *spatial, 2), groups * each, (*spatial, 2)
    agree(lambda x, y, z: [F.group_norm(x, groups, y, z), F.batch_norm(x, None, None, y, z, True), F.instance_norm(x, weight=y, bias=z)], shape, (channels,), (channels,))
    agree(lambda x, y, z: [F.layer_norm(x, last, y, z), F.layer_norm(x, last[-1:]), F.rms_norm(x, last, y), x.permute(0, *range(2, len(shape)), 1).contiguous()], shape, last, last)
