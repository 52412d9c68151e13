"""JAX as a peer: `written` differentiates the gradient forwards, `best` holds every faster formulation found."""

import os
from functools import partial
from pathlib import Path

import protocol

THREADS = protocol.threads_from_command_line()
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["NPROC"] = str(THREADS)

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import jax_models as models
import jax_networks as networks
import problem
from jax_models import dot

# Compilation takes minutes a network; `hv` and `lanczos20`, and later runs, use it again.
jax.config.update("jax_compilation_cache_dir", str(Path(__file__).resolve().parents[1] / ".cache/jax"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)

tree_map = jax.tree.map
LANCZOS_STEPS = 20
DENSE = ("mlp", "mlp-tanh-mse")


def step(w, loss, g, u, curvature):
    """The CDAT step from its parts: rate 2n/d and the new parameters."""
    slope = dot(g, u)
    rate = 2 * jnp.maximum(-slope, 0) / jnp.abs(curvature)
    return loss, slope, curvature, rate, tree_map(lambda p, q: p + rate * q, w, u)


def cdat(gradient, curvature):
    def run(w, data):
        loss, g, *residuals = gradient(w, data)
        u = tree_map(jnp.negative, g)
        return step(w, loss, g, u, curvature(w, u, data, *residuals))

    return run


@partial(jax.jit, donate_argnums=(0, 3))
def lanczos_step(basis, j, beta, r):
    """Step j on r = H q_j: three-term recurrence, then once against all rows (those not yet filled are zero)."""
    q = basis[j]
    alpha = jnp.sum(q * r)
    r -= alpha * q + beta * basis[jnp.maximum(j - 1, 0)]
    r -= (basis @ r) @ basis
    beta = jnp.sqrt(jnp.sum(r * r))
    r /= beta
    return basis.at[j + 1].set(r), alpha, beta, r


def lanczos(make_product, start):
    """Lanczos with full reorthogonalisation; `make_product()` linearises and gives v -> H v."""
    flat, unravel = ravel_pytree(start)
    unravel, ravel = jax.jit(unravel), jax.jit(lambda tree: ravel_pytree(tree)[0])
    begin = jax.jit(lambda q: jnp.zeros((LANCZOS_STEPS + 1, q.size), q.dtype).at[0].set(q))

    def run():
        product, basis, q, alphas, betas = make_product(), begin(flat), flat, [], [jnp.zeros(())]
        for j in range(LANCZOS_STEPS):
            basis, alpha, beta, q = lanczos_step(basis, j, betas[-1], ravel(product(unravel(q))))
            alphas.append(alpha)
            betas.append(beta)
        a, b = np.array(jnp.stack(alphas)), np.array(jnp.stack(betas[1:-1]))
        return np.linalg.eigvalsh(np.diag(a) + np.diag(b, 1) + np.diag(b, -1))

    return run


def linearised(apply_of):
    """make() -> (v -> H v) on residuals that `apply_of(function)` keeps of the gradient function."""

    def make_of(net):
        keep = jax.jit(lambda w, d: apply_of(lambda w: jax.grad(net.loss)(w, d), w)[1])
        apply = jax.jit(lambda residuals, v: residuals(v))

        def make():
            residuals = keep(net.weights, net.data)
            return lambda v: apply(residuals, v)

        return make

    return make_of


LINEARIZE, VJP = linearised(jax.linearize), linearised(jax.vjp)


def jvp_of_grad(net):
    complete = jax.jit(lambda w, v, d: jax.jvp(lambda w: jax.grad(net.loss)(w, d), (w,), (v,))[1])
    return lambda: lambda v: complete(net.weights, v, net.data)


def dense_candidates(network, op, written):
    """The network, and {variant: function of (w, data)}, or {variant: make} for products."""
    net = networks.Net(network)
    if op == "forward":
        return net, {"loss": net.loss}
    if op == "gradient":
        found = {"value_and_grad": net.gradient}
        if not written:
            found["value_and_grad, data also stored transposed"] = net.gradient_transposed
            found["adjoints by hand, data also stored transposed"] = lambda w, d: net.adjoints(w, d)[:2]
        return net, found
    if op == "cdat":
        if written:
            return net, {"jvp of grad": cdat(net.gradient, net.curvature_of_gradient)}
        return net, {
            "jvp of jvp": cdat(net.gradient, net.curvature_jvp_jvp),
            "jvp of jvp, data also stored transposed": cdat(net.gradient_transposed, net.curvature_jvp_jvp),
            "adjoint sum, data also stored transposed": cdat(net.adjoints, net.curvature_adjoint_sum),
        }
    if written:
        return net, {"jvp of grad, linearised in the call": jvp_of_grad(net)}
    return net, {
        "by hand on kept residuals": net.product_by_hand,
        "jax.linearize of grad, residuals kept": LINEARIZE(net),
        "jax.vjp of grad, residuals kept": lambda make=VJP(net): (lambda product: lambda v: product(v)[0])(make()),
    }


def layered_candidates(network, op, written):
    """The same for networks of layers: `best` also tries convolutions, look-ups and means as products of matrices."""
    net, found = models.Model(network), {}
    forms = {"": net} if written else {"": net, ", more by products": models.Model(network, products=True)}
    for label, form in forms.items():
        if op == "forward":
            found[f"loss{label}"] = form.loss
        elif op == "gradient":
            found[f"value_and_grad{label}"] = form.gradient
        elif op == "cdat" and written:
            found["jvp of grad"] = cdat(form.gradient, form.curvature_of_gradient)
        elif op == "cdat":
            found[f"jvp of jvp{label}"] = cdat(form.gradient, form.curvature_jvp_jvp)
            found[f"adjoint sum{label}"] = cdat(form.adjoints, form.curvature_adjoint_sum)
        else:
            found[f"jvp of grad, linearised in the call{label}"] = jvp_of_grad(form)
            if not written:
                found[f"jax.linearize of grad, residuals kept{label}"] = LINEARIZE(form)
    return net, found


VALUES = {
    "forward": lambda r: {"loss": float(r)},
    "gradient": lambda r: {"loss": float(r[0]), "gradient_norm2": float(dot(r[1], r[1]))},
    "cdat": lambda r: dict(zip(("loss", "slope", "curvature", "rate"), map(float, r[:4]))),
    "lanczos20": lambda r: {"largest": float(r[-1]), "smallest": float(r[0])},
}


def candidates(network_name, op, formulation):
    if op == "gemm":
        a, b = jax.random.normal(jax.random.key(0), (2, protocol.GEMM_SIZE, protocol.GEMM_SIZE))
        product = call(jax.jit(lambda a, b: a @ b), (a, b))
        return {"a @ b": (lambda: product, lambda r: {})}
    jax.clear_caches()
    made = dense_candidates if network_name in DENSE else layered_candidates
    net, found = made(problem.NETWORKS[network_name], op, formulation == "written")
    v, cells = net.vector, {}
    if op == "hv":
        values = lambda r: {"vhv": float(dot(v, r)), "hv_norm2": float(dot(r, r))}
        for variant, make in found.items():
            cells[variant] = (lambda make=make: call(make(), (v,)), values)
    elif op == "lanczos20":
        norm = float(jnp.sqrt(dot(v, v)))
        start = tree_map(lambda a: a / norm, v)
        for variant, make in found.items():
            run = lanczos(make, start)
            cells[variant] = (lambda run=run: run, VALUES[op])
    else:
        for variant, function in found.items():
            run = call(jax.jit(function), (net.weights, net.data))
            cells[variant] = (lambda run=run: run, VALUES[op])
    return cells


def call(function, arguments):
    return lambda: jax.block_until_ready(function(*arguments))


if __name__ == "__main__":
    protocol.serve("jax", jax.__version__, THREADS, candidates)
