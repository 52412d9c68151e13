"""The models in flax, and their steps."""

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import onedge.jax
import onedge.optax


def device():
    return jax.devices()[0].device_kind


def versions():
    return {"jax": jax.__version__, "flax": flax.__version__, "optax": optax.__version__}


class Bottleneck(nn.Module):
    width: int
    stride: int
    dtype: object

    @nn.compact
    def __call__(self, x):
        norm = lambda: nn.BatchNorm(use_running_average=False, dtype=self.dtype)  # noqa: E731
        convolution = lambda width, size, stride=1: nn.Conv(width, (size, size), (stride, stride), use_bias=False, dtype=self.dtype)  # noqa: E731
        y = nn.relu(norm()(convolution(self.width, 1)(x)))
        y = nn.relu(norm()(convolution(self.width, 3, self.stride)(y)))
        y = norm()(convolution(4 * self.width, 1)(y))
        if x.shape != y.shape:
            x = norm()(convolution(4 * self.width, 1, self.stride)(x))
        return nn.relu(x + y)


class ResNet(nn.Module):
    blocks: tuple
    width: int
    classes: int
    dtype: object

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(self.width, (7, 7), (2, 2), use_bias=False, dtype=self.dtype)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=False, dtype=self.dtype)(x))
        x = nn.max_pool(x, (3, 3), (2, 2), "SAME")
        for stage, count in enumerate(self.blocks):
            for place in range(count):
                x = Bottleneck(self.width * 2**stage, 2 if stage and not place else 1, self.dtype)(x)
        return nn.Dense(self.classes, dtype=self.dtype)(x.mean((1, 2)))


class Block(nn.Module):
    heads: int
    dtype: object

    @nn.compact
    def __call__(self, x):
        batch, length, width = x.shape
        y = nn.LayerNorm(dtype=self.dtype)(x)
        q, k, v = jnp.split(nn.Dense(3 * width, dtype=self.dtype)(y).reshape(batch, length, 3 * self.heads, -1), 3, 2)
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / (width // self.heads) ** 0.5
        scores = jnp.where(jnp.tril(jnp.ones((length, length), bool)), scores, jnp.finfo(scores.dtype).min)
        y = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v).reshape(x.shape)
        x = x + nn.Dense(width, dtype=self.dtype)(y)
        y = nn.gelu(nn.Dense(4 * width, dtype=self.dtype)(nn.LayerNorm(dtype=self.dtype)(x)))
        return x + nn.Dense(width, dtype=self.dtype)(y)


class Gpt(nn.Module):
    layers: int
    width: int
    heads: int
    words: int
    dtype: object

    @nn.compact
    def __call__(self, text):
        embedding = nn.Embed(self.words, self.width, dtype=self.dtype)
        x = embedding(text) + nn.Embed(text.shape[1], self.width, dtype=self.dtype)(jnp.arange(text.shape[1]))
        for _ in range(self.layers):
            x = Block(self.heads, self.dtype)(x)
        return embedding.attend(nn.LayerNorm(dtype=self.dtype)(x))


def problem(model, precision, small):
    dtype = jnp.bfloat16 if precision == "bf16" else jnp.float32
    draws = np.random.default_rng(0)
    if model == "resnet50":
        network = ResNet((1, 1), 8, 10, dtype) if small else ResNet((3, 4, 6, 3), 64, 1000, dtype)
        images, size = (8, 32) if small else (64, 224)
        batch = (jnp.asarray(draws.normal(size=(images, size, size, 3)), dtype), jnp.asarray(draws.integers(0, network.classes, images)))
        variables = jax.jit(network.init)(jax.random.key(0), batch[0][:2])
        statistics, params = variables["batch_stats"], variables["params"]
        outputs = lambda p, b: network.apply({"params": p, "batch_stats": statistics}, b[0], mutable=["batch_stats"])[0]  # noqa: E731
        targets = lambda b: b[1]  # noqa: E731
    else:
        network = Gpt(2, 32, 2, 256, dtype) if small else Gpt(12, 768, 12, 50304, dtype)
        texts, length = (2, 32) if small else (4, 1024)
        batch = jnp.asarray(draws.integers(0, network.words, (texts, length + 1)))
        params = jax.jit(network.init)(jax.random.key(0), batch[:1, :-1])
        outputs = lambda p, b: network.apply(p, b[:, :-1])  # noqa: E731
        targets = lambda b: b[:, 1:]  # noqa: E731

    def loss(params, batch):
        logits = outputs(params, batch).astype(jnp.float32)
        return optax.softmax_cross_entropy_with_integer_labels(logits, targets(batch)).mean()

    return loss, params, batch


def programs(model, precision, small):
    """By name: a function that takes so many steps and gives the loss; how many parameters there are; and a function that measures the sharpness."""
    loss, params, batch = problem(model, precision, small)
    rules = {
        "plain": optax.adam(1e-4),
        "cdat": onedge.optax.cdat(optax.scale_by_adam(), 1.0, 0.9, preset="paper"),
        "cdat every 8": onedge.optax.cdat(optax.scale_by_adam(), 1.0, 0.9, preset="paper", every=8),
    }

    def program(tx):
        tx = optax.with_extra_args_support(tx)

        @jax.jit
        def step(params, state, batch):
            f = lambda params: loss(params, batch)  # noqa: E731
            value, gradient = jax.value_and_grad(f)(params)
            updates, state = tx.update(gradient, state, params, value_fn=f)
            return optax.apply_updates(params, updates), state, value

        held = [params, tx.init(params)]

        def run(steps):
            for _ in range(steps):
                *held[:], value = step(*held, batch)
            return float(jax.block_until_ready(value))

        return run

    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    return {name: program(tx) for name, tx in rules.items()}, count, lambda **options: onedge.jax.sharpness(loss, params, batch, **options)
