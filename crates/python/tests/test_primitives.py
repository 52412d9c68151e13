"""Every primitive of the table alone, against JAX, on several shapes; the test fails for a primitive that no case here reaches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import onedge.jax
from onedge.jax._lowering import CALLS

jax.config.update("jax_enable_x64", True)
lax = jax.lax
ix = lambda *numbers: np.array(numbers)

@jax.custom_vjp
def bounded(x):
    return jnp.tanh(x)


bounded.defvjp(lambda x: (jnp.tanh(x), x), lambda x, t: (t / jnp.cosh(x) ** 2,))


# name: (function of x and y, both of the shape that follows; shape)
CASES = {
    "exp": (lambda x, y: jnp.exp(x), (3, 2)),
    "expm1": (lambda x, y: jnp.expm1(x), (3,)),
    "log": (lambda x, y: jnp.log(x**2 + 1), (3,)),
    "log1p": (lambda x, y: jnp.log1p(x**2), (3,)),
    "tanh": (lambda x, y: jnp.tanh(x), (2, 3)),
    "sin cos": (lambda x, y: jnp.sin(x) * jnp.cos(y), (2, 3)),
    "neg": (lambda x, y: -x * y, (4,)),
    "logistic": (lambda x, y: jax.nn.sigmoid(x), (4,)),
    "sqrt rsqrt": (lambda x, y: jnp.sqrt(x**2 + 1) + lax.rsqrt(y**2 + 1), (4,)),
    "abs sign": (lambda x, y: jnp.abs(x) * y + jnp.sign(y) * x, (5,)),
    "floor ceil round": (lambda x, y: x * jnp.floor(3 * y) + x * jnp.ceil(y) + x * jnp.round(5 * y), (5,)),
    "stop_gradient": (lambda x, y: lax.stop_gradient(x) * x * y, (5,)),
    "div": (lambda x, y: x / (1 + y**2), (2, 2)),
    "max min": (lambda x, y: jnp.maximum(x, y) * jnp.minimum(x, 0.3), (6,)),
    "comparisons": (lambda x, y: sum(x * c for c in ((x > y), (x < y), (x >= y), (x <= y), (x == y), (x != y))), (6,)),
    "truth": (lambda x, y: x * ((x > 0) & ~(y > 0) | (y > 1)), (6,)),
    "is_finite": (lambda x, y: jnp.where(jnp.isfinite(x), x, y), (6,)),
    "square integer_pow": (lambda x, y: jnp.square(x) + x**5 + (y**2 + 1) ** -3, (4,)),
    "pow": (lambda x, y: (x**2 + 1) ** 1.7 + (x**2 + 1) ** y, (4,)),
    "pow of exponents that are known": (lambda x, y: x ** ix(2, 3, 0, 1) + 2.0**y, (4,)),
    "hyperbolic": (lambda x, y: jnp.sinh(x) * jnp.cosh(y) + jnp.arcsinh(3 * x) + jnp.arccosh(1.5 + y**2) + jnp.arctanh(jnp.tanh(x) * 0.9), (5,)),
    "of angles": (
        lambda x, y: jnp.tan(x) + jnp.arctan(9 * x) + jnp.arctan2(x, y) + jnp.arcsin(jnp.tanh(y)) + jnp.arccos(0.9 * jnp.tanh(x)),
        (7,),
    ),
    "exp2 cbrt": (lambda x, y: jnp.exp2(x) * jnp.cbrt(y), (5,)),
    "rem": (lambda x, y: lax.rem(5 * x, y) + jnp.mod(x, 0.3), (5,)),
    "div of whole numbers": (lambda x, y: x * (lax.div((9 * y).astype(int), 2) + lax.rem((9 * x).astype(int), 4)), (5,)),
    "lgamma digamma": (lambda x, y: jax.scipy.special.gammaln(x**2 + 0.1) + jax.scipy.special.digamma(y**2 + 0.2), (5,)),
    "logaddexp": (lambda x, y: jnp.logaddexp(x, y) + jnp.logaddexp(x, 0.0) + jnp.logaddexp2(x, y), (5,)),
    "xlogy and the like": (lambda x, y: jax.scipy.special.xlogy(x**2, y**2 + 1) + jax.scipy.special.entr(y**2 + 0.1), (5,)),
    "sinc log_ndtr": (lambda x, y: jnp.sinc(x) + jax.scipy.special.log_ndtr(y), (5,)),
    "xor": (lambda x, y: x * ((x > 0) ^ (y > 0)), (6,)),
    "several cases": (lambda x, y: lax.select_n(jnp.arange(6) % 3, x, y, x * y) + lax.select_n((jnp.abs(2 * x)).astype(int) % 3, x * y, x, y), (6,)),
    "erf": (lambda x, y: lax.erf(x) + lax.erfc(y), (4,)),
    "clamp": (lambda x, y: lax.clamp(-0.4, x, 0.4) * y + lax.clamp(x - 1, 0.3 * y, x + 1), (6,)),
    "clip": (lambda x, y: jnp.clip(x * y, -0.4, 0.4), (6,)),
    "select": (lambda x, y: jnp.where(x > y, x * y, y), (6,)),
    "convert": (lambda x, y: x * (3 * y).astype(int) + x * (y > 0).astype(float) + y * x.astype(bool), (6,)),
    "copy": (lambda x, y: lax.optimization_barrier(jnp.copy(x)) * y, (3,)),
    "reduce_precision": (lambda x, y: lax.reduce_precision(x, 11, 52) * y, (3,)),
    "reshape squeeze": (lambda x, y: jnp.squeeze(x.reshape(3, 1, 4)) * y.reshape(3, 4), (2, 6)),
    "expand_dims": (lambda x, y: lax.expand_dims(x, (1,)) * y[:, None], (2, 6)),
    "transpose": (lambda x, y: jnp.transpose(x, (2, 0, 1)) * y.reshape(4, 2, 3), (2, 3, 4)),
    "broadcast": (lambda x, y: x[:, None] * y[None] + jnp.broadcast_to(x, (4, 3)).sum(0), (3,)),
    "tile": (lambda x, y: jnp.tile(x, (2, 3)) * 1.5 * jnp.tile(y, (2, 3)), (2, 2)),
    "concatenate": (lambda x, y: jnp.concatenate([x, y, x * y], 1), (2, 3)),
    "stack unstack": (lambda x, y: jnp.stack([x, y, x * y], 1) * sum(jnp.unstack(y, axis=1)).sum(), (2, 3)),
    "split": (lambda x, y: sum(jnp.split(x * y, 3, 1)), (2, 6)),
    "slice": (lambda x, y: x[1:, ::2] * y[:-1, 1::2], (4, 6)),
    "rev": (lambda x, y: x[::-1] * jnp.flip(y, (0, 1)), (4, 3)),
    "dynamic_slice": (lambda x, y: lax.dynamic_slice(x * y, (1, 1), (2, 2)), (4, 3)),
    "dynamic_update_slice": (lambda x, y: lax.dynamic_update_slice(x, y[:2, :2] * x[1:3, 1:], (1, 1)), (4, 3)),
    "out of range": (
        lambda x, y: x.at[ix(0, 9, 2)].get(mode="fill", fill_value=0.5) * y.at[ix(7, 1, -9)].get(mode="clip") + x.at[ix(1, 8, 1)].add(y[:3], mode="drop")[:3],
        (4, 3),
    ),
    "scatter": (lambda x, y: x.at[ix(0, 2)].set(y[:2] * 2) * x.at[1:3, ::2].set(y[:2, ::2]), (4, 3)),
    "scatter of several for one place": (
        lambda x, y: x.at[ix(0, 2, 2)].max(y[:3]) + x.at[ix(1, 1)].min(y[:2]) + jax.ops.segment_max(x, ix(0, 1, 1, 0), 2).sum(),
        (4, 3),
    ),
    "scatter_mul": (lambda x, y: x.at[ix(0, 2)].multiply(y[:2], unique_indices=True) + x.at[ix(0, 2, 2)].subtract(y[:3]), (4, 3)),
    "gather": (lambda x, y: x[ix(2, 0, 0)] * y[ix(1, 1, 3), ix(0, 2, 1)][:, None], (4, 3)),
    "gather one of a row": (lambda x, y: jnp.take_along_axis(x * y, ix(2, 0, 1, 2)[:, None], 1), (4, 3)),
    "scatter-add": (lambda x, y: x.at[ix(0, 2, 2)].add(y[:3]) * y, (4, 3)),
    "pad": (lambda x, y: jnp.pad(x * y, ((1, 2), (0, 1)), constant_values=0.5) ** 2, (2, 3)),
    "pad with gaps and cuts": (lambda x, y: lax.pad(x * y, 0.1, ((-1, 2, 1), (1, -1, 2))) ** 2, (3, 4)),
    "reduce_sum": (lambda x, y: (x * y).sum((0, 2)) ** 2, (2, 3, 4)),
    "reduce_max reduce_min": (lambda x, y: (x * y).max((0, 2)) + (x + y).min(1).sum(), (2, 3, 4)),
    "reduce_prod": (lambda x, y: (x * y).prod(1), (3, 4)),
    "reduce_and reduce_or": (lambda x, y: x * (x > 0).all(1, keepdims=True) + y * (y > 0).any(1, keepdims=True), (4, 2)),
    "cumprod cummax cummin": (lambda x, y: jnp.cumprod(x, 1) + lax.cummax(y, 0) + lax.cummin(x * y, 1, reverse=True), (3, 5)),
    "cumlogsumexp": (lambda x, y: lax.cumlogsumexp(x, 1) + lax.cumlogsumexp(y, 0, reverse=True), (3, 4)),
    "argmax argmin": (lambda x, y: x * jax.nn.one_hot(jnp.argmax(y, 1), 4) + (x * y) * jnp.argmin(x, 0), (3, 4)),
    "cumsum": (lambda x, y: jnp.cumsum(x, 1) * lax.cumsum(y, 0, reverse=True), (3, 4)),
    "dot_general": (lambda x, y: x @ y.T + jnp.einsum("ij,ik->jk", x, y).sum(), (3, 4)),
    "dot_general in batches": (lambda x, y: jnp.einsum("bij,bkj->bik", x, y), (2, 3, 4)),
    "dot_general of other axes": (lambda x, y: jnp.einsum("ibj,jbk->bik", x, y), (3, 2, 3)),
    "conv": (lambda x, y: lax.conv_general_dilated(x, y[:, :, :, :2], (2, 1), ((1, 2), (0, 1)), rhs_dilation=(1, 2)), (3, 3, 4, 5)),
    "conv with gaps": (lambda x, y: lax.conv_general_dilated(x, y, (1, 1), ((2, 1), (1, 1)), lhs_dilation=(2, 3)), (2, 2, 3, 3)),
    "conv in groups": (
        lambda x, y: lax.conv_general_dilated(x, y[:, :1], (1, 1), "VALID", feature_group_count=2),
        (2, 2, 3, 3),
    ),
    "conv of one axis": (lambda x, y: lax.conv_general_dilated(x, y, (1,), ((2, 0),)), (3, 3, 4)),
    "conv of three axes": (
        lambda x, y: lax.conv_general_dilated(x, y[:, :, :2, :2, :3], (2, 1, 1), ((1, 0), (0, 1), (1, -1)), rhs_dilation=(1, 2, 1)),
        (2, 2, 4, 3, 4),
    ),
    "conv of three axes with gaps": (
        lambda x, y: lax.conv_general_dilated(x, y[:, :, :2, :2, :2], (1, 1, 1), ((1, 0), (0, 0), (1, 1)), lhs_dilation=(2, 1, 2)),
        (2, 2, 2, 3, 2),
    ),
    "conv in groups of the batch": (
        lambda x, y: lax.conv_general_dilated(x, y[:, :, :2, :2], (1, 1), "SAME", batch_group_count=2),
        (4, 2, 3, 3),
    ),
    "conv transposed in other layouts": (
        lambda x, y: lax.conv_transpose(x, y[:, :2], (2, 3), "SAME", dimension_numbers=("HNWC", "HWOI", "NHWC")),
        (3, 3, 3, 3),
    ),
    "conv transposed in groups": (
        lambda x, y: lax.conv_general_dilated(x, y[:, :1], (1, 1), ((1, 0), (2, 2)), lhs_dilation=(2, 2), feature_group_count=2),
        (2, 2, 3, 3),
    ),
    "conv of pixels": (lambda x, y: lax.conv_general_dilated(x, y[:, :, :1, :1], (1, 1), "VALID"), (2, 2, 3, 3)),
    "pool of three axes": (
        lambda x, y: lax.reduce_window(x * y, -jnp.inf, lax.max, (2, 2, 2), (2, 1, 1), "SAME")
        + lax.reduce_window(x, 0.0, lax.add, (2, 2, 2), (2, 1, 1), "SAME"),
        (4, 3, 4),
    ),
    "pool of minima with gaps": (
        lambda x, y: lax.reduce_window(x * y, jnp.inf, lax.min, (2, 2), (1, 1), ((1, 0), (0, 1)), base_dilation=(2, 1)),
        (4, 3),
    ),
    "pools": (
        lambda x, y: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 3, 1), (1, 1, 2, 1), "SAME")
        + lax.reduce_window(y, 0.0, lax.add, (1, 2, 3, 1), (1, 1, 2, 1), "SAME"),
        (2, 4, 5, 3),
    ),
    "pool of one axis": (lambda x, y: lax.reduce_window(x * y, 0.0, lax.add, (3, 1), (2, 1), "VALID"), (7, 2)),
    "pool of the last axes": (lambda x, y: lax.reduce_window(x * y, -jnp.inf, lax.max, (1, 2, 2), (1, 2, 2), "VALID"), (3, 4, 4)),
    "scan": (lambda x, y: lax.scan(lambda c, v: (jnp.tanh(c + v), c * v), y[0], x)[1], (4, 3)),
    "scan reversed": (lambda x, y: lax.scan(lambda c, v: (c * v, c + v), y[0], x, reverse=True)[0], (4, 3)),
    "scan of the same in each step": (
        lambda x, y: lax.scan(lambda c, _: (jnp.tanh(c @ (x @ x.T)), c * jnp.arange(3.0)), y[:, 0], None, length=3)[1],
        (3, 3),
    ),
    "fori_loop": (lambda x, y: lax.fori_loop(0, 3, lambda i, c: jnp.sin(c) * y + i, x), (3,)),
    "switch": (lambda x, y: lax.switch(ix(7)[0], [lambda x: x, lambda x: x * y], x), (3,)),
    "cond": (lambda x, y: lax.cond(ix(1).sum() > 0, lambda x: x * y, lambda x: x, x), (3,)),
    "vmap and grad inside": (lambda x, y: jax.vmap(jax.grad(lambda a, b: jnp.tanh(a @ b) ** 2))(x, y), (3, 4)),
    "custom_jvp": (lambda x, y: jax.nn.relu(x) * jax.nn.silu(y), (5,)),
    "custom_vjp": (lambda x, y: bounded(x * y) * y, (5,)),
    "remat": (lambda x, y: jax.checkpoint(lambda a: jnp.sin(a) * y)(x), (5,)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_primitive_alone(name):
    function, shape = CASES[name]
    draws = np.random.default_rng(len(name))
    x, y = draws.normal(size=shape), draws.normal(size=shape)
    weights = draws.normal(size=np.shape(jax.eval_shape(function, x, y)))

    def loss(params):
        out = function(params["x"], params["y"])
        return (weights * out).sum() + (out**2).sum()

    params = {"x": jnp.asarray(x), "y": jnp.asarray(y)}
    o = onedge.jax.objective(loss, params)
    w = o.flatten(params)
    f = lambda w: loss({"x": w[: x.size].reshape(shape), "y": w[x.size :].reshape(shape)})
    v = draws.normal(size=w.shape)
    value, gradient = o.linearize(w)

    @jax.jit
    def jax_s(w, v):
        gradient, product = jax.jvp(jax.grad(f), (w,), (v,))
        return f(w), gradient, product

    near = lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10 * max(1, np.abs(theirs).max()))
    expected, slopes, product = jax_s(w, v)
    near(value, expected)
    near(gradient, slopes)
    near(o.hessian_vector(v), product)
    near(o.curvature(v), v @ product)


def test_a_while_loop_of_a_known_number_of_steps():
    """JAX cannot differentiate it backwards, so the steps are written out for it."""

    def loss(p, steps):
        return (lax.fori_loop(0, steps, lambda i, c: jnp.sin(c) * p["y"] + i, p["x"]) ** 2).sum()

    def written_out(p):
        c = p["x"]
        for i in range(3):
            c = jnp.sin(c) * p["y"] + i
        return (c**2).sum()

    params = {"x": jnp.array([0.3, -1.2]), "y": jnp.array([0.7, 2.0])}
    value, gradient = onedge.jax.objective(loss, params, jnp.array(3)).linearize(params)
    expected, slopes = jax.value_and_grad(written_out)(params)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    for name in params:
        np.testing.assert_allclose(gradient[name], slopes[name], rtol=1e-13)


def test_every_primitive_has_a_case():
    reached = set()

    def walk(jaxpr):
        for equation in jaxpr.eqns:
            reached.add(equation.primitive.name)
            for value in equation.params.values():
                for inner in value if isinstance(value, (tuple, list)) else [value]:
                    if hasattr(inner, "eqns"):
                        walk(inner)
                    elif hasattr(inner, "jaxpr") and hasattr(inner.jaxpr, "eqns"):
                        walk(inner.jaxpr)

    for function, shape in CASES.values():
        walk(jax.make_jaxpr(function)(np.ones(shape), np.ones(shape)).jaxpr)
    # JAX has other names for some of them now, or writes them in other ways.
    elsewhere = {"add_any", "copy_p", "scatter_add", "scatter_mul", "scatter_max", "scatter_min", "scatter-sub", "scatter_sub", "square", "erfc", "expand_dims"}
    elsewhere |= {"while", "logaddexp", "custom_vjp_call_jaxpr", "reduce_window_min", "exp2", "tile", "sin"}
    # What does nothing.
    elsewhere |= {"device_put", "name", "sharding_constraint", "layout_constraint", "pvary", "reshard", "mesh_cast", "debug_callback", "debug_print"}
    assert set(onedge.jax.primitives()) - reached - elsewhere - CALLS == set()
