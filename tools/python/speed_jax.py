#!/usr/bin/env python3
"""Gradient and u . H u of ten models: onedge against JAX, in single precision on one thread each.

    tools/python/.venv/bin/python tools/python/speed_jax.py [NAME ...] [--repeats 7] [--memory]

JAX's time is that of the faster of two compiled functions: the gradient with a jvp of a jvp, and a jvp of the gradient, times u. Both programs run in turn,
and medians of processor time are told, which other work on the machine disturbs least, with the time until each is ready (tracing and planning, or compiling).
`--memory` runs each program in a process of its own and tells its largest resident memory beyond that of the imports.
"""

import argparse
import os
import subprocess
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax.flatten_util import ravel_pytree  # noqa: E402
from models_jax import MODELS  # noqa: E402

import onedge.jax  # noqa: E402


def peak():
    """The largest resident memory so far, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def both(loss, params, batch):
    """JAX's two ways to the loss, the gradient and u . H u on flat arrays."""
    _, unravel = ravel_pytree(params)
    f = lambda w: loss(unravel(w), batch)  # noqa: E731

    def by_tangents(w, u):
        along = lambda w: jax.jvp(f, (w,), (u,))[1]  # noqa: E731
        return *jax.value_and_grad(f)(w), jax.jvp(along, (w,), (u,))[1]

    def by_gradient(w, u):
        (value, gradient), (_, product) = jax.jvp(jax.value_and_grad(f), (w,), (u,))
        return value, gradient, u @ product

    return jax.jit(by_tangents), jax.jit(by_gradient)


def ours(objective, w, u):
    value, gradient = objective.linearize(w)
    return value, gradient, objective.curvature(u)


def measure(name, repeats):
    loss, params, batch = MODELS[name]()
    w = np.asarray(ravel_pytree(params)[0], np.float32)
    u = np.random.default_rng(0).normal(size=w.shape).astype(np.float32)
    start = time.perf_counter()
    objective = onedge.jax.objective(loss, params, batch, threads=1)
    ready = time.perf_counter() - start
    found = ours(objective, w, u)
    ways, compiled = both(loss, params, batch), []
    w_there, u_there = jnp.asarray(w), jnp.asarray(u)
    for way in ways:
        start = time.perf_counter()
        expected = jax.block_until_ready(way(w_there, u_there))
        compiled.append(time.perf_counter() - start)
        gap = np.abs(found[1] - np.asarray(expected[1])).max() / np.abs(expected[1]).max()
        assert gap < 1e-3 and abs(found[2] - expected[2]) < 1e-2 * abs(expected[2]), (name, gap, found[2], expected[2])
    runs = [lambda: ours(objective, w, u)] + [lambda way=way: jax.block_until_ready(way(w_there, u_there)) for way in ways]
    times = [[] for _ in runs]
    for _ in range(repeats):
        for run, taken in zip(runs, times):
            start = time.process_time()
            run()
            taken.append(time.process_time() - start)
    own, *theirs = (float(np.median(taken)) for taken in times)
    best = int(np.argmin(theirs))
    print(f"{name:12} {len(w):>9} {1e3 * own:9.1f} {1e3 * theirs[0]:9.1f} {1e3 * theirs[1]:9.1f} {own / theirs[best]:6.2f} {ready:7.1f} {compiled[best]:7.1f}", flush=True)


def alone(name, program):
    """Runs one program and prints its peak."""
    loss, params, batch = MODELS[name]()
    w = np.asarray(ravel_pytree(params)[0], np.float32)
    u = np.ones_like(w)
    before = peak()
    if program == "onedge":
        objective = onedge.jax.objective(loss, params, batch, threads=1)
        for _ in range(3):
            ours(objective, w, u)
    else:
        way = both(loss, params, batch)[program == "gradient"]
        for _ in range(3):
            jax.block_until_ready(way(w, u))
    print(peak() - before)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--alone", choices=["onedge", "tangents", "gradient"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.names) - set(MODELS):
        parser.error(f"no model {', '.join(sorted(unknown))}")
    names = options.names or list(MODELS)
    if options.alone:
        return alone(names[0], options.alone)
    if options.memory:
        print(f"{'MB beyond':12} {'onedge':>9} {'tangents':>9} {'gradient':>9}")
        for name in names:
            told = [
                float(subprocess.run([sys.executable, __file__, name, "--alone", program], capture_output=True, text=True, check=True).stdout)
                for program in ("onedge", "tangents", "gradient")
            ]
            print(f"{name:12} {told[0]:9.0f} {told[1]:9.0f} {told[2]:9.0f}", flush=True)
        return None
    print(f"{'ms':12} {'parameters':>9} {'onedge':>8} {'tangents':>9} {'gradient':>9} {'ratio':>6} {'ready s':>7} {'compile':>7}")
    for name in names:
        measure(name, options.repeats)
    return None


if __name__ == "__main__":
    main()
