"""Diagnostics that draw batches of single examples, against JAX's gradients of each example."""

import jax
import jax.numpy as jnp
import numpy as np
import onedge.jax
import pytest
from jax.flatten_util import ravel_pytree
from small import PARAMS, batch, loss

jax.config.update("jax_enable_x64", True)

N = 8


def pairs(n=N):
    return [(i, j) for i in range(n) for j in range(i)]


def made(**options):
    o = onedge.jax.objective(loss, PARAMS, batch(N), **options)
    o.linearize(PARAMS)
    return o


def of_each():
    """The gradient of each example, and the Hessian of each."""
    w, tree = ravel_pytree(PARAMS)
    one = lambda w, x, y: loss(tree(w), (x[None], y[None]))
    x, y = batch(N)
    return [np.asarray(jax.vmap(f(one), (None, 0, 0))(w, x, y)) for f in (jax.grad, jax.hessian)]


def test_the_noise_scale_is_that_of_the_gradients_of_examples():
    gradients, _ = of_each()
    mean = gradients.mean(0)
    exact = gradients.var(0, ddof=0).sum() / (mean @ mean)
    found = made().diagnostics("noise-scale", noise_scale_batch=2, noise_scale_samples=1000)
    assert abs(found["noise_scale"] - exact) < 5 * found["noise_scale_error"] and found["noise_scale_error"] < 0.06 * exact
    # A batch of one is drawn out of eight: with all but one the mean is that of each left out, and its square is known.
    found = made().diagnostics("noise-scale", noise_scale_batch=1, noise_scale_samples=1000)
    assert abs(found["noise_scale"] - exact) < 5 * found["noise_scale_error"]


def test_batch_sharpness_is_that_of_pairs():
    gradients, hessians = of_each()
    of_pair = [((gradients[i] + gradients[j]) / 2, (hessians[i] + hessians[j]) / 2) for i, j in pairs()]
    exact = np.mean([g @ h @ g for g, h in of_pair]) / np.mean([g @ g for g, _ in of_pair])
    o = made()
    before = o.curvature(o.flatten(PARAMS))
    found = o.diagnostics(["batch-sharpness", "trace"], batch_sharpness_batch=2, batch_sharpness_samples=1000)
    assert abs(found["batch_sharpness"] - exact) < 5 * found["batch_sharpness_error"] and found["batch_sharpness_error"] < 0.06 * exact
    # The objective is at the same point of the same batch.
    assert o.curvature(o.flatten(PARAMS)) == before and "trace" in found
    o.replace(batch(N, seed=5))
    o.linearize(PARAMS)
    assert o.diagnostics("batch-sharpness", batch_sharpness_batch=2)["batch_sharpness"] != found["batch_sharpness"]


def test_with_all_examples_it_is_the_curvature_along_the_gradient():
    o = made()
    g = o.linearize(o.flatten(PARAMS))[1]
    found = o.diagnostics("batch-sharpness", batch_sharpness_batch=N, batch_sharpness_samples=16)
    np.testing.assert_allclose(found["batch_sharpness"], o.curvature(g) / (g @ g), rtol=1e-10)


@pytest.mark.parametrize(
    "function, data, why",
    [
        (lambda p, b: loss(p, b) ** 2, batch(N), "ties examples together"),
        (lambda p, b: N * loss(p, b), batch(N), None),
        (lambda p, b: loss(p, b) * b[0].shape[0], batch(N), "sum over examples"),
        (loss, batch(1), "one example"),
    ],
)
def test_where_a_loss_is_no_mean_the_reason_is_said(function, data, why):
    o = onedge.jax.objective(function, PARAMS, data)
    o.linearize(PARAMS)
    found = o.diagnostics("noise-scale", noise_scale_batch=2)
    if why is None:
        assert found["noise_scale"] > 0
    else:
        assert "single examples" in found.missing["noise-scale"] and why in found.missing["noise-scale"]
        with pytest.raises(onedge.UnsupportedError, match=why):
            onedge.train(o, PARAMS, steps=2, progress=False, diagnostics=[{"name": "noise-scale", "batch": 2}])


def test_a_batch_that_was_changed_in_place_is_refused():
    data = batch(N)
    o = onedge.jax.objective(loss, PARAMS, data)
    o.linearize(PARAMS)
    data[0][:] = 0
    with pytest.raises(onedge.ArgumentError, match="have changed"):
        o.diagnostics("noise-scale", noise_scale_batch=2)


def test_they_are_measured_along_a_run_and_change_nothing_of_it():
    o = made()
    asked = [{"name": "noise-scale", "batch": 2, "every": 3}, {"name": "batch-sharpness", "batch": 2, "every": 3, "samples": 16}]
    plain = onedge.train(o, PARAMS, steps=7, progress=False, tuner=onedge.tuner("constant", rate=0.1))
    trained = onedge.train(o, PARAMS, steps=7, progress=False, tuner=onedge.tuner("constant", rate=0.1), diagnostics=asked)
    assert np.array_equal(plain.losses, trained.losses) and np.array_equal(plain.flat, trained.flat)
    assert np.isfinite(trained.columns["noise_scale"]).tolist() == [True, False, False, True, False, False, True]
    assert "batch_sharpness" in trained.columns
    with pytest.raises(onedge.UnsupportedError, match="batches="):
        onedge.train(o, PARAMS, steps=2, progress=False, diagnostics=asked, batches=[batch(N)])
    with pytest.raises(onedge.ArgumentError, match="noise_scale_batch"):
        onedge.train(o, PARAMS, steps=2, progress=False, diagnostics=["noise-scale"])
