"""CIFAR-10 from a folder, in either of its official forms; without a folder, coloured stripes to try a script on.

The official archives are at https://www.cs.toronto.edu/~kriz/cifar.html: unpack one of them, and give its folder.
"""

import pickle
from pathlib import Path

import numpy as np
import torch


def load(folder, train=True, limit=None):
    """Images `[n, 3, 32, 32]`, scaled to mean 0 and deviation 1, and labels `[n]`."""
    if folder is None:
        images, labels = stripes(2000 if train else 500, seed=0 if train else 1)
    else:
        images, labels = read(Path(folder), train)
    images, labels = images[:limit], labels[:limit]
    mean, deviation = (np.array(x, np.float32).reshape(3, 1, 1) for x in ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)))
    return torch.from_numpy((images.astype(np.float32) / 255 - mean) / deviation), torch.from_numpy(labels.astype(np.int64))


def read(folder, train):
    pattern = "data_batch_*" if train else "test_batch*"
    binary = sorted(folder.glob(f"{pattern}.bin"))
    if binary:
        # A byte for the label, then the red, green and blue planes.
        records = np.concatenate([np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 3073) for path in binary])
        return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]
    pickled = [path for path in sorted(folder.glob(pattern)) if path.suffix == ""]
    if not pickled:
        raise SystemExit(f"{folder}: expected the files of CIFAR-10 (data_batch_1.bin, or data_batch_1 of the Python version), found none")
    # Unpickling runs what is in the file: only files from their authors.
    batches = [pickle.loads(path.read_bytes(), encoding="bytes") for path in pickled]
    return np.concatenate([b[b"data"] for b in batches]).reshape(-1, 3, 32, 32), np.concatenate([b[b"labels"] for b in batches])


def stripes(count, seed):
    """Ten kinds of stripes, by direction and width, under noise."""
    draws = np.random.default_rng(seed)
    labels = draws.integers(0, 10, count)
    y, x = np.mgrid[:32, :32] / 32
    angle, waves = (labels % 5) * np.pi / 5, 2 + 3 * (labels // 5)
    phase = (np.cos(angle)[:, None, None] * x + np.sin(angle)[:, None, None] * y) * waves[:, None, None] + draws.uniform(size=(count, 1, 1))
    images = 128 + 60 * np.sin(2 * np.pi * phase)[:, None] * draws.uniform(0.3, 1, (count, 3, 1, 1)) + 40 * draws.normal(size=(count, 3, 32, 32))
    return np.clip(images, 0, 255).astype(np.uint8), labels
