"""The networks of layers in JAX, each written once; what runs a layer decides what is computed of it.

`Plain` calls it, as any user's code does. `Perturbed` and `Tangents` make the adjoint sum: u.Hu is the sum, over all
layers that are not linear, of <adjoint of the layer's output, its second derivative along the tangents of its inputs>.
"""

import jax
import jax.numpy as jnp
from jax import lax

import problem

EPSILON = 1e-6
HIDDEN = -1e30
gelu = lambda x: jax.nn.gelu(x, approximate=False)
ACTIVATIONS = {"relu": jax.nn.relu, "gelu": gelu, "tanh": jnp.tanh}


def dot(a, b):
    """Row by row: jnp.vdot of a million float32 on the CPU adds in one chain and loses three digits."""
    return sum(jnp.sum(jnp.sum(jnp.atleast_1d(p * q), axis=-1)) for p, q in zip(jax.tree.leaves(a), jax.tree.leaves(b)))


class Plain:
    """Values alone."""

    def __call__(self, f, *inputs, bilinear=False):
        return f(*inputs)

    linear = __call__


class Perturbed:
    """Adds `zeros[i]` to the i-th layer's output: the loss's gradient with respect to it is that output's adjoint."""

    def __init__(self, zeros):
        self.zeros = iter(zeros)

    def __call__(self, f, *inputs, bilinear=False):
        return f(*inputs) + next(self.zeros)

    def linear(self, f, *inputs):
        return f(*inputs)


class Shapes(Plain):
    """Notes what `Perturbed` needs."""

    def __init__(self):
        self.found = []

    def __call__(self, f, *inputs, bilinear=False):
        y = f(*inputs)
        self.found.append((y.shape, y.dtype))
        return y

    def linear(self, f, *inputs):
        return f(*inputs)


class Tangents:
    """Values with tangents; `total` gathers the adjoint sum. A tangent of None is none."""

    def __init__(self, adjoints):
        self.adjoints, self.total = iter(adjoints), 0.0

    def __call__(self, f, *inputs, bilinear=False):
        values, adjoint = [v for v, _ in inputs], next(self.adjoints)
        moving = [i for i, (_, t) in enumerate(inputs) if t is not None]
        along = tuple(inputs[i][1] for i in moving)

        def of_moving(*moved):
            full = list(values)
            for i, value in zip(moving, moved):
                full[i] = value
            return f(*full)

        first = lambda *at: jax.jvp(of_moving, at, along)
        at = tuple(values[i] for i in moving)
        if bilinear and 0 not in moving:  # linear in the others together
            return first(*at)
        (y, k), (_, second) = jax.jvp(first, at, along)
        self.total += dot(adjoint, second)
        return y, k

    def linear(self, f, *inputs):
        values, tangents = zip(*inputs)
        return f(*values), None if all(t is None for t in tangents) else f(*tangents)


def dense(x, w, b):
    return x @ w + b


def conv_lax(x, w, stride=1):
    pad = [(k // 2 if k % 2 else 0,) * 2 for k in w.shape[:2]]
    return lax.conv_general_dilated(x, w, (stride, stride), pad, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def patches(x, kernel, stride):
    """[n, h, w, c] as [n, h', w', kernel * kernel * c]."""
    n, h, w, c = x.shape
    if kernel == stride:
        x = x.reshape(n, h // kernel, kernel, w // kernel, kernel, c)
        return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, h // kernel, w // kernel, kernel * kernel * c)
    pad = kernel // 2
    x = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    rows = [x[:, i : i + h : stride, j : j + w : stride] for i in range(kernel) for j in range(kernel)]
    return jnp.concatenate(rows, axis=3) if kernel > 1 else rows[0]


def conv_products(x, w, stride=1):
    """The same as one product of patches and weights."""
    rows = patches(x, w.shape[0], stride)
    y = rows.reshape(-1, rows.shape[-1]) @ w.reshape(-1, w.shape[-1])
    return y.reshape(*rows.shape[:-1], -1)


def layer_norm(x, scale, bias):
    x = x - jnp.mean(x, axis=-1, keepdims=True)
    return x * lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + EPSILON) * scale + bias


def layer_norm_products(x, scale, bias):
    """The same with means as products: XLA adds along the last axis in one chain, and this takes half the time."""
    mean = lambda x: x @ jnp.full((x.shape[-1], 1), 1 / x.shape[-1], x.dtype)
    x = x - mean(x)
    return x * lax.rsqrt(mean(x * x) + EPSILON) * scale + bias


def group_norm(x, scale, bias):
    n, h, w, c = x.shape
    x = x.reshape(n, h * w, problem.GROUPS, c // problem.GROUPS)
    x = x - jnp.mean(x, axis=(1, 3), keepdims=True)
    x = x * lax.rsqrt(jnp.mean(x * x, axis=(1, 3), keepdims=True) + EPSILON)
    return x.reshape(n, h, w, c) * scale + bias


def cross_entropy(z, labels):
    picked = jnp.take_along_axis(z, labels[..., None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(z, axis=-1) - picked)


def cross_entropy_products(z, labels):
    """The same without gather and scatter."""
    one_hot = jax.nn.one_hot(labels, z.shape[-1], dtype=z.dtype)
    return jnp.mean(jax.nn.logsumexp(z, axis=-1) - jnp.sum(z * one_hot, axis=-1))


class Model:
    """A network with its weights and data. `products`: convolutions, look-ups and means as matrix products."""

    def __init__(self, network, products=False):
        self.network, self.activation = network, ACTIVATIONS[network.activation]
        if products:
            self.conv, self.layer_norm, self.cross_entropy = conv_products, layer_norm_products, cross_entropy_products
        else:
            self.conv, self.layer_norm, self.cross_entropy = conv_lax, layer_norm, cross_entropy
        self.products, self.forward = products, getattr(self, network.name)
        x, y = problem.tokens(network) if network.name == "nanolm" else (
            problem.images(network).transpose(0, 2, 3, 1).copy(), problem.labels(network))
        self.data = (jnp.array(x), jnp.array(y))
        self.weights = jax.tree.map(jnp.array, problem.weights(network))
        self.vector = jax.tree.map(jnp.array, problem.vector(network))

    # What users write.

    def loss(self, w, data, run=Plain()):
        return self.forward(run, w, data)

    def gradient(self, w, data):
        return jax.value_and_grad(self.loss)(w, data)

    def curvature_of_gradient(self, w, u, data):
        return dot(u, jax.jvp(lambda w: jax.grad(self.loss)(w, data), (w,), (u,))[1])

    # What may be faster.

    def curvature_jvp_jvp(self, w, u, data):
        slope = lambda w: jax.jvp(lambda w: self.loss(w, data), (w,), (u,))[1]
        return jax.jvp(slope, (w,), (u,))[1]

    def adjoints(self, w, data):
        """Loss, gradient, adjoints of the layers' outputs."""
        shapes = Shapes()
        jax.eval_shape(lambda w: self.loss(w, data, shapes), w)
        zeros = [jnp.zeros(*shape) for shape in shapes.found]
        perturbed = lambda w, zeros: self.loss(w, data, Perturbed(zeros))
        loss, (gradient, adjoints) = jax.value_and_grad(perturbed, argnums=(0, 1))(w, zeros)
        return loss, gradient, adjoints

    def curvature_adjoint_sum(self, w, u, data, adjoints):
        run = Tangents(adjoints)
        self.loss({name: (w[name], u[name]) for name in w}, tuple((d, None) for d in data), run)
        return run.total

    # The networks.

    def dense(self, run, w, name, x):
        return run(dense, x, w[f"{name}.weight"], w[f"{name}.bias"], bilinear=True)

    def norm(self, run, w, name, x, norm=None):
        return run(norm or self.layer_norm, x, w[f"{name}.scale"], w[f"{name}.bias"])

    def feed_forward(self, run, w, name, x):
        return self.dense(run, w, f"{name}.outer", run(self.activation, self.dense(run, w, f"{name}.inner", x)))

    def convolve(self, run, w, name, x, stride=1):
        with_bias = lambda x, w, b: self.conv(x, w, stride) + b
        return run(with_bias, x, w[f"{name}.weight"], w[f"{name}.bias"], bilinear=True)

    def convnet(self, run, w, data):
        x, labels = data
        for i in range(3):
            x = run(self.activation, self.convolve(run, w, f"convs.{i}", x, 1 if i == 0 else 2))
        x = run.linear(lambda x: x.reshape(x.shape[0], -1), x)
        return run(self.cross_entropy, self.dense(run, w, "head", x), labels)

    def resnet20(self, run, w, data):
        x, labels = data

        def unit(name, x, stride=1):
            y = run(lambda x, w: self.conv(x, w, stride), x, w[f"{name}.conv.weight"], bilinear=True)
            return self.norm(run, w, f"{name}.norm", y, group_norm)

        x = run(self.activation, unit("stem", x))
        for stage in range(3):
            for block in range(3):
                name, stride = f"stages.{stage}.{block}", 2 if stage and not block else 1
                y = unit(f"{name}.1", run(self.activation, unit(f"{name}.0", x, stride)))
                straight = unit(f"{name}.shortcut", x, stride) if stride == 2 else x
                x = run(self.activation, run.linear(jnp.add, y, straight))
        x = run.linear(lambda x: jnp.mean(x, axis=(1, 2)), x)
        return run(self.cross_entropy, self.dense(run, w, "head", x), labels)

    def embed(self, run, w, x):
        x = self.convolve(run, w, "embed", x, problem.PATCH)
        return run.linear(lambda x: x.reshape(x.shape[0], -1, x.shape[3]), x)

    def mixer(self, run, w, data):
        images, labels = data
        x, turn = self.embed(run, w, images), lambda x: jnp.swapaxes(x, 1, 2)
        for block in (f"blocks.{i}" for i in range(4)):
            y = run.linear(turn, self.norm(run, w, f"{block}.token_norm", x))
            y = run.linear(turn, self.feed_forward(run, w, f"{block}.tokens", y))
            x = run.linear(jnp.add, x, y)
            y = self.feed_forward(run, w, f"{block}.channels", self.norm(run, w, f"{block}.channel_norm", x))
            x = run.linear(jnp.add, x, y)
        x = run.linear(lambda x: jnp.mean(x, axis=1), self.norm(run, w, "norm", x))
        return run(self.cross_entropy, self.dense(run, w, "head", x), labels)

    def blocks(self, run, w, x, causal):
        n, positions, width = (x[0] if isinstance(x, tuple) else x).shape
        depth = width // problem.HEADS
        split = lambda x: x.reshape(n, positions, problem.HEADS, depth).transpose(0, 2, 1, 3)
        join = lambda x: x.transpose(0, 2, 1, 3).reshape(n, positions, width)
        scores = lambda q, k: jnp.einsum("nhqd,nhkd->nhqk", q, k) * depth**-0.5
        hide = lambda s: jnp.where(jnp.tril(jnp.ones((positions, positions), bool)), s, HIDDEN) if causal else s
        mix = lambda p, v: jnp.einsum("nhqk,nhkd->nhqd", p, v)
        for block in (f"blocks.{i}" for i in range(4)):
            y = self.norm(run, w, f"{block}.attention_norm", x)
            q, k, v = (run.linear(split, self.dense(run, w, f"{block}.attention.{p}", y)) for p in ("query", "key", "value"))
            p = run(lambda s: jax.nn.softmax(hide(s), axis=-1), run(scores, q, k, bilinear=True))
            y = run.linear(join, run(mix, p, v, bilinear=True))
            x = run.linear(jnp.add, x, self.dense(run, w, f"{block}.attention.out", y))
            y = self.norm(run, w, f"{block}.dense_norm", x)
            x = run.linear(jnp.add, x, self.feed_forward(run, w, f"{block}.dense", y))
        return x

    def vit(self, run, w, data):
        images, labels = data
        x = self.embed(run, w, images)

        def with_class(x, token, positions):
            token = jnp.broadcast_to(token, (x.shape[0], 1, x.shape[2]))
            return jnp.concatenate([token, x], axis=1) + positions

        x = self.blocks(run, w, run.linear(with_class, x, w["class"], w["positions"]), causal=False)
        x = run.linear(lambda x: x[:, 0], x)
        return run(self.cross_entropy, self.dense(run, w, "head", self.norm(run, w, "norm", x)), labels)

    def nanolm(self, run, w, data):
        tokens, targets = data
        ids = tokens[0] if isinstance(tokens, tuple) else tokens
        look_up = lambda table: table[ids]
        if self.products:
            look_up = lambda table: jax.nn.one_hot(ids, table.shape[0], dtype=table.dtype) @ table
        x = run.linear(lambda table, positions: look_up(table) + positions, w["tokens"], w["positions"])
        x = self.norm(run, w, "norm", self.blocks(run, w, x, causal=True))
        return run(self.cross_entropy, self.dense(run, w, "head", x), targets)
