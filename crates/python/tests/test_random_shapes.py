"""Primitives alone against JAX, on shapes and settings that hypothesis draws."""

import jax
import jax.numpy as jnp
import numpy as np
import onedge.jax
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

jax.config.update("jax_enable_x64", True)
lax = jax.lax

few = settings(max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
shapes = lambda least=0, most=4, extent=4: st.lists(st.integers(1, extent), min_size=least, max_size=most).map(tuple)


def agree(function, *shapes, seed=0):
    """Loss, gradient, H v and u . H u of a weighted sum of the results and their squares."""
    draws = np.random.default_rng(seed)
    values = [draws.normal(size=shape) for shape in shapes]
    ends = np.cumsum([value.size for value in values])[:-1]
    weights = jax.tree.map(lambda out: draws.normal(size=out.shape), jax.eval_shape(function, *values))

    def loss(w):
        parts = [part.reshape(shape) for part, shape in zip(jnp.split(w, ends), shapes)]
        out = jax.tree.map(lambda weight, out: ((weight + out) * out).sum(), weights, function(*parts))
        return sum(jax.tree.leaves(out)) + 0.5 * w @ w

    w = np.concatenate([value.reshape(-1) for value in values])
    v = draws.normal(size=w.shape)
    (value, slopes), (_, product) = jax.jit(lambda w, v: jax.jvp(jax.value_and_grad(loss), (w,), (v,)))(w, v)
    o = onedge.jax.objective(loss, w)
    found, gradient = o.linearize(w)
    near = lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10 * max(1.0, np.abs(theirs).max(initial=0.0)))
    near(found, value)
    near(gradient, slopes)
    near(o.hessian_vector(v), product)
    near(o.curvature(v), v @ product)


ONE = {
    "exp": jnp.exp, "expm1": jnp.expm1, "exp2": jnp.exp2, "log": lambda x: jnp.log(x * x + 0.3), "log1p": lambda x: jnp.log1p(x * x), "tanh": jnp.tanh,
    "sin": jnp.sin, "cos": jnp.cos, "tan": lambda x: jnp.tan(0.4 * x), "sinh": jnp.sinh, "cosh": jnp.cosh, "asinh": jnp.arcsinh,
    "acosh": lambda x: jnp.arccosh(1.2 + x * x), "atanh": lambda x: jnp.arctanh(0.9 * jnp.sin(x)), "asin": lambda x: jnp.arcsin(0.9 * jnp.sin(x)),
    "acos": lambda x: jnp.arccos(0.9 * jnp.sin(x)), "atan": lambda x: jnp.arctan(3 * x), "logistic": jax.nn.sigmoid, "sqrt": lambda x: jnp.sqrt(x * x + 0.1),
    "rsqrt": lambda x: lax.rsqrt(x * x + 0.1), "cbrt": jnp.cbrt, "abs": jnp.abs, "sign": lambda x: x * jnp.sign(x), "floor": lambda x: x * jnp.floor(x),
    "ceil": lambda x: x * jnp.ceil(x), "round": lambda x: x * jnp.round(2 * x), "square": jnp.square, "integer_pow": lambda x: x**3 + (x * x + 1) ** -2,
    "erf": lax.erf, "erfc": lax.erfc, "lgamma": lambda x: lax.lgamma(x * x + 0.2), "digamma": lambda x: lax.digamma(x * x + 0.4), "neg": lambda x: -x * x,
    "relu": jax.nn.relu, "silu": jax.nn.silu, "gelu": jax.nn.gelu, "softplus": jax.nn.softplus, "elu": jax.nn.elu, "mish": jax.nn.mish,
}  # fmt: skip

TWO = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / (1 + y * y), "max": jnp.maximum, "min": jnp.minimum,
    "pow": lambda x, y: (x * x + 0.5) ** y, "atan2": jnp.arctan2, "rem": lambda x, y: lax.rem(3 * x, y + 2 * jnp.sign(y)), "where": lambda x, y: jnp.where(x > y, x * y, y),
    "logaddexp": jnp.logaddexp, "xlogy": lambda x, y: jax.scipy.special.xlogy(x, y * y + 0.3), "clamp": lambda x, y: lax.clamp(x - 1, y, x + 0.5),
    "hypot": lambda x, y: jnp.hypot(x, y + 2),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_a_function_of_one(name):
    agree(lambda x, y: (ONE[name](x), ONE[name](y)), (), (3, 1, 4), seed=len(name))


@pytest.mark.parametrize("name", TWO)
def test_a_function_of_two(name):
    function = TWO[name]
    # By a number, and by an array that is repeated.
    agree(lambda x, y: (function(x, y), function(x, jnp.broadcast_to(y[:, :1], x.shape)), function(x, jnp.broadcast_to(y[0, 0], x.shape))), (2, 3), (2, 3), seed=len(name))


@few
@given(shapes(1), st.data())
def test_reductions(shape, data):
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))
    axis, reverse = axes[0], data.draw(st.booleans())
    agree(lambda x: (x.sum(axes), x.max(axes), x.min(axes), x.prod(axes), x.mean(axes), x.var(axes)), shape)
    agree(lambda x: (lax.cumsum(x, axis, reverse), lax.cumprod(x, axis, reverse), lax.cummax(x, axis, reverse), lax.cumlogsumexp(x, axis, reverse)), shape)
    where = np.random.default_rng(0).uniform(size=shape) > 0.3
    where |= ~where.any(axes, keepdims=True)
    agree(lambda x: (jax.nn.logsumexp(x, axes), jax.nn.softmax(x, axes), jax.nn.log_softmax(x, axes), jax.nn.logsumexp(x, axes, where=where)), shape)


@few
@given(shapes(1), st.data())
def test_movements(shape, data):
    rank = len(shape)
    axis = data.draw(st.integers(0, rank - 1))
    order = tuple(data.draw(st.permutations(range(rank))))
    config = [tuple(data.draw(st.integers(low, 2)) for low in (0, 0, 0)) for _ in shape]
    step = data.draw(st.integers(1, 3))
    flipped = tuple(sorted(data.draw(st.sets(st.integers(0, rank - 1)))))
    agree(lambda x: (x.transpose(order), lax.rev(x, flipped), lax.pad(x, 0.5, config), x[(slice(None),) * axis + (slice(None, None, step),)]), shape)
    agree(lambda x: (jnp.tile(x, (2,) * rank), jnp.repeat(x, 2, axis), jnp.roll(x, 1, axis), jnp.concatenate([x, 2 * x], axis), jnp.stack([x, x * x], axis)), shape)
    agree(lambda x: (jnp.squeeze(x), x.reshape(-1), jnp.broadcast_to(x[None], (2, *shape)), jnp.diff(x, axis=axis)), shape)


@few
@given(shapes(1, 3), st.data())
def test_gathers_and_scatters(shape, data):
    axis = data.draw(st.integers(0, len(shape) - 1))
    places = np.array(data.draw(st.lists(st.integers(-1, shape[axis] + 1), min_size=1, max_size=5)))
    inside = places % shape[axis]
    at = (slice(None),) * axis
    mode = data.draw(st.sampled_from(["clip", "fill", "wrap"]))
    agree(lambda x: (jnp.take(x, inside, axis), jnp.take(x, places, axis, mode=mode, fill_value=0.25)), shape)
    agree(lambda x: (x.at[(*at, inside)].add(2.0 * x.sum()), x.at[(*at, places)].add(x.sum(), mode="drop"), x.at[(*at, inside)].set(x.mean())), shape)
    agree(lambda x: (x.at[(*at, inside)].max(x.mean()), x.at[(*at, np.unique(inside))].multiply(x.mean(), unique_indices=True)), shape)
    starts = [data.draw(st.integers(-1, extent)) for extent in shape]
    sizes = [data.draw(st.integers(1, extent)) for extent in shape]
    agree(lambda x: (lax.dynamic_slice(x, starts, sizes), lax.dynamic_update_slice(x, 2 * lax.slice(x, [0] * len(shape), sizes), starts)), shape)
    agree(lambda x: jnp.take_along_axis(x, np.argsort(np.random.default_rng(1).normal(size=shape), axis), axis), shape)


@settings(few, max_examples=12)
@given(st.data())
def test_products(data):
    extent = {letter: data.draw(st.integers(1, 3)) for letter in "abcd"}
    one = data.draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True))
    other = data.draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True))
    out = data.draw(st.lists(st.sampled_from(sorted(set(one) | set(other))), min_size=0, max_size=4, unique=True))
    formula = f"{''.join(one)},{''.join(other)}->{''.join(out)}"
    agree(lambda x, y: jnp.einsum(formula, x, y), [extent[a] for a in one], [extent[a] for a in other])


@settings(few, max_examples=12)
@given(st.data())
def test_convolutions(data):
    spatial = data.draw(st.integers(1, 3))
    draw = lambda least, most: data.draw(st.integers(least, most))
    several = lambda least, most: tuple(draw(least, most) for _ in range(spatial))
    groups, of_batch = data.draw(st.sampled_from([(1, 1), (2, 1), (1, 2)]))
    kernel, extents = several(1, 3), several(3, 4)
    stride, gaps, spread = several(1, 2), several(1, 2), several(1, 2)
    reach = [(k - 1) * gap + 1 for k, gap in zip(kernel, spread)]
    padding = [(draw(-1, 2), max(0, r - n) + draw(0, 2)) for r, n in zip(reach, extents)]
    ins, outs = draw(1, 2), 2 * draw(1, 2)
    letters = "DHW"[-spatial:]
    layouts = [("N", "C"), ("O", "I"), ("N", "C")]
    numbers = tuple("".join(data.draw(st.permutations([*pair, *letters]))) for pair in layouts)
    size = dict(zip(letters, extents)) | {"N": 2 * of_batch, "C": ins * groups}
    weights = dict(zip(letters, kernel)) | {"O": outs, "I": ins}
    function = lambda x, w: lax.conv_general_dilated(
        x, w, stride, padding, lhs_dilation=gaps, rhs_dilation=spread, dimension_numbers=numbers, feature_group_count=groups, batch_group_count=of_batch
    )
    given = [size[a] for a in numbers[0]], [weights[a] for a in numbers[1]]
    if 0 not in jax.eval_shape(function, *(np.zeros(shape) for shape in given)).shape:
        agree(function, *given)


@few
@given(st.data())
def test_windows(data):
    rank = data.draw(st.integers(1, 4))
    several = lambda least, most: tuple(data.draw(st.integers(least, most)) for _ in range(rank))
    shape, window, stride, gaps = several(2, 4), several(1, 2), several(1, 2), several(1, 2)
    padding = [(data.draw(st.integers(0, 1)), data.draw(st.integers(0, 1))) for _ in shape]

    def function(x):
        return (
            lax.reduce_window(x, 0.0, lax.add, window, stride, padding, window_dilation=gaps),
            lax.reduce_window(x, -jnp.inf, lax.max, window, stride, [(0, 0)] * rank),
            lax.reduce_window(x, jnp.inf, lax.min, window, stride, [(0, 0)] * rank),
        )

    if all(0 not in out.shape for out in jax.eval_shape(function, np.zeros(shape))):
        agree(function, shape)
