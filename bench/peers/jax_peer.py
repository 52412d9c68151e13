"""JAX as a peer: `written` differentiates the gradient forwards, `best` holds every faster formulation found."""

import os
from functools import partial

import protocol

THREADS = protocol.threads_from_command_line()
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["NPROC"] = str(THREADS)

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import jax_networks as networks
import problem
from jax_networks import dot

tree_map = jax.tree.map
LANCZOS_STEPS = 20


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


def candidates(network_name, op, formulation):
    if op == "gemm":
        a, b = jax.random.normal(jax.random.key(0), (2, protocol.GEMM_SIZE, protocol.GEMM_SIZE))
        return {"a @ b": call(jax.jit(lambda a, b: a @ b), (a, b), lambda r: {})}
    net = networks.Net(problem.NETWORKS[network_name])
    written = formulation == "written"
    w, data, v = net.weights, net.data, net.vector
    if op == "forward":
        return {"loss": call(jax.jit(net.loss), (w, data), lambda r: {"loss": float(r)})}
    if op == "gradient":
        found = {"value_and_grad": net.gradient}
        if not written:
            found["value_and_grad, data also stored transposed"] = net.gradient_transposed
            found["adjoints by hand, data also stored transposed"] = lambda w, d: net.adjoints(w, d)[:2]
        values = lambda r: {"loss": float(r[0]), "gradient_norm2": float(dot(r[1], r[1]))}
        return {k: call(jax.jit(f), (w, data), values) for k, f in found.items()}
    if op == "cdat":
        found = {"jvp of grad": cdat(net.gradient, net.curvature_of_gradient)}
        if not written:
            found = {
                "jvp of jvp": cdat(net.gradient, net.curvature_jvp_jvp),
                "jvp of jvp, data also stored transposed": cdat(net.gradient_transposed, net.curvature_jvp_jvp),
                "adjoint sum, data also stored transposed": cdat(net.adjoints, net.curvature_adjoint_sum),
            }
        values = lambda r: dict(zip(("loss", "slope", "curvature", "rate"), map(float, r[:4])))
        return {k: call(jax.jit(f), (w, data), values) for k, f in found.items()}
    products = {"jvp of grad, linearised in the call": lambda: lambda v: net.product_complete(w, v, data)}
    if not written:
        products = {
            "by hand on kept residuals": net.product_by_hand,
            "jax.linearize of grad, residuals kept": net.product_linearize,
            "jax.vjp of grad, residuals kept": net.product_vjp,
        }
    if op == "hv":
        values = lambda r: {"vhv": float(dot(v, r)), "hv_norm2": float(dot(r, r))}
        return {k: call(make(), (v,), values) for k, make in products.items()}
    norm = float(jnp.sqrt(dot(v, v)))
    start = tree_map(lambda a: a / norm, v)
    values = lambda r: {"largest": float(r[-1]), "smallest": float(r[0])}
    return {k: call(lanczos(make, start), (), values) for k, make in products.items()}


def call(function, arguments, values):
    return (lambda: jax.block_until_ready(function(*arguments))), values


if __name__ == "__main__":
    protocol.serve("jax", jax.__version__, THREADS, candidates)
