#!/usr/bin/env python3
"""First values of Flax's layers, as statistics of every kind of tensor of the paper's models, for crates/nn/tests.

    pip install flax
    python3 initialisations.py ../../crates/nn/tests/reference/flax.csv

Made with flax 0.12.8 and jax 0.10.2. Each layer has the sizes that it has in the paper's model and its own defaults, but for the
attention and dense layers of the vision transformer, which are xavier_uniform in Google's. A row holds the model of onedge and
the parameter's name there; the number of draws (seeds until there are 400,000); their mean and standard deviation times
the root of the fan-in that onedge counts; the fourth moment over the squared variance; and the largest absolute value over
the standard deviation.
"""

import sys

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

F64 = {"param_dtype": jnp.float64}
DRAWS = 400_000

xavier = nn.initializers.xavier_uniform()
nanolm_attention = nn.MultiHeadDotProductAttention(num_heads=8, qkv_features=32, **F64)
vit_attention = nn.MultiHeadDotProductAttention(num_heads=3, kernel_init=xavier, **F64)


def conv(outputs, kernel, strides=1):
    return nn.Conv(outputs, (kernel, kernel), (strides, strides), **F64)


def image(side, channels):
    return jnp.zeros((1, side, side, channels))


tokens = jnp.zeros((1, 64), int)
# Model and parameter there, fan-in, layer, its inputs, the parameter in Flax.
KINDS = [
    ("nanolm", "tokens", 256, nn.Embed(65, 256, **F64), [tokens], "embedding"),
    ("nanolm", "positions", 256, nn.Embed(64, 256, **F64), [tokens], "embedding"),
    ("nanolm", "blocks.0.attention.query.weight", 256, nanolm_attention, [jnp.zeros((1, 64, 256))], "query/kernel"),
    ("nanolm", "blocks.0.attention.out.weight", 32, nanolm_attention, [jnp.zeros((1, 64, 256))], "out/kernel"),
    ("nanolm", "blocks.0.dense.inner.weight", 256, nn.Dense(1024, **F64), [jnp.zeros((1, 256))], "kernel"),
    ("nanolm", "blocks.0.dense.outer.weight", 1024, nn.Dense(256, **F64), [jnp.zeros((1, 1024))], "kernel"),
    ("nanolm", "blocks.0.dense.inner.bias", 1, nn.Dense(1024, **F64), [jnp.zeros((1, 256))], "bias"),
    ("nanolm", "norm.scale", 1, nn.LayerNorm(**F64), [jnp.zeros((1, 256))], "scale"),
    ("nanolm", "head.weight", 256, nn.Dense(65, **F64), [jnp.zeros((1, 256))], "kernel"),
    ("resnet34", "stem.conv.weight", 27, conv(64, 3), [image(32, 3)], "kernel"),
    ("resnet34", "stages.0.0.0.conv.weight", 576, conv(64, 3), [image(32, 64)], "kernel"),
    ("resnet34", "stages.1.0.shortcut.conv.weight", 64, conv(128, 1, 2), [image(32, 64)], "kernel"),
    ("resnet34", "head.weight", 512, nn.Dense(10, **F64), [jnp.zeros((1, 512))], "kernel"),
    ("mixer", "embed.weight", 192, conv(192, 8, 8), [image(32, 3)], "kernel"),
    ("mixer", "blocks.0.tokens.inner.weight", 16, nn.Dense(96, **F64), [jnp.zeros((1, 16))], "kernel"),
    ("mixer", "blocks.0.channels.outer.weight", 768, nn.Dense(192, **F64), [jnp.zeros((1, 768))], "kernel"),
    ("vit", "embed.weight", 3072, conv(192, 32, 32), [image(224, 3)], "kernel"),
    ("vit", "blocks.0.attention.query.weight", 192, vit_attention, [jnp.zeros((1, 50, 192))], "query/kernel"),
    ("vit", "blocks.0.attention.out.weight", 192, vit_attention, [jnp.zeros((1, 50, 192))], "out/kernel"),
    ("vit", "blocks.0.dense.inner.weight", 192, nn.Dense(768, kernel_init=xavier, **F64), [jnp.zeros((1, 192))], "kernel"),
    ("mlp", "layers.0.weight", 192, nn.Dense(256, **F64), [jnp.zeros((1, 192))], "kernel"),
]


def main(path):
    with open(path, "w") as out:
        out.write("# Made by tools/reference/initialisations.py (Flax); do not edit.\n")
        out.write("model,parameter,draws,mean,deviation,fourth,largest\n")
        for model, name, fan_in, layer, inputs, key in KINDS:
            values, seed = [], 0
            while not values or sum(v.size for v in values) < DRAWS and np.ptp(values[0]) > 0:
                value = layer.init(jax.random.key(seed), *inputs)["params"]
                for part in key.split("/"):
                    value = value[part]
                values.append(np.asarray(value).reshape(-1))
                seed += 1
            values = np.concatenate(values)
            std = values.std()
            fourth = ((values - values.mean()) ** 4).mean() / std**4 if std > 0 else 0.0
            largest = np.abs(values).max() / std if std > 0 else 0.0
            mean, deviation = values.mean() * fan_in**0.5, std * fan_in**0.5
            out.write(f"{model},{name},{values.size},{mean:.5g},{deviation:.6g},{fourth:.5g},{largest:.5g}\n")


main(sys.argv[1])
