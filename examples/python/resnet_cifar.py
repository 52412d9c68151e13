"""A ResNet of torchvision on CIFAR-10.

No learning rate is given: it is found at each step, from the curvature of the loss along it.

    python resnet_cifar.py --data cifar-10-batches-py --epochs 10
    python resnet_cifar.py                                          # without the data: stripes, to see it run
"""

import argparse
import time

import torch
import torchvision
from torch.nn import functional as F

import cifar
import onedge.torch


def network(depth):
    """`resnet18` and the like for images of 32x32: a small first convolution, no pooling after it. Depth 10 has half the blocks of 18."""
    blocks = {10: [1, 1, 1, 1], 18: [2, 2, 2, 2], 34: [3, 4, 6, 3]}[depth]
    model = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, blocks, num_classes=10)
    model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = torch.nn.Identity()
    return model


def augmented(images):
    """Shifted by up to 4 pixels, and mirrored one time in two."""
    dx, dy = torch.randint(0, 9, (2,)).tolist()
    shifted = F.pad(images, (4, 4, 4, 4))[:, :, dy : dy + 32, dx : dx + 32]
    return shifted.flip(3) if torch.rand(()) < 0.5 else shifted


@torch.no_grad()
def accuracy(model, images, labels, batch=250):
    model.eval()
    right = sum((model(x).argmax(1) == y).sum().item() for x, y in zip(images.split(batch), labels.split(batch)))
    model.train()
    return right / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a folder with the files of CIFAR-10")
    parser.add_argument("--depth", type=int, default=18, choices=(10, 18, 34))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, help="so many steps, whatever the epochs")
    parser.add_argument("--test-images", type=int, help="test on so many images alone")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()

    torch.manual_seed(0)
    images, labels = (part.to(options.device) for part in cifar.load(options.data))
    test = [part.to(options.device) for part in cifar.load(options.data, train=False, limit=options.test_images)]
    model = network(options.depth).to(options.device)
    steps = options.steps or options.epochs * -(-len(images) // options.batch)
    optimizer = onedge.torch.Tuned(model.parameters(), steps=steps)

    begun, step, losses = time.time(), 0, []
    while step < steps:
        for chosen in torch.randperm(len(images)).to(options.device).split(options.batch)[: steps - step]:
            x, y = augmented(images[chosen]), labels[chosen]
            # Neither backward() nor zero_grad(): step takes gradient and curvature of the loss that comes back.
            loss = optimizer.step(lambda: F.cross_entropy(model(x), y)).item()
            losses.append(loss)
            step += 1
            if step % 10 == 0 or step == steps:
                print(f"step {step:5}  loss {sum(losses[-10:]) / len(losses[-10:]):.3f}  learning rate {optimizer.param_groups[0]['lr']:.2e}", flush=True)
    seconds = time.time() - begun
    last = sum(losses[-10:]) / len(losses[-10:])
    print(f"{step} steps in {seconds:.0f} s ({seconds / step:.2f} s each); loss {losses[0]:.3f} at first, {last:.3f} over the last ten")
    print(f"of {len(test[0])} images it has not seen, it classifies {100 * accuracy(model, *test):.1f} % correctly (guessing: 10 %)")


if __name__ == "__main__":
    main()
