#!/usr/bin/env python3
"""Checks loss, gradient and curvature of NanoLM, ViT, Mixer and ResNet-20 against JAX in float64, to 1e-9 relative.

    cargo run --release -p onedge --example architectures > architectures.json
    python3 tools/reference/architectures.py architectures.json

The product writes weights, data and its results; everything else is computed here, from the papers' formulas alone.
The gradient's error is that of each parameter, relative to its norm or to 1e-6 of the whole gradient's, whichever is
larger (keys have biases to which the loss is blind: softmax cancels them). Curvature is u.Hu for u = -g, as jvp of grad.
Needs bench/requirements.txt. Exit code 1 beyond 1e-9.
"""

import json
import sys

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf

ALLOWED = 1e-9


def gelu(x):
    return 0.5 * x * (1 + erf(x / jnp.sqrt(2.0)))


def relu(x):
    return jnp.where(x > 0, x, 0.0)


def layer_norm(p, name, x):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-6) * p[f"{name}.scale"] + p[f"{name}.bias"]


def group_norm(p, name, x, groups=8):
    """x [n, channels, height, width]"""
    parts = x.reshape(x.shape[0], groups, -1)
    normal = (parts - parts.mean(2, keepdims=True)) / jnp.sqrt(parts.var(2, keepdims=True) + 1e-6)
    scale, bias = (p[f"{name}.{part}"].reshape(1, -1, 1, 1) for part in ("scale", "bias"))
    return normal.reshape(x.shape) * scale + bias


def affine(p, name, x):
    return jnp.tensordot(x, p[f"{name}.weight"], 1) + p[f"{name}.bias"]


def two_layers(p, name, x, activation):
    return affine(p, f"{name}.outer", activation(affine(p, f"{name}.inner", x)))


def conv(x, weight, stride):
    """x [n, channels, height, width], weight [height, width, in, out], odd and padded; summed tap by tap."""
    kernel, (_, _, height, width) = weight.shape[0], x.shape
    pad = kernel // 2
    x = jnp.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    taps = ((i, j) for i in range(kernel) for j in range(kernel))
    pick = lambda i, j: x[:, :, i : i + height : stride, j : j + width : stride]
    return sum(jnp.einsum("nihw,io->nohw", pick(i, j), weight[i, j]) for i, j in taps)


def cut(p, x, patch):
    """Embedded patches [n, patches, width] of images [n, channels, height, width]."""
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // patch, patch, w // patch, patch)
    y = jnp.einsum("ncyixj,ijco->nyxo", x, p["embed.weight"]) + p["embed.bias"]
    return y.reshape(n, -1, y.shape[-1])


def attention(p, name, x, heads, causal):
    outputs = []
    q, k, v = (jnp.split(affine(p, f"{name}.{part}", x), heads, axis=-1) for part in ("query", "key", "value"))
    for query, key, value in zip(q, k, v):
        scores = query @ jnp.swapaxes(key, 1, 2) / np.sqrt(query.shape[-1])
        if causal:
            before = np.arange(x.shape[1])[None, :] <= np.arange(x.shape[1])[:, None]
            scores = jnp.where(before, scores, -jnp.inf)
        weights = jnp.exp(scores - scores.max(-1, keepdims=True))
        outputs.append(weights / weights.sum(-1, keepdims=True) @ value)
    return affine(p, f"{name}.out", jnp.concatenate(outputs, axis=-1))


def blocks(p, x, settings, activation, causal):
    for i in range(settings["depth"]):
        name = f"blocks.{i}"
        x = x + attention(p, f"{name}.attention", layer_norm(p, f"{name}.attention_norm", x), settings["heads"], causal)
        x = x + two_layers(p, f"{name}.dense", layer_norm(p, f"{name}.dense_norm", x), activation)
    return x


def nanolm(p, tokens, settings):
    x = p["tokens"][tokens.astype(int)] + p["positions"]
    return affine(p, "head", layer_norm(p, "norm", blocks(p, x, settings, relu, causal=True)))


def vit(p, x, settings):
    x = cut(p, x, settings["patch"])
    token = jnp.tile(p["class"], (x.shape[0], 1, 1))
    x = blocks(p, jnp.concatenate([token, x], axis=1) + p["positions"], settings, gelu, causal=False)
    return affine(p, "head", layer_norm(p, "norm", x)[:, 0])


def mixer(p, x, settings):
    x = cut(p, x, settings["patch"])
    for i in range(settings["depth"]):
        across = jnp.swapaxes(layer_norm(p, f"blocks.{i}.token_norm", x), 1, 2)
        x = x + jnp.swapaxes(two_layers(p, f"blocks.{i}.tokens", across, gelu), 1, 2)
        x = x + two_layers(p, f"blocks.{i}.channels", layer_norm(p, f"blocks.{i}.channel_norm", x), gelu)
    return affine(p, "head", layer_norm(p, "norm", x).mean(1))


def resnet20(p, x, settings):
    unit = lambda name, x, stride=1: group_norm(p, f"{name}.norm", conv(x, p[f"{name}.conv.weight"], stride))
    x = relu(unit("stem", x))
    for stage in range(3):
        for block in range(3):
            name, stride = f"stages.{stage}.{block}", 2 if stage > 0 and block == 0 else 1
            y = unit(f"{name}.1", relu(unit(f"{name}.0", x, stride)))
            x = relu(y + (unit(f"{name}.shortcut", x, stride) if stride == 2 else x))
    return affine(p, "head", x.mean((2, 3)))


MODELS = {"nanolm": nanolm, "vit": vit, "mixer": mixer, "resnet": resnet20}


def check(record):
    """Relative errors of loss, gradient and curvature, and the parameter whose gradient is worst."""
    x = np.array(record["inputs"]).reshape(-1, *record["input_shape"])
    targets, model = np.array(record["targets"]).astype(int), MODELS[record["model"]]

    def split(flat):
        found, at = {}, 0
        for parameter in record["parameters"]:
            size = int(np.prod(parameter["shape"]))
            found[parameter["name"]] = flat[at : at + size].reshape(parameter["shape"])
            at += size
        assert at == len(flat), f"{record['model']}: {len(flat)} weights for {at} places"
        return found

    def loss(w):
        logits = model(split(w), x, record["settings"])
        logits = logits.reshape(-1, logits.shape[-1])
        top = logits.max(-1, keepdims=True)
        every = jnp.log(jnp.exp(logits - top).sum(-1)) + top[:, 0]
        return jnp.mean(every - logits[np.arange(len(targets)), targets])

    w, product = jnp.array(record["w"]), np.array(record["gradient"])
    value, gradient = jax.value_and_grad(loss)(w)
    u = -gradient
    curvature = float(u @ jax.jvp(jax.grad(loss), (w,), (u,))[1])
    gradient = np.asarray(gradient)
    floor, errors = 1e-6 * np.linalg.norm(gradient), {}
    for name, expected in split(gradient).items():
        errors[name] = float(np.linalg.norm(split(product)[name] - expected) / max(np.linalg.norm(expected), floor))
    worst = max(errors, key=errors.get)
    relative = lambda got, expected: abs(got - float(expected)) / abs(float(expected))
    return relative(record["loss"], value), errors[worst], relative(record["curvature"], curvature), worst


def main(path):
    failed = False
    with open(path) as file:
        records = json.load(file)
    for record in records:
        *errors, worst = check(record)
        failed |= not max(errors) <= ALLOWED
        loss, gradient, curvature = (f"{error:.1e}" for error in errors)
        print(f"{record['model']:7s} loss {loss}  gradient {gradient} ({worst})  curvature {curvature}", flush=True)
    print("architectures: " + (f"beyond {ALLOWED:g}" if failed else f"{len(records)} models agree to {ALLOWED:g}"))
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("architectures: expected one argument, the JSON file that the example of this name writes")
    sys.exit(main(sys.argv[1]))
