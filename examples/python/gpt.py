"""A small GPT on a text, character by character, after nanoGPT.

No learning rate is given: it is found at each step, from the curvature of the loss along it.

    python gpt.py --text input.txt --steps 2000     # such as Tiny Shakespeare
    python gpt.py                                   # on a text of its own, to see it run
"""

import argparse
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

import onedge.torch


class Block(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout))

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.first(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=self.dropout if self.training else 0.0)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.second(x))


class GPT(nn.Module):
    def __init__(self, characters, context, layers, width, heads, dropout):
        super().__init__()
        self.context = context
        self.tokens, self.places = nn.Embedding(characters, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, characters, bias=False)
        self.apply(lambda m: nn.init.normal_(m.weight, std=0.02) if isinstance(m, (nn.Linear, nn.Embedding)) else None)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        return self.head(self.norm(self.blocks(x)))

    @torch.no_grad()
    def continued(self, tokens, count):
        for _ in range(count):
            logits = self(tokens[:, -self.context :])[:, -1]
            tokens = torch.cat([tokens, torch.multinomial(F.softmax(logits, -1), 1)], 1)
        return tokens


def cross_entropy(model, batch):
    x, y = batch
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", help="a file of text")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--context", type=int, default=64)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()

    torch.manual_seed(0)
    rhyme = "one fish two fish red fish blue fish, this one has a little star, say what a lot of fish there are. " * 200
    text = Path(options.text).read_text() if options.text else rhyme
    characters = sorted(set(text))
    number = {character: place for place, character in enumerate(characters)}
    tokens = torch.tensor([number[character] for character in text], device=options.device)
    train, rest = tokens.split([len(tokens) * 9 // 10, len(tokens) - len(tokens) * 9 // 10])

    def batch(part):
        starts = torch.randint(len(part) - options.context, (options.batch,)).tolist()
        return (torch.stack([part[s + shift : s + shift + options.context] for s in starts]) for shift in (0, 1))

    model = GPT(len(characters), options.context, options.layers, options.width, options.heads, options.dropout).to(options.device)
    # The fused kernels of attention have no second derivatives: math_attention=True computes it without them.
    optimizer = onedge.torch.Tuned(model.parameters(), steps=options.steps, math_attention=True)
    size = sum(parameter.numel() for parameter in model.parameters())
    print(f"{size} parameters, {len(train)} characters to learn from, {len(characters)} different ones")

    begun, losses = time.time(), []
    for step in range(1, options.steps + 1):
        pair = tuple(batch(train))
        losses.append(optimizer.step(lambda: cross_entropy(model, pair)).item())
        if step % 50 == 0 or step == options.steps:
            print(f"step {step:5}  loss {sum(losses[-20:]) / len(losses[-20:]):.3f}  learning rate {optimizer.param_groups[0]['lr']:.2e}", flush=True)
    seconds = time.time() - begun

    model.eval()
    with torch.no_grad():
        held = sum(cross_entropy(model, tuple(batch(rest))).item() for _ in range(10)) / 10
    print(f"{options.steps} steps in {seconds:.0f} s ({1000 * seconds / options.steps:.0f} ms each)")
    print(f"loss on text it has not seen: {held:.3f} (guessing among its characters: {torch.tensor(float(len(characters))).log():.3f})")
    print("it writes:\n" + "".join(characters[token] for token in model.continued(rest[None, :1], 200)[0].tolist()))


if __name__ == "__main__":
    main()
