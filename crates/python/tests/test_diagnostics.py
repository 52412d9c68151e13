"""Diagnostics at a point, against dense matrices."""

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

import onedge
import onedge.jax

DRAWS = np.random.default_rng(2)
PARAMS = {"w": 0.5 * DRAWS.normal(size=(4, 5)), "b": 0.1 * DRAWS.normal(size=5), "v": 0.5 * DRAWS.normal(size=(5, 3))}
BATCH = DRAWS.normal(size=(30, 4)), DRAWS.integers(0, 3, 30)


def model(p, batch):
    return jnp.tanh(batch[0] @ p["w"] + p["b"]) @ p["v"]


def entropy(outputs, batch):
    return -jnp.take_along_axis(jax.nn.log_softmax(outputs), batch[1][:, None], 1).mean()


@pytest.fixture
def known():
    """The objective at a point, its gradient, and its dense Hessian."""
    with jax.enable_x64(True):
        o = onedge.jax.objective(entropy, PARAMS, BATCH, outputs=model)
        flat, unravel = jax.flatten_util.ravel_pytree(jax.tree.map(jnp.asarray, PARAMS))
        f = lambda w: entropy(model(unravel(w), BATCH), BATCH)
        yield o, np.asarray(jax.grad(f)(flat)), np.asarray(jax.hessian(f)(flat))


def test_readings_are_those_of_the_dense_hessian(known):
    o, g, h = known
    o.linearize(PARAMS)
    values = np.linalg.eigvalsh(h)
    found = o.diagnostics(["top", "trace", "frobenius", "step-sharpness"], top_count=3, top_error=1e-6, trace_samples=4096, trace_error=0.02, learning_rate=0.5)
    np.testing.assert_allclose([found[f"top_{i}"] for i in (1, 2, 3)], values[::-1][:3], rtol=1e-5)
    assert abs(found["trace"] - np.trace(h)) < 5 * found["trace_error"] and found["trace_error"] < 0.05 * np.trace(h)
    assert found["step_sharpness"] == pytest.approx(g @ h @ g / (g @ g), rel=1e-10)
    assert found["step_ratio"] == pytest.approx(0.5 * (g @ h @ g) / (g @ g), rel=1e-10)
    along = DRAWS.normal(size=g.size)
    found = o.diagnostics("step-sharpness", update=along)
    assert found["step_sharpness"] == pytest.approx(along @ h @ along / (along @ along), rel=1e-10)
    # The point is where it was.
    assert o.curvature(along) == pytest.approx(along @ h @ along, rel=1e-10)


def test_layers_have_their_names(known):
    o, _, h = known
    o.linearize(PARAMS)
    found = o.diagnostics(["layers", "gauss-newton", "density"])
    # Trees of JAX are in the order of their names: b, v, w.
    blocks = {"b": h[:5, :5], "v": h[5:20, 5:20], "w": h[20:, 20:]}
    for name, block in blocks.items():
        assert found[f"{name}/sharpness"] == pytest.approx(np.linalg.eigvalsh(block)[-1], rel=2e-2)
    assert found["density"].shape[1] == 2 and abs(found["density"][:, 1].sum() - 1) < 1e-8
    assert "gauss_newton" in " ".join(found)
    assert "b/sharpness" in repr(found) and "<table>" in found._repr_html_()


def test_eigenvalues_under_a_preconditioner(known):
    o, _, h = known
    o.linearize(PARAMS)
    p = np.exp(DRAWS.normal(size=h.shape[0]))
    root = np.diag(p**-0.5)
    expected = np.linalg.eigvalsh(root @ h @ root)[-1]
    assert o.sharpness(tolerance=1e-8, preconditioner=p) == pytest.approx(expected, rel=1e-6)
    assert o.sharpness(tolerance=1e-8, preconditioner=o.unflatten(p)) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(onedge.ArgumentError, match="positive"):
        o.sharpness(preconditioner=-p)


def test_what_has_no_value_says_why(known):
    o, _, _ = known
    with pytest.raises(onedge.StateError, match="linearize"):
        o.diagnostics("trace")
    o.linearize(PARAMS)
    found = o.diagnostics(["noise-scale", "trace"])
    assert "trace" in found and "size for sampled batches" in found.missing["noise-scale"]
    with pytest.raises(KeyError, match="sampled batches"):
        found["noise-scale"]
    for names, settings, part in [
        ("tracee", {}, "trace"), (["trace", "trace"], {}, "once"), ([], {}, "names"), (3, {}, "names"), ("trace", {"trace_sampels": 3}, "trace_samples"),
        ("trace", {"trace_samples": "many"}, "trace_samples"), ("trace", {"trace_samples": -3}, "trace_samples"), ("trace", {"learning_rate": "x"}, "learning_rate"),
    ]:  # fmt: skip
        with pytest.raises(onedge.ArgumentError, match=part):
            o.diagnostics(names, **settings)
    no_outputs = onedge.jax.objective(lambda p, b: entropy(model(p, b), b), PARAMS, BATCH)
    no_outputs.linearize(PARAMS)
    with pytest.raises(onedge.UnsupportedError, match="outputs"):
        no_outputs.diagnostics("gauss-newton")
    o.replace(BATCH)
    with pytest.raises(onedge.StateError, match="linearize"):
        o.diagnostics("trace")
