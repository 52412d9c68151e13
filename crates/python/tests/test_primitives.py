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
    "erf": (lambda x, y: lax.erf(x) + lax.erfc(y), (4,)),
    "clamp": (lambda x, y: jnp.clip(x * y, -0.4, 0.4), (6,)),
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
    "split": (lambda x, y: sum(jnp.split(x * y, 3, 1)), (2, 6)),
    "slice": (lambda x, y: x[1:, ::2] * y[:-1, 1::2], (4, 6)),
    "rev": (lambda x, y: x[::-1] * jnp.flip(y, (0, 1)), (4, 3)),
    "dynamic_slice": (lambda x, y: lax.dynamic_slice(x * y, (1, 1), (2, 2)), (4, 3)),
    "dynamic_update_slice": (lambda x, y: lax.dynamic_update_slice(x, y[:2, :2] * x[1:3, 1:], (1, 1)), (4, 3)),
    "gather": (lambda x, y: x[ix(2, 0, 0)] * y[ix(1, 1, 3), ix(0, 2, 1)][:, None], (4, 3)),
    "gather one of a row": (lambda x, y: jnp.take_along_axis(x * y, ix(2, 0, 1, 2)[:, None], 1), (4, 3)),
    "scatter-add": (lambda x, y: x.at[ix(0, 2, 2)].add(y[:3]) * y, (4, 3)),
    "pad": (lambda x, y: jnp.pad(x * y, ((1, 2), (0, 1)), constant_values=0.5) ** 2, (2, 3)),
    "pad with gaps and cuts": (lambda x, y: lax.pad(x * y, 0.1, ((-1, 2, 1), (1, -1, 2))) ** 2, (3, 4)),
    "reduce_sum": (lambda x, y: (x * y).sum((0, 2)) ** 2, (2, 3, 4)),
    "reduce_max reduce_min": (lambda x, y: (x * y).max((0, 2)) + (x + y).min(1).sum(), (2, 3, 4)),
    "reduce_prod": (lambda x, y: (x * y).prod(1), (3, 4)),
    "reduce_and reduce_or": (lambda x, y: x * (x > 0).all(1, keepdims=True) + y * (y > 0).any(1, keepdims=True), (4, 2)),
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
    "pools": (
        lambda x, y: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 3, 1), (1, 1, 2, 1), "SAME")
        + lax.reduce_window(y, 0.0, lax.add, (1, 2, 3, 1), (1, 1, 2, 1), "SAME"),
        (2, 4, 5, 3),
    ),
    "pool of one axis": (lambda x, y: lax.reduce_window(x * y, 0.0, lax.add, (3, 1), (2, 1), "VALID"), (7, 2)),
    "pool of the last axes": (lambda x, y: lax.reduce_window(x * y, -jnp.inf, lax.max, (1, 2, 2), (1, 2, 2), "VALID"), (3, 4, 4)),
    "scan": (lambda x, y: lax.scan(lambda c, v: (jnp.tanh(c + v), c * v), y[0], x)[1], (4, 3)),
    "scan reversed": (lambda x, y: lax.scan(lambda c, v: (c * v, c + v), y[0], x, reverse=True)[0], (4, 3)),
    "cond": (lambda x, y: lax.cond(ix(1).sum() > 0, lambda x: x * y, lambda x: x, x), (3,)),
    "vmap and grad inside": (lambda x, y: jax.vmap(jax.grad(lambda a, b: jnp.tanh(a @ b) ** 2))(x, y), (3, 4)),
    "custom_jvp": (lambda x, y: jax.nn.relu(x) * jax.nn.silu(y), (5,)),
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
    near = lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10 * max(1, np.abs(theirs).max()))
    w = jnp.asarray(w)
    near(value, f(w))
    near(gradient, jax.grad(f)(w))
    product = jax.jvp(jax.grad(f), (w,), (v,))[1]
    near(o.hessian_vector(v), product)
    near(o.curvature(v), v @ product)


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
    refused = {"argmax", "argmin", "sort", "while"}
    # JAX has other names for some of them now, or writes them in other ways.
    elsewhere = {"add_any", "copy_p", "scatter_add", "square", "max", "reduce_precision", "erfc", "clamp", "expand_dims"}
    assert set(onedge.jax.primitives()) - reached - refused - elsewhere - CALLS == set()
