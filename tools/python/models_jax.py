"""Ten models at sizes that people train on one machine, in plain JAX and flax, for `speed_jax.py`."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

MODELS = {}
cross_entropy = optax.softmax_cross_entropy_with_integer_labels


def entry(function):
    MODELS[function.__name__] = function
    return function


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def labels(classes, *shape):
    return np.random.default_rng(1).integers(0, classes, shape)


def classifier(model, x, classes=10):
    params = model.init(jax.random.key(0), x[:1])
    return lambda p, b: cross_entropy(model.apply(p, b[0]), b[1]).mean(), params, (x, labels(classes, len(x)))


@entry
def mlp():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            for _ in range(3):
                x = nn.relu(nn.Dense(512)(x))
            return nn.Dense(10)(x)

    return classifier(Model(), normal(256, 784))


@entry
def cnn():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            for width in (32, 64):
                x = nn.max_pool(nn.relu(nn.Conv(width, (3, 3))(x)), (2, 2), (2, 2))
            return nn.Dense(10)(nn.relu(nn.Dense(128)(x.reshape(len(x), -1))))

    return classifier(Model(), normal(64, 28, 28, 1))


@entry
def resnet():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            norm = lambda: nn.BatchNorm(use_running_average=False, momentum=0.9)  # noqa: E731
            x = nn.relu(norm()(nn.Conv(16, (3, 3), use_bias=False)(x)))
            for width, stride in ((16, 1), (32, 2), (64, 2)):
                y = nn.relu(norm()(nn.Conv(width, (3, 3), (stride, stride), use_bias=False)(x)))
                y = norm()(nn.Conv(width, (3, 3), use_bias=False)(y))
                x = x if x.shape == y.shape else nn.Conv(width, (1, 1), (stride, stride), use_bias=False)(x)
                x = nn.relu(x + y)
            return nn.Dense(10)(x.mean((1, 2)))

    model, x = Model(), normal(32, 32, 32, 3)
    variables = model.init(jax.random.key(0), x[:2])

    def loss(params, batch):
        logits, _ = model.apply({"params": params, "batch_stats": variables["batch_stats"]}, batch[0], mutable=["batch_stats"])
        return cross_entropy(logits, batch[1]).mean()

    return loss, variables["params"], (x, labels(10, 32))


class Block(nn.Module):
    heads: int

    @nn.compact
    def __call__(self, x, mask=None):
        width = x.shape[-1]
        x = x + nn.MultiHeadDotProductAttention(num_heads=self.heads)(nn.LayerNorm()(x), mask=mask)
        return x + nn.Dense(width)(nn.gelu(nn.Dense(4 * width)(nn.LayerNorm()(x))))


@entry
def gpt():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, t):
            embedding = nn.Embed(256, 128)
            x, mask = embedding(t) + nn.Embed(64, 128)(jnp.arange(t.shape[1])), nn.make_causal_mask(t)
            for _ in range(4):
                x = Block(4)(x, mask)
            return embedding.attend(nn.LayerNorm()(x))

    model, text = Model(), labels(256, 16, 65)
    params = model.init(jax.random.key(0), text[:1, :-1])
    return lambda p, b: cross_entropy(model.apply(p, b[:, :-1]), b[:, 1:]).mean(), params, text


@entry
def vit():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.Conv(96, (4, 4), (4, 4), padding="VALID")(x).reshape(len(x), -1, 96)
            x = x + self.param("position", nn.initializers.normal(0.02), (1, 64, 96))
            for _ in range(4):
                x = Block(3)(x)
            return nn.Dense(10)(nn.LayerNorm()(x).mean(1))

    return classifier(Model(), normal(16, 32, 32, 3))


@entry
def mixer():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.Conv(128, (4, 4), (4, 4), padding="VALID")(x).reshape(len(x), -1, 128)
            for _ in range(4):
                y = nn.LayerNorm()(x).swapaxes(1, 2)
                x = x + nn.Dense(64)(nn.gelu(nn.Dense(64)(y))).swapaxes(1, 2)
                x = x + nn.Dense(128)(nn.gelu(nn.Dense(512)(nn.LayerNorm()(x))))
            return nn.Dense(10)(nn.LayerNorm()(x).mean(1))

    return classifier(Model(), normal(16, 32, 32, 3))


@entry
def lstm():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, t):
            return nn.Dense(64)(nn.RNN(nn.OptimizedLSTMCell(128))(nn.Embed(64, 64)(t)))

    model, text = Model(), labels(64, 32, 65)
    params = model.init(jax.random.key(0), text[:1, :-1])
    return lambda p, b: cross_entropy(model.apply(p, b[:, :-1]), b[:, 1:]).mean(), params, text


@entry
def unet():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            kept = []
            for width in (16, 32):
                x = nn.relu(nn.Conv(width, (3, 3))(x))
                kept.append(x)
                x = nn.max_pool(x, (2, 2), (2, 2))
            x = nn.relu(nn.Conv(64, (3, 3))(x))
            for width in (32, 16):
                x = jnp.concatenate([kept.pop(), nn.ConvTranspose(width, (2, 2), (2, 2))(x)], -1)
                x = nn.relu(nn.Conv(width, (3, 3))(x))
            return nn.Conv(1, (1, 1))(x)[..., 0]

    model, x = Model(), normal(8, 64, 64, 3)
    params = model.init(jax.random.key(0), x[:1])
    return lambda p, b: optax.sigmoid_binary_cross_entropy(model.apply(p, b[0]), b[1]).mean(), params, (x, (x[..., 0] > 0).astype(np.float32))


@entry
def vae():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x, noise):
            mean, spread = jnp.split(nn.Dense(40)(nn.relu(nn.Dense(400)(x))), 2, -1)
            logits = nn.Dense(784)(nn.relu(nn.Dense(400)(mean + jnp.exp(0.5 * spread) * noise)))
            divergence = 0.5 * (jnp.exp(spread) + mean**2 - 1 - spread).sum(-1)
            return (optax.sigmoid_binary_cross_entropy(logits, x).sum(-1) + divergence).mean()

    model, x = Model(), (normal(128, 784) > 0).astype(np.float32)
    params = model.init(jax.random.key(0), x[:1], normal(1, 20))
    return lambda p, b: model.apply(p, *b), params, (x, normal(128, 20))


@entry
def pinn():
    """The residual of u_t = u_xx, with derivatives of the network inside the loss."""
    draws = np.random.default_rng(0)
    widths = (2, 64, 64, 64, 1)
    params = [((draws.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32), np.zeros(b, np.float32)) for a, b in zip(widths, widths[1:])]

    def u(p, x, t):
        y = jnp.stack([x, t])
        for w, b in p[:-1]:
            y = jnp.tanh(y @ w + b)
        return (y @ p[-1][0] + p[-1][1])[0]

    def loss(p, points):
        def residual(x, t):
            return jax.grad(u, 2)(p, x, t) - jax.grad(jax.grad(u, 1), 1)(p, x, t)

        return (jax.vmap(residual)(points[:, 0], points[:, 1]) ** 2).mean()

    return loss, params, draws.uniform(size=(512, 2)).astype(np.float32)
