"""More losses as people write them: entries of the same zoo."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from zoo import cross_entropy, dense, dense_params, entry, images, initial

lax = jax.lax


def normal(*shape, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=shape)


def layer_norm(x, scale, axis=-1):
    mean, var = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - mean) * lax.rsqrt(var + 1e-6) * scale


@entry
def mixer():
    """MLP-Mixer by hand."""
    params = {
        "patch": normal(27, 8, scale=0.2),
        "blocks": [{"norms": np.ones((2, 8)), "tokens": dense_params(4, 10, 4), "channels": dense_params(8, 12, 8)} for _ in range(2)],
        "head": normal(8, 10, scale=0.3),
    }

    def two(layers, x):
        (a, b), (c, d) = layers
        return jax.nn.gelu(x @ a + b) @ c + d

    def loss(p, batch):
        x, y = batch
        n = x.shape[0]
        x = x.reshape(n, 2, 3, 2, 3, 3).transpose(0, 1, 3, 2, 4, 5).reshape(n, 4, 27) @ p["patch"]
        for block in p["blocks"]:
            x = x + two(block["tokens"], layer_norm(x, block["norms"][0]).swapaxes(1, 2)).swapaxes(1, 2)
            x = x + two(block["channels"], layer_norm(x, block["norms"][1]))
        return cross_entropy(x.mean(1) @ p["head"], y).mean()

    return loss, params, images(4, 6, 3)


@entry
def convnext():
    class Block(nn.Module):
        @nn.compact
        def __call__(self, x):
            y = nn.Conv(8, (7, 7), feature_group_count=8)(x)
            y = nn.Dense(8)(nn.gelu(nn.Dense(24)(nn.LayerNorm()(y))))
            return x + self.param("scale", nn.initializers.ones, (8,)) * y

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.LayerNorm()(nn.Conv(8, (2, 2), (2, 2))(x))
            return nn.Dense(10)(nn.LayerNorm()(Block()(x).mean((1, 2))))

    model, batch = Model(), images(3, 12, 3)
    params = initial(model.init, jax.random.key(0), batch[0])
    return lambda p, b: optax.softmax_cross_entropy(model.apply(p, b[0]), optax.smooth_labels(jax.nn.one_hot(b[1], 10), 0.1)).mean(), params, batch


@entry
def unet():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            a = nn.relu(nn.Conv(6, (3, 3))(x))
            b = nn.relu(nn.Conv(8, (3, 3))(nn.max_pool(a, (2, 2), (2, 2))))
            c = nn.relu(nn.Conv(8, (3, 3))(nn.max_pool(b, (2, 2), (2, 2))))
            b = jnp.concatenate([b, nn.ConvTranspose(8, (2, 2), (2, 2))(c)], -1)
            b = nn.relu(nn.Conv(8, (3, 3))(b))
            a = jnp.concatenate([a, nn.ConvTranspose(6, (3, 3), (2, 2))(b)], -1)
            return nn.Conv(1, (1, 1))(a)[..., 0]

    def loss(p, batch):
        """Cross entropy and Dice."""
        x, y = batch
        logits = model.apply(p, x)
        share = jax.nn.sigmoid(logits)
        dice = 1 - (2 * (share * y).sum((1, 2)) + 1) / (share.sum((1, 2)) + y.sum((1, 2)) + 1)
        return optax.sigmoid_binary_cross_entropy(logits, y).mean() + dice.mean()

    model, (x, _) = Model(), images(2, 8, 2)
    return loss, initial(model.init, jax.random.key(0), x), (x, (x[..., 0] > 0).astype(float))


@entry
def convolution_over_space_and_time():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.Conv(4, (3, 3, 3), (1, 2, 2))(x))
            x = nn.max_pool(x, (2, 2, 2), (2, 2, 2))
            return nn.Dense(3)(nn.silu(nn.Conv(5, (2, 2, 2))(x)).mean((1, 2, 3)))

    model, x = Model(), normal(2, 4, 8, 8, 2)
    params = initial(model.init, jax.random.key(0), x)
    return lambda p, b: cross_entropy(model.apply(p, b[0]), b[1]).mean(), params, (x, np.array([0, 2]))


@entry
def gru_of_200_steps():
    def loss(p, batch):
        x, y = batch

        def step(h, x):
            gates = x @ p["input"] + h @ p["state"] + p["bias"]
            reset, update = jax.nn.sigmoid(gates[:, :6]), jax.nn.sigmoid(gates[:, 6:12])
            new = jnp.tanh(gates[:, 12:] + reset * (h @ p["candidate"]))
            return (1 - update) * new + update * h, None

        h, _ = lax.scan(step, jnp.zeros((x.shape[1], 6), x.dtype), x)
        return ((h @ p["out"] - y) ** 2).mean()

    params = {"input": normal(2, 18, scale=0.5), "state": normal(6, 18, scale=0.3), "candidate": normal(6, 6, scale=0.3), "bias": np.zeros(18), "out": normal(6, scale=0.4)}
    return loss, params, (normal(200, 3, 2), normal(3))


@entry
def diffusion():
    """The noise in an image, predicted."""

    def loss(p, batch):
        x, key = batch
        a, b = jax.random.split(key)
        t, noise = jax.random.uniform(a, (x.shape[0], 1)), jax.random.normal(b, x.shape)
        angle = t * jnp.pi / 2
        times = jnp.concatenate([jnp.sin(t * 2.0 ** jnp.arange(4)), jnp.cos(t * 2.0 ** jnp.arange(4))], 1)
        noisy = jnp.cos(angle) * x + jnp.sin(angle) * noise
        return ((dense(p, jnp.concatenate([noisy, times], 1)) - noise) ** 2).mean()

    return loss, dense_params(20, 16, 16, 12), (normal(6, 12), jax.random.key(3))


@entry
def pairs_of_two_kinds():
    """Images and texts, each to find the other, with a temperature that is learned."""

    def unit(x):
        return x / jnp.linalg.norm(x, axis=-1, keepdims=True)

    def loss(p, batch):
        images, texts = batch
        a = unit(dense(p["image"], images))
        b = unit(dense(p["text"], p["embedding"][texts].mean(1)))
        logits = jnp.exp(p["temperature"]) * a @ b.T
        own = jnp.arange(len(images))
        return (cross_entropy(logits, own).mean() + cross_entropy(logits.T, own).mean()) / 2

    params = {"image": dense_params(6, 10, 5), "text": dense_params(4, 8, 5), "embedding": normal(9, 4), "temperature": np.array(1.2)}
    return loss, params, (normal(6, 6), np.random.default_rng(0).integers(0, 9, (6, 3)))


@entry
def twin_critics():
    """The critics of soft actor-critic: the smaller of two targets of other parameters, which are data."""

    def both(params, x):
        return jnp.stack([dense(p, x)[:, 0] for p in params])

    def loss(params, batch):
        state, action, reward, later, done, key, targets = batch
        next_action = jnp.tanh(jax.random.normal(key, action.shape))
        target = both(targets, jnp.concatenate([later, next_action], -1)).min(0) - 0.2 * (-0.5 * next_action**2).sum(-1)
        target = lax.stop_gradient(reward + 0.99 * (1 - done) * target)
        return optax.huber_loss(both(params, jnp.concatenate([state, action], -1)), target[None]).mean()

    draws = np.random.default_rng(3)
    batch = (normal(7, 4), normal(7, 2), normal(7), normal(7, 4), draws.integers(0, 2, 7), jax.random.key(0), [dense_params(6, 8, 1)] * 2)
    return loss, [dense_params(6, 8, 1), dense_params(6, 9, 1)], batch


@entry
def real_nvp():
    """The logarithm of the density of a normalising flow."""

    def loss(params, x):
        total = 0.0
        for number, layer in enumerate(params):
            fixed, moved = jnp.split(x, 2, -1)
            scale, shift = jnp.split(dense(layer, fixed), 2, -1)
            scale = jnp.tanh(scale)
            moved = moved * jnp.exp(scale) + shift
            total = total + scale.sum(-1)
            x = jnp.concatenate([moved, fixed] if number % 2 == 0 else [fixed, moved], -1)
        return -(jax.scipy.stats.norm.logpdf(x).sum(-1) + total).mean()

    return loss, [dense_params(2, 8, 4) for _ in range(3)], normal(8, 4)


@entry
def fourier_features():
    def loss(p, batch):
        x, y = batch
        angles = 2 * jnp.pi * x @ p["frequencies"]
        return optax.l2_loss(dense(p["net"], jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], -1))[:, 0], y).mean()

    return loss, {"frequencies": normal(2, 6), "net": dense_params(12, 10, 1)}, (normal(9, 2), normal(9))


@entry
def mixture_density():
    def loss(p, batch):
        x, y = batch
        weight, mean, log_scale = jnp.split(dense(p, x), 3, -1)
        terms = jax.nn.log_softmax(weight) + jax.scipy.stats.norm.logpdf(y[:, None], mean, jnp.exp(log_scale))
        return -jax.scipy.special.logsumexp(terms, axis=-1).mean()

    return loss, dense_params(3, 10, 12), (normal(9, 3), normal(9))


@entry
def neural_ode():
    """Four stages of Runge and Kutta in each step of a scan."""

    def loss(p, batch):
        start, end = batch
        f = lambda x: dense(p, x)

        def step(x, _):
            h = 0.1
            a = f(x)
            b = f(x + h / 2 * a)
            c = f(x + h / 2 * b)
            d = f(x + h * c)
            return x + h / 6 * (a + 2 * b + 2 * c + d), None

        x, _ = lax.scan(step, start, None, length=10)
        return ((x - end) ** 2).sum(-1).mean()

    return loss, dense_params(2, 8, 2), (normal(5, 2), normal(5, 2, seed=1))


@entry
def batch_norm_in_nnx():
    class Model(nnx.Module):
        def __init__(self, rngs):
            self.conv = nnx.Conv(2, 6, (3, 3), rngs=rngs)
            self.norm = nnx.BatchNorm(6, rngs=rngs)
            self.drop = nnx.Dropout(0.2, rngs=rngs)
            self.head = nnx.Linear(6, 4, rngs=rngs)

        def __call__(self, x):
            x = nnx.relu(self.norm(self.conv(x)))
            return self.head(self.drop(nnx.avg_pool(x, (2, 2), (2, 2)).mean((1, 2))))

    model = Model(nnx.Rngs(0))
    graph, params, rest = nnx.split(model, nnx.Param, ...)

    def loss(params, batch):
        logits = nnx.merge(graph, params, rest, copy=True)(batch[0])
        return cross_entropy(logits, batch[1]).mean()

    return loss, params, images(4, 6, 2, 4)


@entry
def state_space():
    """The likelihood of a series by Kalman's filter, whose noises are learned."""

    def loss(p, y):
        def step(state, y):
            mean, var = state
            mean, var = p["decay"] * mean, p["decay"] ** 2 * var + jnp.exp(p["process"])
            total = var + jnp.exp(p["noise"])
            error = y - mean
            gain = var / total
            return (mean + gain * error, (1 - gain) * var), 0.5 * (jnp.log(2 * jnp.pi * total) + error**2 / total)

        return lax.scan(step, (jnp.zeros_like(y[0]), jnp.ones_like(y[0])), y)[1].mean()

    return loss, {"decay": np.array(0.8), "process": np.array(-0.5), "noise": np.array(-1.0)}, normal(30)


@entry
def counts():
    """Regression of counts, negative binomial, with a dispersion that is learned."""

    def loss(p, batch):
        x, y = batch
        mean, size = jnp.exp(x @ p["w"]), jnp.exp(p["size"])
        lgamma = jax.scipy.special.gammaln
        log_share = lgamma(y + size) - lgamma(size) - lgamma(y + 1) + size * jnp.log(size / (size + mean)) + jax.scipy.special.xlogy(y, mean / (size + mean))
        return -log_share.mean()

    return loss, {"w": normal(4, scale=0.3), "size": np.array(0.7)}, (normal(12, 4), np.random.default_rng(0).poisson(2.0, 12).astype(float))


@entry
def graph_attention():
    draws = np.random.default_rng(4)
    source, target = draws.integers(0, 8, (2, 20))

    def loss(p, batch):
        x, y = batch
        h = x @ p["w"]
        logits = nn.leaky_relu(h[source] @ p["from"] + h[target] @ p["to"], 0.2)
        top = jax.ops.segment_max(logits, target, 8)
        grown = jnp.exp(logits - lax.stop_gradient(jnp.where(jnp.isfinite(top), top, 0.0))[target])
        weights = grown / jax.ops.segment_sum(grown, target, 8)[target]
        return cross_entropy(jax.ops.segment_sum(weights[:, None] * h[source], target, 8), y).mean()

    params = {"w": normal(5, 3), "from": normal(3, seed=1), "to": normal(3, seed=2)}
    return loss, params, (normal(8, 5), draws.integers(0, 3, 8))
