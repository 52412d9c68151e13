#!/usr/bin/env python3
"""What a step of the tuned optimizers for PyTorch costs over a step of the plain optimizer, and what measuring the curvature less often does to the loss.

    python3 tools/python/speed_steps.py [MODEL ...] [--rounds N] [--threads N] [--losses [--steps N] [--seeds N]]

Each round times a stretch of steps of Adam and of each tuned optimizer around it one after the other, so that all see the same machine; printed are medians of processor time in
milliseconds a step, and ratios to Adam. A stretch is 16 steps, so that what is measured every 16 steps is in it once. With `--losses` each is trained on batches of its own, over several seeds,
and the mean loss of the last tenth of the steps is printed. onedge must be importable; needs torch.
"""

import argparse
import platform
import statistics
import time
from pathlib import Path

STRETCH = 16


def mlp(torch):
    nn = torch.nn
    centres = torch.randn(10, 256)

    def batch(generator):
        y = torch.randint(0, 10, (128,), generator=generator)
        return centres[y] * 0.3 + torch.randn(128, 256, generator=generator), y

    return nn.Sequential(nn.Linear(256, 256), nn.GELU(), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, 10)), nn.functional.cross_entropy, batch


def convnet(torch):
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

        def forward(self, x):
            return torch.relu(x + self.body(x))

    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Block(16), nn.Conv2d(16, 32, 3, stride=2, padding=1), Block(32), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(32, 10),
    )  # fmt: skip
    templates = torch.randn(10, 3, 16, 16)

    def batch(generator):
        y = torch.randint(0, 10, (32,), generator=generator)
        return 0.4 * templates[y] + torch.randn(32, 3, 16, 16, generator=generator), y

    return net, nn.functional.cross_entropy, batch


def gpt(torch):
    nn = torch.nn
    words, width, context = 64, 64, 32

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.feed = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x):
            b, t, _ = x.shape
            q, k, v = self.qkv(self.norm(x)).view(b, t, 3, 4, width // 4).permute(2, 0, 3, 1, 4)
            scores = (q @ k.transpose(-1, -2) / (width // 4) ** 0.5).masked_fill(torch.ones(t, t).triu(1).bool(), float("-inf"))
            x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, width))
            return x + self.feed(x)

    class Gpt(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.places = nn.Embedding(words, width), nn.Embedding(context, width)
            self.blocks, self.head = nn.Sequential(Block(), Block()), nn.Linear(width, words)

        def forward(self, x):
            return self.head(self.blocks(self.tokens(x) + self.places.weight))

    chain = (2 * torch.randn(words, words)).softmax(-1)

    def batch(generator):
        text = [torch.randint(0, words, (16,), generator=generator)]
        for _ in range(context):
            text.append(torch.multinomial(chain[text[-1]], 1, generator=generator)[:, 0])
        text = torch.stack(text, 1)
        return text[:, :-1], text[:, 1:]

    return Gpt(), lambda z, y: nn.functional.cross_entropy(z.flatten(0, 1), y.flatten()), batch


MODELS = {function.__name__: function for function in (mlp, convnet, gpt)}


def optimizers(torch):
    import onedge.torch

    return {
        "Adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
        "paper's rule": lambda parameters: onedge.torch.CDAT(parameters, preset="paper", sigma=0.5, beta=0.9, cap=0.01),
        "every=1": lambda parameters: onedge.torch.Tuned(parameters, every=1),
        "default": onedge.torch.Tuned,
    }


def taken(name, optimizer, net, loss, x, y):
    """A step, and the loss before it."""
    if name != "Adam":
        return optimizer.step(lambda: loss(net(x), y)).item()
    optimizer.zero_grad()
    value = loss(net(x), y)
    value.backward()
    optimizer.step()
    return value.item()


def speed(torch, model, rounds):
    cases = {}
    for name, make in optimizers(torch).items():
        torch.manual_seed(0)
        net, loss, batch = MODELS[model](torch)
        cases[name] = make(net.parameters()), net, loss, batch(torch.Generator().manual_seed(1)), []
    for turn in range(rounds + 2):
        for name, (optimizer, net, loss, (x, y), times) in cases.items():
            begun = time.process_time()
            for _ in range(STRETCH):
                taken(name, optimizer, net, loss, x, y)
            # The first stretches of `cdat` measure more often.
            if turn >= 2:
                times.append((time.process_time() - begun) / STRETCH)
    plain = statistics.median(cases["Adam"][-1])
    for name, (*_, times) in cases.items():
        middle = statistics.median(times)
        print(f"{model:10} {name:14} {1e3 * middle:8.2f} ms {middle / plain:6.2f}", flush=True)


def losses(torch, model, steps, seeds):
    ends = {}
    for name, make in optimizers(torch).items():
        for seed in range(seeds):
            torch.manual_seed(seed)
            net, loss, batch = MODELS[model](torch)
            generator, optimizer = torch.Generator().manual_seed(seed + 1), make(net.parameters())
            run = [taken(name, optimizer, net, loss, *batch(generator)) for _ in range(steps)]
            ends.setdefault(name, []).append(statistics.mean(run[-max(steps // 10, 1) :]))
        print(f"{model:10} {name:14} {'  '.join(f'{end:.4f}' for end in ends[name])}   mean {statistics.mean(ends[name]):.4f}", flush=True)


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--losses", action="store_true", help="train and compare losses instead")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    unknown = [model for model in asked.models if model not in MODELS]
    if unknown:
        parser.error(f"unknown model {unknown[0]}; expected {', '.join(MODELS)}")
    import torch

    torch.set_num_threads(asked.threads)
    print(f"{processor()}, {asked.threads} thread(s), torch {torch.__version__}")
    for model in asked.models or MODELS:
        if asked.losses:
            losses(torch, model, asked.steps, asked.seeds)
        else:
            speed(torch, model, asked.rounds)


if __name__ == "__main__":
    main()
