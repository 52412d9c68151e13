"""Two processes that train one model, with DistributedDataParallel and a tuned learning rate.

    python ddp.py                                    # starts two processes by itself
    torchrun --nproc-per-node=2 ddp.py --launched    # or as you start yours, on GPUs with NCCL

torch.autograd.grad runs none of DistributedDataParallel's hooks. onedge.torch.Tuned knows that several processes train: it reduces
gradient, slope and curvature itself.
"""

import argparse
import os

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

import cifar
import onedge.torch


def network():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.GELU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.GELU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(512, 10)
    )


def train(rank, processes, options):
    gpu = torch.cuda.is_available()
    device = torch.device("cuda", rank % torch.cuda.device_count()) if gpu else torch.device("cpu")
    dist.init_process_group("nccl" if gpu else "gloo", rank=rank, world_size=processes)
    torch.manual_seed(rank)
    images, labels = cifar.load(options.data)
    model = nn.parallel.DistributedDataParallel(network().to(device))  # which sends the parameters of the first process to all
    optimizer = onedge.torch.Tuned(model.parameters(), steps=options.steps)

    pairs = torch.utils.data.TensorDataset(images, labels)
    sampler = torch.utils.data.DistributedSampler(pairs, seed=0)
    loader = torch.utils.data.DataLoader(pairs, options.batch // processes, sampler=sampler, drop_last=True)
    step, epoch, first = 0, 0, None
    while step < options.steps:
        sampler.set_epoch(epoch)
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            optimizer.step(lambda: F.cross_entropy(model(x), y))
            loss = optimizer.report.loss  # the mean over all processes; step gives that of its own
            first = loss if first is None else first
            step += 1
            if rank == 0 and step % 20 == 0:
                print(f"step {step:5}  loss {loss:.3f}  learning rate {optimizer.param_groups[0]['lr']:.2e}", flush=True)
            if step == options.steps:
                break
        epoch += 1

    # Are all processes at the same point?
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])
    low, high = flat.clone(), flat.clone()
    dist.all_reduce(low, dist.ReduceOp.MIN)
    dist.all_reduce(high, dist.ReduceOp.MAX)
    if rank == 0:
        print(f"{processes} processes, {step} steps: the mean loss went from {first:.3f} to {loss:.3f}")
        print(f"their parameters differ by {(high - low).abs().max().item():.1e}")
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a folder with the files of CIFAR-10; stripes without it")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=64, help="over all processes")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--port", default="29501")
    parser.add_argument("--launched", action="store_true", help="by torchrun")
    options = parser.parse_args()
    if options.launched:
        train(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), options)
    else:
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        os.environ.setdefault("MASTER_PORT", options.port)
        torch.multiprocessing.spawn(train, (options.processes, options), options.processes)


if __name__ == "__main__":
    main()
