"""Trains a network of the benchmark on all its examples, by onedge or by an optimizer of JAX or PyTorch.

Started as `training_peer.py FRAMEWORK NETWORK --seed S --share K --data FOLDER --threads N`. Each line `METHOD STEPS TARGET` in is answered by one line
of JSON: the loss before each step, the seconds from the first step to the end of each, and those until the first one was compiled.
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

import problem

VOCABULARY = problem.NETWORKS["nanolm"].outputs
TEXT, IMAGES = "tiny-shakespeare/input.txt", "cifar-10/data_batch_1.bin"


def command_line():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("framework", choices=["onedge", "jax", "torch"])
    parser.add_argument("network", choices=list(problem.NETWORKS))
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights")
    parser.add_argument("--share", type=int, default=8, help="train on one of so many of the network's examples")
    parser.add_argument("--data", type=Path, help="a folder with cifar-10 and tiny-shakespeare; random data without")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def prepare(asked):
    """The network with fewer examples, real data if there are any, and weights of the seed, as the peers' models read them."""
    network = problem.NETWORKS[asked.network]
    network = dataclasses.replace(network, examples=network.examples // asked.share)
    if asked.data and asked.network == "nanolm":
        text = np.frombuffer((asked.data / TEXT).read_bytes(), dtype=np.uint8)
        # The 63 most frequent characters have a token each; all others share one.
        values, counts = np.unique(text, return_counts=True)
        table = np.full(256, VOCABULARY - 1, dtype=np.int32)
        frequent = values[np.argsort(-counts, kind="stable")][: VOCABULARY - 1]
        table[frequent] = np.arange(len(frequent))
        ids = table[text[: network.examples * problem.CONTEXT + 1]]
        blocks = ids[:-1].reshape(-1, problem.CONTEXT), ids[1:].reshape(-1, problem.CONTEXT)
        problem.tokens = lambda _: blocks
    elif asked.data:
        records = np.fromfile(asked.data / IMAGES, dtype=np.uint8).reshape(-1, 3073)[: network.examples]
        if len(records) < network.examples:
            raise SystemExit(f"{asked.data / IMAGES}: expected {network.examples} photographs or more, got {len(records)}")
        images = records[:, 1:].reshape(-1, *problem.IMAGE).astype(np.float32) / 255
        images = (images - images.mean()) / images.std()
        problem.images = lambda _: images
        problem.labels = lambda _: records[:, 0].astype(np.int64)
    symmetric = problem.symmetric
    problem.symmetric = lambda stream, count: symmetric(stream + 1000 * asked.seed, count)
    return network


class Clock:
    """Losses before each step, and seconds from the first step to the end of each."""

    def __init__(self, target):
        self.target, self.losses, self.seconds, self.start = target, [], [], None

    def begin(self):
        self.start = time.perf_counter()

    def step(self, loss):
        """Whether to go on."""
        self.losses.append(float(loss))
        self.seconds.append(time.perf_counter() - self.start)
        return np.isfinite(self.losses[-1]) and self.losses[-1] > self.target


def jax_trainer(network):
    import jax
    import jax.numpy as jnp
    import optax

    import jax_models
    import jax_networks

    # As users write it.
    net = jax_networks.Net(network) if network.name.startswith("mlp") else jax_models.Model(network)
    make = {
        "adam": lambda rate=1e-3: optax.adam(rate),
        "schedule-free": optax.contrib.schedule_free_adamw,
        "prodigy": optax.contrib.prodigy,
    }

    def train(method, steps, clock):
        name, *rate = method.split("=")
        optimizer = make[name](*map(float, rate))
        w = jax.tree.map(jnp.copy, net.weights)

        @jax.jit
        def advance(w, state):
            loss, gradient = net.gradient(w, net.data)
            updates, state = optimizer.update(gradient, state, w)
            return loss, optax.apply_updates(w, updates), state

        state = optimizer.init(w)
        before = time.perf_counter()
        compiled = advance.lower(w, state).compile()
        compiling = time.perf_counter() - before
        jax.block_until_ready(compiled(w, state))
        clock.begin()
        for _ in range(steps):
            loss, w, state = compiled(w, state)
            if not clock.step(loss):
                break
        return compiling

    return train


def torch_trainer(network):
    import prodigyopt
    import schedulefree
    import torch

    import torch_models
    import torch_networks

    def model():
        if network.name.startswith("mlp"):
            return torch_networks.Net(network)
        return torch_models.Model(network, attention="fused")

    make = {
        "adam": lambda w, rate=1e-3: torch.optim.Adam(w, lr=rate),
        "schedule-free": schedulefree.AdamWScheduleFree,
        "prodigy": prodigyopt.Prodigy,
    }

    def train(method, steps, clock):
        name, *rate = method.split("=")
        net = model()
        loss_of, w = torch.compile(lambda w: net.loss(w)), net.weights
        optimizer = make[name](w, *map(float, rate))
        if name == "schedule-free":
            optimizer.train()
        before = time.perf_counter()
        loss_of(w).backward()
        compiling = time.perf_counter() - before
        optimizer.zero_grad()
        clock.begin()
        for _ in range(steps):
            loss = loss_of(w)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if not clock.step(loss.detach()):
                break
        return compiling

    return train


def onedge_trainer(network, threads):
    import onedge.jax

    import jax_models
    import jax_networks

    net = jax_networks.Net(network) if network.name.startswith("mlp") else jax_models.Model(network)
    before = time.perf_counter()
    objective = onedge.jax.objective(lambda w, data: net.loss(w, data), net.weights, net.data, threads=threads)
    compiling = time.perf_counter() - before
    tuners = {
        "cdat": onedge.tuner("cdat"),
        "auto": onedge.tuner("cdat", preset="paper", curvature="auto"),
    }

    def train(method, steps, clock):
        tuner, optimizer = method.split(" ")
        clock.begin()
        onedge.train(
            objective,
            net.weights,
            optimizer=optimizer,
            tuner=tuners[tuner],
            steps=steps,
            on_step=lambda step: clock.step(step.loss),
            progress=False,
        )
        return compiling

    return train


def main():
    asked = command_line()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.threads])
    os.environ["NPROC"] = os.environ["OMP_NUM_THREADS"] = str(asked.threads)
    os.environ["JAX_PLATFORMS"] = "cpu"
    network = prepare(asked)
    if asked.framework == "torch":
        import torch

        torch.set_num_threads(asked.threads)
        train = torch_trainer(network)
    elif asked.framework == "jax":
        train = jax_trainer(network)
    else:
        train = onedge_trainer(network, asked.threads)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        method, steps, target = line.rstrip("\n").split("\t")
        clock = Clock(float(target))
        compiling = train(method, int(steps), clock)
        print(json.dumps({"losses": clock.losses, "seconds": clock.seconds, "compiling": compiling}), flush=True)


if __name__ == "__main__":
    main()
