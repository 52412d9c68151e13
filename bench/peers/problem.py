"""The benchmark's networks, weights and data, from integer arithmetic alone (bench/README.md states the formula)."""

from dataclasses import dataclass

import numpy as np

DATA_STREAM, VECTOR_STREAM, PROBE_STREAM = 0, 100, 101
MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Network:
    """One network of the benchmark; `widths` runs from the inputs to the outputs."""

    name: str
    widths: tuple
    activation: str  # relu or tanh
    loss: str  # cross_entropy or squared
    examples: int

    @property
    def parameters(self):
        return sum(i * o + o for i, o in zip(self.widths, self.widths[1:]))


NETWORKS = {
    n.name: n
    for n in [
        Network("relu512", (3072, 512, 512, 10), "relu", "cross_entropy", 4096),
        Network("tanh200", (3072, 200, 200, 10), "tanh", "squared", 5000),
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
    """[(W [in, out], b [out]), ...]: uniform with variance 2/fan_in (relu) or 1/fan_in (tanh, and every last layer)."""
    layers = []
    last = len(network.widths) - 2
    for layer, (i, o) in enumerate(zip(network.widths, network.widths[1:])):
        variance = (2.0 if network.activation == "relu" and layer < last else 1.0) / i
        bound = np.float32(np.sqrt(3.0 * variance))
        w = symmetric(1 + layer, i * o) * bound
        layers.append((w.reshape(i, o), np.zeros(o, np.float32)))
    return layers


def inputs(network):
    """x [examples, in], row-major, uniform in [0, 1)."""
    return uniform(DATA_STREAM, network.examples * network.widths[0]).reshape(network.examples, -1)


def labels(network):
    """i * 7919 mod the number of classes."""
    return (np.arange(network.examples) * 7919) % network.widths[-1]


def one_hot(network):
    return np.eye(network.widths[-1], dtype=np.float32)[labels(network)]


def split(network, flat):
    """A flat vector as [(W, b), ...], in the order W1 (row-major), b1, W2, b2, ..."""
    layers, at = [], 0
    for i, o in zip(network.widths, network.widths[1:]):
        layers.append((flat[at : at + i * o].reshape(i, o), flat[at + i * o : at + i * o + o]))
        at += i * o + o
    return layers


def vector(network, stream=VECTOR_STREAM):
    """The v of `hv` and the start of `lanczos20` (there divided by its norm), flat, uniform in [-1, 1)."""
    return symmetric(stream, network.parameters)
