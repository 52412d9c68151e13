"""The models in PyTorch, and their steps."""

import numpy as np
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

import onedge.torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def device():
    return torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"


def versions():
    return {"torch": torch.__version__, "torchvision": torchvision.__version__}


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.project(self.before(x)).view(batch, length, 3 * self.heads, -1).transpose(1, 2).chunk(3, 1)
        scores = q @ k.transpose(2, 3) / (width // self.heads) ** 0.5
        later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        y = scores.masked_fill(later, torch.finfo(scores.dtype).min).softmax(-1) @ v
        x = x + self.join(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.after(x)), approximate="tanh"))


class Gpt(nn.Module):
    def __init__(self, layers, width, heads, words, length):
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, text):
        x = self.words(text) + self.places(torch.arange(text.shape[1], device=text.device))
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.words.weight.T


def problem(model, small):
    torch.manual_seed(0)
    draws = np.random.default_rng(0)
    if model == "resnet50":
        classes, images, size = (10, 8, 32) if small else (1000, 64, 224)
        blocks = [1, 1, 1, 1] if small else [3, 4, 6, 3]
        network = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, blocks, num_classes=classes)
        x, y = torch.tensor(draws.normal(size=(images, 3, size, size)), dtype=torch.float32), torch.tensor(draws.integers(0, classes, images))
    else:
        words, texts, length = (256, 2, 32) if small else (50304, 4, 1024)
        network = Gpt(2, 32, 2, words, length) if small else Gpt(12, 768, 12, words, length)
        for parameter in network.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)
        text = torch.tensor(draws.integers(0, words, (texts, length + 1)))
        x, y = text[:, :-1].contiguous(), text[:, 1:].reshape(-1)
    return network.to(DEVICE), x.to(DEVICE), y.to(DEVICE)


def programs(model, precision, small):
    """By name: a function that takes so many steps and gives the loss; how many parameters there are; and a function that measures the sharpness."""

    def loss_of(network, batch):
        x, y = batch
        with torch.autocast(DEVICE, torch.bfloat16, enabled=precision == "bf16"):
            outputs = network(x)
        return F.cross_entropy(outputs.float().view(len(y), -1), y)

    def program(make):
        network, *batch = problem(model, small)
        step = make(network, lambda: loss_of(network, batch))

        def run(steps):
            for _ in range(steps):
                value = step()
            return float(value.detach())

        return run

    def plain(network, loss):
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

        def step():
            optimizer.zero_grad()
            value = loss()
            value.backward()
            optimizer.step()
            return value

        return step

    def tuned(every):
        def make(network, loss):
            optimizer = onedge.torch.CDAT(network.parameters(), base="adam", sigma=1.0, every=every)
            return lambda: optimizer.step(loss)

        return make

    def sharpness(**options):
        network, *batch = problem(model, small)
        return onedge.torch.sharpness(network, loss_of, tuple(batch), **options)

    count = sum(parameter.numel() for parameter in problem(model, small)[0].parameters())
    return {"plain": program(plain), "cdat": program(tuned(1)), "cdat every 8": program(tuned(8))}, count, sharpness
