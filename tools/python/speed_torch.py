#!/usr/bin/env python3
"""The time of gradient and u . H u of PyTorch models, by onedge and by PyTorch itself.

    python3 tools/python/speed_torch.py [MODEL ...] [--rounds N] [--threads N] [--mode auto|mean|whole] [--memory]

Each round times onedge, PyTorch's double backward (the gradient with create_graph, then the derivative of its product with u) and torch.func (jvp of
grad) one after the other, so that all see the same machine; printed are medians in milliseconds and onedge's over the better of the other two. `planning`
times `import torch`, `import onedge.torch` and `objective` for a ResNet-50 (224 x 224, batch 2) and a GPT-2 of 12 layers, each in a process of its own.
onedge must be importable; needs torch, torchvision and transformers.
"""

import argparse
import statistics
import subprocess
import sys
import time

PLANNED = ("resnet50", "gpt2")


def resnet18(torch):
    import torchvision

    return torchvision.models.resnet18(num_classes=10).train(), torch.nn.CrossEntropyLoss(), images(torch, 16, 64)


def images(torch, n, size):
    return torch.randn(n, 3, size, size), torch.randint(0, 10, (n,))


def gpt(torch):
    import transformers

    config = transformers.GPT2Config(vocab_size=512, n_positions=64, n_embd=128, n_layer=4, n_head=4, bos_token_id=0, eos_token_id=0)
    return transformers.GPT2LMHeadModel(config).eval(), lambda net, words: net(input_ids=words, labels=words).loss, torch.randint(0, 512, (8, 64))


def mlp(torch):
    nn = torch.nn
    net = nn.Sequential(nn.Linear(784, 512), nn.GELU(), nn.Linear(512, 512), nn.GELU(), nn.Linear(512, 10))
    return net, nn.CrossEntropyLoss(), (torch.randn(256, 784), torch.randint(0, 10, (256,)))


def convnext(torch):
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    blocks = [CNBlockConfig(48, 96, 2), CNBlockConfig(96, None, 2)]
    return ConvNeXt(blocks, stochastic_depth_prob=0.0, layer_scale=1.0, num_classes=10).eval(), torch.nn.CrossEntropyLoss(), images(torch, 8, 64)


def lstm(torch):
    class Tagger(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.lstm, self.head = torch.nn.Embedding(500, 64), torch.nn.LSTM(64, 128, batch_first=True), torch.nn.Linear(128, 10)

        def forward(self, words):
            return self.head(self.lstm(self.embed(words))[0][:, -1])

    return Tagger(), torch.nn.CrossEntropyLoss(), (torch.randint(0, 500, (32, 40)), torch.randint(0, 10, (32,)))


MODELS = {function.__name__: function for function in (resnet18, gpt, mlp, convnext, lstm)}


def of_batch(torch, net, loss, batch):
    return loss(net(batch[0]), batch[1]) if isinstance(loss, torch.nn.Module) else loss(net, batch)


def twice(torch, value, parameters, parts):
    """u . H u by double backward."""
    gradient = torch.autograd.grad(value, parameters, create_graph=True)
    products = torch.autograd.grad(sum((g * part).sum() for g, part in zip(gradient, parts)), parameters)
    return sum((product * part).sum() for product, part in zip(products, parts)).item()


def peak():
    """The largest resident memory so far, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(name, program):
    """Runs one program and prints its peak beyond that of imports, model and batch."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    import onedge.torch

    torch.set_num_threads(1)
    net, loss, batch = MODELS[name](torch)
    parameters = list(net.parameters())
    parts = [torch.randn_like(p) for p in parameters]
    before = peak()
    if program == "onedge":
        o = onedge.torch.objective(net, loss, batch, threads=1)
        planned = peak()
        w, u = o.parameters(), torch.cat([part.flatten() for part in parts])
        for _ in range(3):
            o.linearize(w)
            o.curvature(u)
        print(f"{peak() - before:.0f} {planned - before:.0f}")
    else:
        with sdpa_kernel(SDPBackend.MATH):
            for _ in range(3):
                twice(torch, of_batch(torch, net, loss, batch), parameters, parts)
        print(f"{peak() - before:.0f}")


def compare(name, rounds, threads, mode):
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    import onedge.torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net, loss, batch = MODELS[name](torch)
    begun = time.perf_counter()
    o = onedge.torch.objective(net, loss, batch, threads=threads, mode=mode)
    planning = time.perf_counter() - begun
    w = o.parameters()
    u = torch.randn(o.dim)
    parameters = list(net.parameters())
    value = lambda net: of_batch(torch, net, loss, batch)
    parts = [part.reshape(p.shape) for part, p in zip(torch.split(u, [p.numel() for p in parameters]), parameters)]

    def ours():
        o.linearize(w)
        return o.curvature(u)

    def double_backward():
        return twice(torch, value(net), parameters, parts)

    names = [name for name, _ in net.named_parameters()]

    class Both(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self):
            return value(self.net)

    both = Both()
    of = lambda values: torch.func.functional_call(both, {f"net.{name}": v for name, v in zip(names, values)}, ())

    def jvp_of_grad():
        point = tuple(p.detach() for p in parameters)
        buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
        _, products = torch.func.jvp(torch.func.grad(of), (point,), (tuple(parts),))
        for name, buffer in net.named_buffers():
            buffer.copy_(buffers[name])
        return sum((product * part).sum() for product, part in zip(products, parts)).item()

    clock = time.process_time if threads == 1 else time.perf_counter
    times, found, failed = {}, {}, set()
    with sdpa_kernel(SDPBackend.MATH):
        for round_ in range(rounds + 1):
            for way in (ours, double_backward, jvp_of_grad):
                if way in failed:
                    continue
                begun = clock()
                try:
                    found[way] = way()
                except (RuntimeError, NotImplementedError):
                    failed.add(way)
                    continue
                if round_:
                    times.setdefault(way, []).append(clock() - begun)
    medians = {way.__name__: 1e3 * statistics.median(taken) for way, taken in times.items() if way not in failed}
    best = min(taken for way, taken in medians.items() if way != "ours")
    apart = abs(found[ours] / found[double_backward] - 1) if double_backward in found else float("nan")
    told = "  ".join(f"{way} {taken:8.1f}" for way, taken in medians.items())
    print(f"{name:10} {told}  ratio {medians['ours'] / best:.2f}  apart {apart:.0e}  planning {planning:.1f} s  {o.parts} parts", flush=True)


def plan(name):
    begun = time.perf_counter()
    import torch

    imported = time.perf_counter()
    import onedge.torch

    if name == "resnet50":
        import torchvision

        net, loss, batch = torchvision.models.resnet50().train(), torch.nn.CrossEntropyLoss(), images(torch, 2, 224)
    else:
        import transformers

        net = transformers.GPT2LMHeadModel(transformers.GPT2Config()).eval()
        loss, batch = lambda net, words: net(input_ids=words, labels=words).loss, torch.randint(0, 50257, (2, 64))
    ready = time.perf_counter()
    onedge.torch.objective(net, loss, batch, mode="whole")
    done = time.perf_counter()
    print(f"{name:10} import torch {imported - begun:.1f} s, objective {done - ready:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"{', '.join(MODELS)} or planning; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mode", choices=["auto", "mean", "whole"], default="auto")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--alone", choices=["onedge", "torch"], help=argparse.SUPPRESS)
    parser.add_argument("--plan", choices=PLANNED, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plan:
        return plan(given.plan)
    if given.alone:
        return alone(given.models[0], given.alone)
    if given.memory:
        for name in given.models or MODELS:
            run = lambda program, name=name: subprocess.run([sys.executable, __file__, name, "--alone", program], capture_output=True, text=True, check=True)
            ours, theirs = run("onedge").stdout.split(), run("torch").stdout.split()
            print(f"{name:10} onedge {ours[0]} MB, of which tracing and planning {ours[1]}; double backward {theirs[0]} MB", flush=True)
        return None
    for name in given.models or [*MODELS, "planning"]:
        if name == "planning":
            for planned in PLANNED:
                subprocess.run([sys.executable, __file__, "--plan", planned], check=True)
        elif name in MODELS:
            compare(name, given.rounds, given.threads, given.mode)
        else:
            parser.error(f"expected one of {', '.join(MODELS)} or planning, got {name}")


if __name__ == "__main__":
    main()
