#!/usr/bin/env python3
"""What u . H u costs beside the gradient, in JAX alone: `onedge.jax.linearize` against a jvp of a jvp and a jvp of the gradient.

    tools/python/.venv/bin/python tools/python/speed_curvature.py [NAME ...] [--repeats 15] [--counts | --step]

Each column is the time of a compiled function that gives the loss, its gradient and u . H u, over that of loss and gradient alone: `onedge` is
`onedge.jax.linearize`, `jvp jvp` a jvp of a jvp, `jvp grad` a jvp of the gradient, times u. Single precision, one thread; all programs of a model run in turn, and
medians of processor time are compared, which other work on the machine disturbs least. `--counts` tells the arithmetic of the compiled programs as XLA counts it
instead, which nothing disturbs. `--step` compares steps of Optax instead, over that of plain Adam, as means of sixteen steps: the paper's rule of `onedge.optax.cdat`, with the curvature at
every step, by `value_fn` and handed over from `onedge.jax.linearize`; and the recommended rule, as it is, in the same two ways.
"""

import argparse
import os
import platform
import time

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from models_jax import MODELS  # noqa: E402

import onedge.jax  # noqa: E402
import onedge.optax  # noqa: E402


def processor():
    """The name of the processor, where the system tells it."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def dot(a, b):
    return sum(jnp.sum(x * y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b)))


def programs(loss):
    """Functions of parameters, direction and batch that give the loss, its gradient and u . H u, the first one without it."""

    def plain(p, u, b):
        return *jax.value_and_grad(loss)(p, b), 0.0

    def ours(p, u, b):
        value, gradient, curvature = onedge.jax.linearize(loss)(p, b)
        return value, gradient, curvature(u)

    def by_tangents(p, u, b):
        f = lambda p: loss(p, b)  # noqa: E731
        along = lambda p: jax.jvp(f, (p,), (u,))[1]  # noqa: E731
        return *jax.value_and_grad(f)(p), jax.jvp(along, (p,), (u,))[1]

    def by_gradient(p, u, b):
        (value, gradient), (_, product) = jax.jvp(jax.value_and_grad(lambda p: loss(p, b)), (p,), (u,))
        return value, gradient, dot(u, product)

    return {"gradient": plain, "onedge": ours, "jvp jvp": by_tangents, "jvp grad": by_gradient}


def interleaved(runs, repeats):
    """The median processor time of each run in seconds."""
    times = [[] for _ in runs]
    for _ in range(repeats):
        for run, taken in zip(runs, times):
            start = time.process_time()
            run()
            taken.append(time.process_time() - start)
    return [float(np.median(taken)) for taken in times]


def measure(name, options):
    loss, params, batch = MODELS[name]()
    draws = np.random.default_rng(0)
    u = jax.tree.map(lambda p: jnp.asarray(draws.normal(size=p.shape) * 0.02, jnp.float32), params)
    arguments = jax.device_put((params, u, batch))
    compiled = {what: jax.jit(program).lower(*arguments).compile() for what, program in programs(loss).items()}
    found = {what: jax.block_until_ready(program(*arguments)) for what, program in compiled.items()}
    for what in ("onedge", "jvp jvp"):
        gap = abs(found[what][2] - found["jvp grad"][2])
        assert gap <= 1e-3 * abs(found["jvp grad"][2]), (name, what, found[what][2], found["jvp grad"][2])
    if options.counts:
        costs = [(cost["flops"], cost["bytes accessed"]) for cost in (program.cost_analysis() for program in compiled.values())]
        base, *others = costs
        print(f"{name:10} {base[0] / 1e6:10.1f} " + " ".join(f"{flops / base[0]:9.2f}" for flops, _ in others) + " | " + " ".join(f"{moved / base[1]:9.2f}" for _, moved in others), flush=True)
        return
    runs = [lambda program=program: jax.block_until_ready(program(*arguments)) for program in compiled.values()]
    base, *others = interleaved(runs, options.repeats)
    print(f"{name:10} {1e3 * base:10.1f} " + " ".join(f"{other / base:9.2f}" for other in others), flush=True)


STRETCH = 16
PAPER = {"preset": "paper", "sigma": 0.5, "beta": 0.9, "cap": 1e-3}
STEPS = {"paper": (PAPER, False), "handed over": (PAPER, True), "default": ({}, False), "default, handed over": ({}, True)}


def measure_step(name, repeats):
    """Milliseconds of a plain step, and the others over it."""
    loss, params, batch = MODELS[name]()
    params, batch = jax.device_put((params, batch))

    def program(tx, over):
        tx = optax.with_extra_args_support(tx)

        @jax.jit
        def step(params, state):
            f = lambda params: loss(params, batch)  # noqa: E731
            if over:
                value, gradient, curvature = onedge.jax.linearize(f)(params)
                updates, state = tx.update(gradient, state, params, value_fn=f, value=value, curvature=curvature)
            else:
                value, gradient = jax.value_and_grad(f)(params)
                updates, state = tx.update(gradient, state, params, value_fn=f, value=value)
            return optax.apply_updates(params, updates), state, value

        held = [params, tx.init(params)]

        def run():
            for _ in range(STRETCH):
                *held[:], value = step(*held)
            jax.block_until_ready(value)

        return run, held

    programs = [program(optax.adam(1e-4), False)]
    programs += [program(onedge.optax.cdat(optax.scale_by_adam(), **settings), over) for settings, over in STEPS.values()]
    # The first steps measure more often.
    for run, _ in 2 * programs:
        run()
    before = [int(getattr(held[1], "measurements", 0)) for _, held in programs]
    base, *others = interleaved([run for run, _ in programs], repeats)
    more = [int(getattr(held[1], "measurements", 0)) - count for (_, held), count in zip(programs, before)][-1]
    print(f"{name:10} {1e3 * base / STRETCH:10.1f} " + " ".join(f"{other / base:21.2f}" for other in others) + f" {more / repeats:14.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--repeats", type=int, default=15)
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--counts", action="store_true", help="XLA's counts of arithmetic and of bytes instead of times")
    instead.add_argument("--step", action="store_true", help="steps of Optax")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MODELS):
        parser.error(f"no model {', '.join(sorted(unknown))}")
    print(f"{processor()}, one thread; JAX {jax.__version__}, {jax.default_backend()}; over the gradient alone")
    if options.step:
        print(f"{'':10} {'Adam, ms':>10} " + " ".join(f"{what:>21}" for what in STEPS) + f" {'measured of 16':>14}")
        for name in options.names or list(MODELS):
            measure_step(name, options.repeats)
        return
    base = "MFLOP" if options.counts else "ms"
    print(f"{'':10} {base:>10} " + " ".join(f"{what:>9}" for what in ("onedge", "jvp jvp", "jvp grad")) + (" | the same of bytes" if options.counts else ""))
    for name in options.names or list(MODELS):
        measure(name, options)


if __name__ == "__main__":
    main()
