"""Losses as people write them, in plain JAX and flax, each with its parameters and a batch."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

ZOO = {}
cross_entropy = optax.softmax_cross_entropy_with_integer_labels


def entry(function):
    ZOO[function.__name__] = function
    return function


def images(count, size, channels, classes=10):
    draws = np.random.default_rng(0)
    return draws.normal(size=(count, size, size, channels)), draws.integers(0, classes, count)


def tokens(count, length, vocabulary):
    return np.random.default_rng(1).integers(0, vocabulary, (count, length + 1))


def initial(make, *arguments):
    """Values for the parameters of a model by their shapes: `make` is traced alone, which is quicker than to run it."""
    draws = np.random.default_rng(11)

    def value(path, leaf):
        name = str(path[-1])
        if "scale" in name or "var" in name:
            return 1.0 + 0.1 * draws.uniform(size=leaf.shape)
        return draws.normal(size=leaf.shape) / np.sqrt(max(np.prod(leaf.shape[:-1]), 1.0))

    return jax.tree_util.tree_map_with_path(value, jax.eval_shape(make, *arguments))


def classifier(model, batch, **rest):
    params = initial(model.init, jax.random.key(0), batch[0])
    return lambda p, b: cross_entropy(model.apply(p, b[0], **rest), b[1]).mean(), params, batch


@entry
def mlp_of_many_activations():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = x.reshape((x.shape[0], -1))
            for activation in (nn.gelu, nn.tanh, nn.silu, nn.elu, nn.softplus, nn.leaky_relu, nn.relu):
                x = activation(nn.Dense(12)(x))
            return nn.Dense(10)(x)

    return classifier(Model(), images(8, 4, 1))


@entry
def convolutions_and_pools():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.max_pool(nn.relu(nn.Conv(6, (3, 3))(x)), (2, 2), (2, 2))
            x = nn.avg_pool(nn.relu(nn.Conv(8, (3, 3), feature_group_count=2)(x)), (3, 3), (2, 2), "SAME")
            return nn.Dense(10)(nn.relu(nn.Dense(16)(x.reshape((x.shape[0], -1)))))

    return classifier(Model(), images(6, 12, 1))


class ResNet(nn.Module):
    norm: object

    @nn.compact
    def __call__(self, x):
        x = nn.relu(self.norm()(nn.Conv(8, (3, 3), use_bias=False)(x)))
        for width, stride in ((8, 1), (12, 2)):
            y = nn.relu(self.norm()(nn.Conv(width, (3, 3), (stride, stride), use_bias=False)(x)))
            y = self.norm()(nn.Conv(width, (3, 3), use_bias=False)(y))
            if x.shape != y.shape:
                x = self.norm()(nn.Conv(width, (1, 1), (stride, stride), use_bias=False)(x))
            x = nn.relu(x + y)
        return nn.Dense(10)(x.mean((1, 2)))


@entry
def resnet_with_group_norm():
    return classifier(ResNet(functools.partial(nn.GroupNorm, num_groups=4)), images(4, 8, 3))


@entry
def resnet_with_batch_norm_in_training():
    model, batch = ResNet(functools.partial(nn.BatchNorm, use_running_average=False)), images(8, 8, 3)
    variables = initial(model.init, jax.random.key(0), batch[0])

    def loss(params, batch):
        given = {"params": params, "batch_stats": variables["batch_stats"]}
        logits, _ = model.apply(given, batch[0], mutable=["batch_stats"])
        return cross_entropy(logits, batch[1]).mean()

    return loss, variables["params"], batch


@entry
def resnet_with_batch_norm_in_evaluation():
    model, batch = ResNet(functools.partial(nn.BatchNorm, use_running_average=True)), images(4, 8, 3)
    variables = initial(model.init, jax.random.key(0), batch[0])

    def loss(params, batch):
        logits = model.apply({"params": params, "batch_stats": variables["batch_stats"]}, batch[0])
        return cross_entropy(logits, batch[1]).mean()

    return loss, variables["params"], batch


@entry
def gpt_with_tied_embeddings():
    class Block(nn.Module):
        @nn.compact
        def __call__(self, x, mask):
            x = x + nn.MultiHeadDotProductAttention(num_heads=2)(nn.LayerNorm()(x), mask=mask)
            return x + nn.Dense(16)(nn.gelu(nn.Dense(64)(nn.LayerNorm()(x))))

    class Model(nn.Module):
        @nn.compact
        def __call__(self, t):
            embedding = nn.Embed(17, 16)
            x, mask = embedding(t) + nn.Embed(8, 16)(jnp.arange(t.shape[1])), nn.make_causal_mask(t)
            for _ in range(2):
                x = Block()(x, mask)
            return embedding.attend(nn.LayerNorm()(x))

    model, text = Model(), tokens(4, 8, 17)
    params = initial(model.init, jax.random.key(0), text[:, :-1])
    return lambda p, b: cross_entropy(model.apply(p, b[:, :-1]), b[:, 1:]).mean(), params, text


@entry
def llama_in_nnx():
    width, heads = 16, 2

    def rotated(x):
        half = x.shape[-1] // 2
        angles = jnp.arange(x.shape[1])[:, None] * (1e4 ** (-jnp.arange(half) / half))
        cos, sin = jnp.cos(angles)[None, :, None], jnp.sin(angles)[None, :, None]
        a, b = jnp.split(x, 2, -1)
        return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1)

    class Block(nnx.Module):
        def __init__(self, rngs):
            self.norms = nnx.List([nnx.RMSNorm(width, rngs=rngs) for _ in range(2)])
            self.qkv = nnx.Linear(width, 3 * width, use_bias=False, rngs=rngs)
            self.out = nnx.Linear(width, width, use_bias=False, rngs=rngs)
            self.gate, self.up = (nnx.Linear(width, 24, rngs=rngs) for _ in range(2))
            self.down = nnx.Linear(24, width, rngs=rngs)

        def __call__(self, x):
            n, t, _ = x.shape
            q, k, v = jnp.split(self.qkv(self.norms[0](x)).reshape(n, t, 3 * heads, width // heads), 3, axis=2)
            x = x + self.out(jax.nn.dot_product_attention(rotated(q), rotated(k), v, is_causal=True).reshape(n, t, width))
            h = self.norms[1](x)
            return x + self.down(nnx.silu(self.gate(h)) * self.up(h))

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.embed, self.head = nnx.Embed(17, width, rngs=rngs), nnx.Linear(width, 17, rngs=rngs)
            self.blocks = nnx.List([Block(rngs) for _ in range(2)])

        def __call__(self, t):
            x = self.embed(t)
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    graph, params = nnx.split(Model(nnx.Rngs(0)))
    return lambda p, b: cross_entropy(nnx.merge(graph, p)(b[:, :-1]), b[:, 1:]).mean(), params, tokens(3, 8, 17)


@entry
def vision_transformer():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.Conv(16, (4, 4), (4, 4), padding="VALID")(x)
            x = x.reshape(x.shape[0], -1, 16)
            first = self.param("class", nn.initializers.normal(0.02), (1, 1, 16))
            x = jnp.concatenate([jnp.tile(first, (x.shape[0], 1, 1)), x], 1)
            x = x + self.param("position", nn.initializers.normal(0.02), (1, x.shape[1], 16))
            x = x + nn.SelfAttention(num_heads=2)(nn.LayerNorm()(x))
            x = x + nn.Dense(16)(nn.gelu(nn.Dense(32)(nn.LayerNorm()(x)), approximate=False))
            return nn.Dense(10)(nn.LayerNorm()(x)[:, 0])

    return classifier(Model(), images(3, 12, 3))


@entry
def lstm():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, t):
            x = nn.RNN(nn.OptimizedLSTMCell(12, param_dtype=jnp.float64))(nn.Embed(11, 8)(t))
            return nn.Dense(11)(x)

    model, text = Model(), tokens(4, 7, 11)
    params = initial(model.init, jax.random.key(0), text[:, :-1])
    return lambda p, b: cross_entropy(model.apply(p, b[:, :-1]), b[:, 1:]).mean(), params, text


@entry
def dropout_and_decay():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.Dropout(0.3, deterministic=False)(nn.relu(nn.Dense(20)(x.reshape(x.shape[0], -1))))
            return nn.Dense(10)(x)

    model, batch = Model(), images(8, 4, 1)
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    params = initial(model.init, keys, batch[0])

    def loss(params, batch):
        logits = model.apply(params, batch[0], rngs={"dropout": jax.random.key(2)})
        decay = sum(jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(params))
        return cross_entropy(logits, batch[1]).mean() + 1e-3 * decay

    return loss, params, batch


@entry
def logistic_regression():
    draws = np.random.default_rng(3)
    x, y = draws.normal(size=(30, 5)), draws.integers(0, 2, 30)
    params = {"w": 0.1 * draws.normal(size=5), "b": np.zeros(())}
    return lambda p, b: optax.sigmoid_binary_cross_entropy(b[0] @ p["w"] + p["b"], b[1]).mean(), params, (x, y)


def dense(params, x):
    for w, b in params[:-1]:
        x = jnp.tanh(x @ w + b)
    return x @ params[-1][0] + params[-1][1]


def dense_params(*widths):
    draws = np.random.default_rng(5)
    return [(draws.normal(size=(a, b)) / np.sqrt(a), 0.1 * draws.normal(size=b)) for a, b in zip(widths, widths[1:])]


@entry
def physics_informed():
    """The residual of u'' = -sin x, with derivatives of the network inside the loss."""

    def loss(params, x):
        u = lambda x: dense(params, x[None])[0]
        residual = jax.vmap(lambda x: jax.grad(jax.grad(u))(x) + jnp.sin(x))(x)
        return (residual**2).mean() + u(jnp.array(0.0)) ** 2

    return loss, dense_params(1, 10, 10, 1), np.linspace(0.0, 3.0, 9)


@entry
def autoencoder():
    def loss(params, x):
        mean, spread = jnp.split(dense(params["encoder"], x), 2, -1)
        noise = jax.random.normal(jax.random.key(7), mean.shape)
        logits = dense(params["decoder"], mean + jnp.exp(0.5 * spread) * noise)
        divergence = 0.5 * (jnp.exp(spread) + mean**2 - 1.0 - spread).sum(-1)
        return (optax.sigmoid_binary_cross_entropy(logits, x).sum(-1) + divergence).mean()

    x = (np.random.default_rng(2).normal(size=(6, 9)) > 0).astype(float)
    return loss, {"encoder": dense_params(9, 8, 6), "decoder": dense_params(3, 8, 9)}, x


@entry
def graph_network():
    draws = np.random.default_rng(4)
    edges = draws.integers(0, 12, (2, 30))
    x, y = draws.normal(size=(12, 5)), draws.integers(0, 3, 12)
    params = [{"self": 0.4 * draws.normal(size=(a, b)), "other": 0.4 * draws.normal(size=(a, b))} for a, b in ((5, 8), (8, 3))]

    def loss(params, batch):
        x, (source, target), y = batch
        for layer, weights in enumerate(params):
            messages = jax.ops.segment_sum((x @ weights["other"])[source], target, 12)
            x = x @ weights["self"] + messages
            x = jnp.tanh(x) if layer == 0 else x
        return cross_entropy(x, y).mean()

    return loss, params, (x, edges, y)


@entry
def contrastive():
    def loss(params, batch):
        a, b = (dense(params, x) for x in batch)
        a, b = (x / jnp.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
        return cross_entropy(a @ b.T / 0.2, jnp.arange(a.shape[0])).mean()

    draws = np.random.default_rng(6)
    return loss, dense_params(6, 10, 5), (draws.normal(size=(7, 6)), draws.normal(size=(7, 6)))


@entry
def operator_network():
    def loss(params, batch):
        functions, places, values = batch
        return ((dense(params["branch"], functions) @ dense(params["trunk"], places).T - values) ** 2).mean()

    draws = np.random.default_rng(8)
    params = {"branch": dense_params(6, 8, 5), "trunk": dense_params(2, 8, 5)}
    return loss, params, (draws.normal(size=(4, 6)), draws.normal(size=(7, 2)), draws.normal(size=(4, 7)))


@entry
def transposed_convolution():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.tanh(nn.Conv(6, (3, 3), (2, 2))(x))
            x = nn.tanh(nn.ConvTranspose(4, (3, 3), (2, 2))(x))
            return nn.Conv(1, (3, 3), kernel_dilation=2)(x)

    model, (x, _) = Model(), images(3, 8, 1)
    return lambda p, x: ((model.apply(p, x) - x) ** 2).mean(), initial(model.init, jax.random.key(0), x), x


@entry
def convolution_over_time():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.Conv(6, (3,), padding="CAUSAL")(x))
            x = nn.max_pool(x, (2,), (2,))
            return nn.Dense(3)(nn.Conv(5, (3,), kernel_dilation=2)(x).mean(1))

    draws = np.random.default_rng(9)
    return classifier(Model(), (draws.normal(size=(5, 12, 2)), draws.integers(0, 3, 5)))
