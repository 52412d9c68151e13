"""A step of CDAT on two ranks of one thread: onedge over MPI beside PyTorch over gloo.

    python3 bench/ranks.py --program PATH --data DIR --python PYTHON [--rounds 3] [--only convnet,nanolm]

PATH is a release build with the feature `mpi`, DIR has cifar-10 and tiny-shakespeare, PYTHON is one with PyTorch, as `bench/.venv/bin/python`.
Both have the networks, and the numbers of examples, of bench/README.md; a rank has half of the examples. PyTorch does what its users write: a
gradient with `create_graph`, summed over the ranks as one flat vector (what DistributedDataParallel does in buckets, which it refuses for gradients that
are differentiated again), the double backward of `g . u` along `u = -g`, and the sum of `u . Hu`. Attention is PyTorch's math kernel, as its fused one has no second derivative.
The two are visited in turns, in fresh processes; of a visit the median step counts, of the rounds the median.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
STEPS = 4
MPIRUN = ["mpirun", "-n", "2", "--bind-to", "core", "--mca", "btl_vader_single_copy_mechanism", "none"]
ALWAYS = ["tuner=cdat", "tuner.preset=paper", "tuner.sigma=1", "engine.threads=1", "engine.lanes=4", "precision=f32", "diagnostics.sharpness_every=0"]
NETWORKS = {
    "mlp": ["data.random=4096", "model=mlp", "model.hidden=[512, 512]"],
    "convnet": ["data.random=512", "model=convnet", "model.channels=[32, 64, 128]", "model.activation=gelu"],
    "resnet20": ["data.random=256", "model=resnet", "model.preset=resnet20"],
    "mixer": ["data.random=256", "model=mixer", "model.width=128", "model.depth=4", "model.token_mlp=64", "model.channel_mlp=512"],
    "vit": ["data.random=256", "model=vit", "model.width=128", "model.depth=4", "model.heads=4", "model.mlp=512"],
    "nanolm": ["data.first=64", "data.context=64", "model=nanolm", "model.width=128", "model.depth=4", "model.heads=4", "model.mlp=512"],
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", type=Path)
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("--python", default=sys.executable)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--only", default=",".join(NETWORKS))
    arguments.add_argument("--rank", nargs=3, metavar=("NETWORK", "RANK", "FILE"), help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.rank:
        return rank_of_torch(*asked.rank)
    if asked.program is None or asked.data is None:
        arguments.error("--program and --data: expected a release build with the feature mpi, and a folder with cifar-10 and tiny-shakespeare")
    print("network   onedge ms   torch ms   onedge / torch (lowest, highest of a round)")
    for name in asked.only.split(","):
        rounds = [(of_onedge(asked, name), of_torch(asked, name)) for _ in range(asked.rounds)]
        ours, theirs = (statistics.median(times) for times in zip(*rounds))
        ratios = [a / b for a, b in rounds]
        print(f"{name:8} {ours:10.1f} {theirs:10.1f} {ours / theirs:10.2f}   ({min(ratios):.2f}, {max(ratios):.2f})", flush=True)


def of_onedge(asked, name):
    kind = "tiny-shakespeare" if name == "nanolm" else "cifar-10"
    words = [f"data={kind}", f"data.path={asked.data / kind}", *NETWORKS[name], *ALWAYS, f"steps={STEPS + 1}"]
    with tempfile.TemporaryDirectory() as folder:
        command = [*MPIRUN, asked.program.resolve(), "train", "--out", "run", "-q", *(word for setting in words for word in ("--set", setting))]
        if os.geteuid() == 0:
            command.insert(1, "--allow-run-as-root")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        records = Path(folder) / "run" / "steps.jsonl"
        if done.returncode not in (0, 1) or not records.exists():
            sys.exit(f"{name}: {done.stderr}")
        seconds = [json.loads(line)["seconds"] for line in records.read_text().splitlines()]
    return 1e3 * statistics.median(after - before for before, after in zip(seconds, seconds[1:]))


def of_torch(asked, name):
    with tempfile.TemporaryDirectory() as folder:
        meet = str(Path(folder) / "meet")
        cores = sorted(os.sched_getaffinity(0))
        command = lambda rank: ["taskset", "-c", str(cores[rank % len(cores)]), asked.python, __file__, "--rank", name, str(rank), meet]
        ranks = [subprocess.Popen(command(rank), stdout=subprocess.PIPE, text=True) for rank in range(2)]
        said = [rank.communicate()[0] for rank in ranks]
    if any(rank.returncode for rank in ranks):
        sys.exit(f"{name}: PyTorch ended with an error")
    return float(said[0])


def rank_of_torch(name, rank, meet):
    """One of two processes: prints the milliseconds of its median step."""
    sys.path.insert(0, str(HERE / "peers"))
    import problem
    import torch
    import torch.distributed as dist
    import torch_models
    import torch_networks

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meet}", rank=int(rank), world_size=2)
    network = problem.NETWORKS[name]
    half = dataclasses.replace(network, examples=network.examples // 2)
    net = torch_networks.Net(half) if name == "mlp" else torch_models.Model(half, attention="math")
    times = []
    for _ in range(STEPS + 1):
        dist.barrier()
        start = time.perf_counter()
        step(net, torch, dist)
        times.append(time.perf_counter() - start)
    # The first one warms up.
    print(1e3 * statistics.median(times[1:]))
    dist.destroy_process_group()


def step(net, torch, dist):
    gradient = torch.autograd.grad(net.loss(net.weights), net.weights, create_graph=True)
    flat = torch.cat([part.detach().flatten() for part in gradient])
    dist.all_reduce(flat)
    update = flat / -2
    parts = [part.view_as(w) for part, w in zip(update.split([w.numel() for w in net.weights]), net.weights)]
    slope = sum((g * u).sum() for g, u in zip(gradient, parts))
    product = torch.autograd.grad(slope, net.weights)
    with torch.no_grad():
        curvature = sum((u * h).sum() for u, h in zip(parts, product))
        dist.all_reduce(curvature)
        rate = 2 * update.dot(update) / (curvature / 2).abs()
        return [w + rate * u for w, u in zip(net.weights, parts)]


if __name__ == "__main__":
    main()
