#!/usr/bin/env python3
"""What measuring the curvature less often does to the loss: `onedge.optax.cdat` around Adam on three small models with mini-batches, over several seeds.

    tools/python/.venv/bin/python tools/python/losses_optax.py [NAME ...] [--steps 300] [--seeds 3] [--every 1 16] [--known]

Each line is a seed. For each `every`: the loss on 16 other batches, as a mean over the parameters of the last five steps; that over the one with the first `every`; the mean loss of the last thirty
steps, likewise; the number of measurements, and the largest loss after step 10. Every step draws a new batch. `again` is the first `every` from parameters that are a hundredth larger: what
of the ratios is chance.
"""

import argparse
import os

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402

import onedge.optax  # noqa: E402

cross_entropy = optax.softmax_cross_entropy_with_integer_labels


def dense(draws, inputs, outputs):
    return draws.normal(size=(inputs, outputs)) / inputs**0.5, np.zeros(outputs)


def mlp(draws):
    params, centres = [dense(draws, *shape) for shape in ((256, 256), (256, 256), (256, 10))], jnp.asarray(draws.normal(size=(10, 256)), jnp.float32)

    def batch(key):
        y = jax.random.randint(key, (128,), 0, 10)
        return 0.3 * centres[y] + jax.random.normal(jax.random.fold_in(key, 1), (128, 256)), y

    def loss(params, batch):
        x, y = batch
        for w, b in params[:-1]:
            x = jax.nn.gelu(x @ w + b)
        return cross_entropy(x @ params[-1][0] + params[-1][1], y).mean()

    return params, loss, batch


def convolution(x, w, stride=1):
    return jax.lax.conv_general_dilated(x, w, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def convnet(draws):
    kernel = lambda inputs, outputs: draws.normal(size=(3, 3, inputs, outputs)) * (2 / (9 * inputs)) ** 0.5  # noqa: E731
    norm = lambda width: (np.ones(width), np.zeros(width))  # noqa: E731
    block = lambda width: (kernel(width, width), norm(width), kernel(width, width), norm(width))  # noqa: E731
    params = kernel(3, 16), norm(16), block(16), kernel(16, 32), block(32), dense(draws, 32, 10)
    templates = jnp.asarray(draws.normal(size=(10, 16, 16, 3)), jnp.float32)

    def batch(key):
        y = jax.random.randint(key, (32,), 0, 10)
        return 0.4 * templates[y] + jax.random.normal(jax.random.fold_in(key, 1), (32, 16, 16, 3)), y

    def normed(x, scale):
        x = x - x.mean((0, 1, 2))
        return x * jax.lax.rsqrt((x**2).mean((0, 1, 2)) + 1e-5) * scale[0] + scale[1]

    def through(x, block):
        y = jax.nn.relu(normed(convolution(x, block[0]), block[1]))
        return jax.nn.relu(x + normed(convolution(y, block[2]), block[3]))

    def loss(params, batch):
        first, scale, one, second, two, (w, b) = params
        x = through(jax.nn.relu(normed(convolution(batch[0], first), scale)), one)
        x = through(convolution(x, second, 2), two)
        return cross_entropy(x.mean((1, 2)) @ w + b, batch[1]).mean()

    return params, loss, batch


def gpt(draws):
    words, width, length, heads = 64, 64, 32, 4
    norm = lambda: (np.ones(width), np.zeros(width))  # noqa: E731
    shapes = ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
    blocks = [(norm(), norm(), *(dense(draws, *shape) for shape in shapes)) for _ in range(2)]
    params = draws.normal(size=(words, width)), draws.normal(size=(length, width)), blocks, dense(draws, width, words)
    chain = jnp.asarray(2 * draws.normal(size=(words, words)))

    def batch(key):
        first, key = jax.random.randint(key, (16,), 0, words), jax.random.fold_in(key, 1)
        follow = lambda word, key: (jax.random.categorical(key, chain[word]), word)  # noqa: E731
        return jax.lax.scan(follow, first, jax.random.split(key, length + 1))[1].T

    def normed(x, scale):
        x = x - x.mean(-1, keepdims=True)
        return x * jax.lax.rsqrt((x**2).mean(-1, keepdims=True) + 1e-5) * scale[0] + scale[1]

    def attended(x, norm, qkv, out):
        q, k, v = jnp.moveaxis((normed(x, norm) @ qkv[0] + qkv[1]).reshape(*x.shape[:2], 3, heads, -1), 2, 0)
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / (width // heads) ** 0.5
        scores = jnp.where(jnp.tril(jnp.ones((length, length), bool)), scores, -jnp.inf)
        return x + jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v).reshape(x.shape) @ out[0] + out[1]

    def loss(params, text):
        words, places, blocks, head = params
        x = words[text[:, :-1]] + places
        for first, second, qkv, out, up, down in blocks:
            x = attended(x, first, qkv, out)
            x = x + jax.nn.gelu(normed(x, second) @ up[0] + up[1]) @ down[0] + down[1]
        return cross_entropy(x @ head[0] + head[1], text[:, 1:]).mean()

    return params, loss, batch


MODELS = {function.__name__: function for function in (mlp, convnet, gpt)}


def trained(name, seed, steps, tx, off=0.0):
    """The losses of all steps, that at the end on other batches, and the state of the rule after the last step."""
    params, loss, batch = MODELS[name](np.random.default_rng(seed))
    params = jax.tree.map(lambda p: jnp.asarray(p * (1 + off), jnp.float32), params)

    # No scan: in a loop XLA's convolutions on the CPU are slow.
    @jax.jit
    def step(params, state, key):
        drawn = batch(key)
        f = lambda params: loss(params, drawn)  # noqa: E731
        value, gradient = jax.value_and_grad(f)(params)
        updates, state = tx.update(gradient, state, params, value_fn=f, value=value)
        return optax.apply_updates(params, updates), state, value

    other = jax.jit(lambda params, key: loss(params, batch(key)))
    state, losses, ends = tx.init(params), [], []
    for number, key in enumerate(jax.random.split(jax.random.key(seed), steps)):
        params, state, value = step(params, state, key)
        losses.append(value)
        if number >= steps - 5:
            ends += [other(params, key) for key in jax.random.split(jax.random.key(1000 + seed), 16)]
    return np.array(losses), float(np.mean(ends)), state


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--every", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--known", action="store_true", help="tell the rule the number of steps, so that its rate comes down at the end")
    options = parser.parse_args()
    if unknown := set(options.names) - set(MODELS):
        parser.error(f"no model {', '.join(sorted(unknown))}; expected {', '.join(MODELS)}")
    for name in options.names or MODELS:
        for seed in range(options.seeds):
            base, cells = None, []
            for title, every, off in [*((f"every {every}", every, 0.0) for every in options.every), ("again", options.every[0], 1e-2)]:
                tx = onedge.optax.cdat(optax.scale_by_adam(), every=every, steps=options.steps if options.known else None)
                losses, end, state = trained(name, seed, options.steps, tx, off)
                ends = np.array([end, losses[-30:].mean()])
                base = ends if base is None else base
                five, thirty = ends / base
                cells.append(f"{title}: {end:.4f} {five:5.3f} {thirty:5.3f} {int(state.measurements):4d} {losses[10:].max():6.3f}")
            print(f"{name:8} {seed}  {'   '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
