"""The benchmark's networks, weights and data, from integer arithmetic alone (bench/README.md states the formula)."""

from dataclasses import dataclass, field

import numpy as np

DATA_STREAM, VECTOR_STREAM = 0, 100
SMALL = np.float32(0.05)
IMAGE, PATCH, CONTEXT = (3, 32, 32), 4, 64


@dataclass(frozen=True)
class Network:
    """One network of the benchmark; `table` is [(name, shape)] of its parameters, in the product's order."""

    name: str
    table: list = field(repr=False)
    activation: str  # relu, tanh or gelu
    examples: int
    loss: str = "cross_entropy"  # or squared
    gain: float = 1.0  # variance of a weight times its fan-in; 1 in the last layer
    outputs: int = 10

    @property
    def parameters(self):
        return sum(int(np.prod(shape)) for _, shape in self.table)


def dense(name, i, o):
    return [(f"{name}.weight", (i, o)), (f"{name}.bias", (o,))]


def norm(name, width):
    return [(f"{name}.scale", (width,)), (f"{name}.bias", (width,))]


def conv(name, kernel, i, o):
    return [(f"{name}.weight", (kernel, kernel, i, o)), (f"{name}.bias", (o,))]


def mlp(*widths):
    return [p for layer, (i, o) in enumerate(zip(widths, widths[1:])) for p in dense(f"layers.{layer}", i, o)]


def convnet(*channels):
    convs = [p for layer, (i, o) in enumerate(zip(channels, channels[1:])) for p in conv(f"convs.{layer}", 3, i, o)]
    side = IMAGE[1] >> (len(channels) - 2)
    return convs + dense("head", channels[-1] * side * side, 10)


def resnet(width, stages, blocks):
    def unit(name, kernel, i, o):
        return [(f"{name}.conv.weight", (kernel, kernel, i, o)), *norm(f"{name}.norm", o)]

    table, inputs = unit("stem", 3, IMAGE[0], width), width
    for stage in range(stages):
        for block in range(blocks):
            name, outputs = f"stages.{stage}.{block}", width << stage
            table += unit(f"{name}.0", 3, inputs, outputs) + unit(f"{name}.1", 3, outputs, outputs)
            if inputs != outputs:
                table += unit(f"{name}.shortcut", 1, inputs, outputs)
            inputs = outputs
    return table + dense("head", inputs, 10)


def mixer(width, depth, token_mlp, channel_mlp):
    patches, table = (IMAGE[1] // PATCH) ** 2, conv("embed", PATCH, IMAGE[0], width)
    for block in (f"blocks.{i}" for i in range(depth)):
        table += norm(f"{block}.token_norm", width)
        table += dense(f"{block}.tokens.inner", patches, token_mlp) + dense(f"{block}.tokens.outer", token_mlp, patches)
        table += norm(f"{block}.channel_norm", width)
        table += dense(f"{block}.channels.inner", width, channel_mlp) + dense(f"{block}.channels.outer", channel_mlp, width)
    return table + norm("norm", width) + dense("head", width, 10)


def transformer(width, depth, hidden, outputs):
    table = []
    for block in (f"blocks.{i}" for i in range(depth)):
        table += norm(f"{block}.attention_norm", width)
        for part in ("query", "key", "value", "out"):
            table += dense(f"{block}.attention.{part}", width, width)
        table += norm(f"{block}.dense_norm", width)
        table += dense(f"{block}.dense.inner", width, hidden) + dense(f"{block}.dense.outer", hidden, width)
    return table + norm("norm", width) + dense("head", width, outputs)


def vit(width, depth, hidden):
    patches = (IMAGE[1] // PATCH) ** 2
    first = conv("embed", PATCH, IMAGE[0], width) + [("class", (width,)), ("positions", (patches + 1, width))]
    return first + transformer(width, depth, hidden, 10)


def nanolm(vocabulary, width, depth, hidden):
    first = [("tokens", (vocabulary, width)), ("positions", (CONTEXT, width))]
    return first + transformer(width, depth, hidden, vocabulary)


HEADS = 4  # of vit and nanolm
GROUPS = 8  # of resnet20
NETWORKS = {
    n.name: n
    for n in [
        Network("mlp", mlp(3072, 512, 512, 10), "relu", 4096, gain=2.0),
        Network("mlp-tanh-mse", mlp(3072, 200, 200, 10), "tanh", 5000, loss="squared"),
        Network("convnet", convnet(3, 32, 64, 128), "gelu", 512, gain=2.0),
        Network("resnet20", resnet(16, 3, 3), "relu", 256, gain=2.0),
        Network("mixer", mixer(128, 4, 64, 512), "gelu", 256),
        Network("vit", vit(128, 4, 512), "gelu", 256),
        Network("nanolm", nanolm(64, 128, 4, 512), "relu", 64, outputs=64),
    ]
}


def uniform(stream, count):
    """`count` numbers k/2^24 in [0, 1), float32: the top 24 bits of SplitMix64 on the counter stream*2^32 + index + 1."""
    with np.errstate(over="ignore"):
        z = (np.uint64((stream << 32) + 1) + np.arange(count, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def symmetric(stream, count):
    """2 u - 1 in [-1, 1), exact in float32."""
    return uniform(stream, count) * np.float32(2) - np.float32(1)


def weights(network):
    """Parameters by name: biases 0, scales 1, weights of variance gain / fan-in (the last: 1 / fan-in), others small."""
    last, found = [name for name, _ in network.table if name.endswith(".weight")][-1], {}
    for i, (name, shape) in enumerate(network.table):
        if name.endswith((".bias", ".scale")):
            found[name] = np.full(shape, np.float32(name.endswith(".scale")))
            continue
        bound = SMALL
        if name.endswith(".weight"):
            gain = 1.0 if name == last else network.gain
            bound = np.float32(np.sqrt(3.0 * gain / np.prod(shape[:-1])))
        found[name] = (symmetric(1 + i, int(np.prod(shape))) * bound).reshape(shape)
    return found


def images(network):
    """[examples, 3, 32, 32], uniform in [0, 1)."""
    count = network.examples * int(np.prod(IMAGE))
    return uniform(DATA_STREAM, count).reshape(network.examples, *IMAGE)


def labels(network):
    """i * 7919 mod the number of classes."""
    return (np.arange(network.examples) * 7919) % network.outputs


def tokens(network):
    """A text cut into blocks [examples, CONTEXT], and the token that follows each of them, in the same shape."""
    count = network.examples * CONTEXT
    text = (uniform(DATA_STREAM, count + 1) * np.float32(network.outputs)).astype(np.int32)
    return text[:-1].reshape(-1, CONTEXT), text[1:].reshape(-1, CONTEXT)


def one_hot(network):
    return np.eye(network.outputs, dtype=np.float32)[labels(network)]


def split(network, flat):
    """A flat vector as parameters by name."""
    found, at = {}, 0
    for name, shape in network.table:
        size = int(np.prod(shape))
        found[name] = flat[at : at + size].reshape(shape)
        at += size
    return found


def vector(network):
    """The v of `hv` and the start of `lanczos20` (there divided by its norm), by name, uniform in [-1, 1)."""
    return split(network, symmetric(VECTOR_STREAM, network.parameters))


def layers(parameters):
    """The parameters of an mlp as [(W [in, out], b), ...]."""
    values = list(parameters.values())
    return list(zip(values[::2], values[1::2]))
