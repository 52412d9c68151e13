"""A vision transformer in flax on CIFAR-10, trained with Optax and no learning rate: it follows from the curvature of the loss along each step.

    python vit_flax.py --data cifar-10-batches-bin --epochs 10
    python vit_flax.py                                          # without the data: coloured patches, to see it run

`--data` is the folder of the binary version of CIFAR-10, from https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import argparse
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import onedge.optax


class Block(nn.Module):
    heads: int

    @nn.compact
    def __call__(self, x):
        x = x + nn.MultiHeadDotProductAttention(num_heads=self.heads)(nn.LayerNorm()(x))
        return x + nn.Dense(x.shape[-1])(nn.gelu(nn.Dense(4 * x.shape[-1])(nn.LayerNorm()(x))))


class ViT(nn.Module):
    width: int
    layers: int

    @nn.compact
    def __call__(self, images):
        x = nn.Conv(self.width, (4, 4), (4, 4), padding="VALID")(images).reshape(len(images), -1, self.width)
        x = x + self.param("position", nn.initializers.normal(0.02), (1, x.shape[1], self.width))
        for _ in range(self.layers):
            x = Block(max(1, self.width // 32))(x)
        return nn.Dense(10)(nn.LayerNorm()(x).mean(1))


def read(folder, pattern):
    """Images `[n, 32, 32, 3]` of mean about 0 and deviation about 1, and labels."""
    files = sorted(Path(folder).glob(pattern))
    if not files:
        raise SystemExit(f"{folder}: expected files {pattern}, of the binary version of CIFAR-10, found none")
    records = np.concatenate([np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 3073) for path in files])
    return (records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).astype(np.float32) / 255 - 0.47) / 0.25, records[:, 0].astype(np.int32)


def patches(count, seed):
    """Made-up images: the label tells the colour and the half of a bright patch."""
    draws = np.random.default_rng(seed)
    labels, images = draws.integers(0, 6, count).astype(np.int32), draws.normal(size=(count, 32, 32, 3)).astype(np.float32)
    for image, label in zip(images, labels):
        image[16 * (label // 3) :][:16, :, label % 3] += 1
    return images, labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a folder with data_batch_1.bin and so on")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, help="so many steps, whatever the epochs")
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=6)
    options = parser.parse_args()

    images, labels = read(options.data, "data_batch_*.bin") if options.data else patches(2000, seed=0)
    test = read(options.data, "test_batch.bin") if options.data else patches(500, seed=1)
    model = ViT(options.width, options.layers)
    params = jax.jit(model.init)(jax.random.key(0), images[:1])
    draws, batch = np.random.default_rng(0), min(options.batch, len(images))
    steps = options.steps or options.epochs * (len(images) // batch)
    # No learning rate; as the number of steps is known, it comes down at the end.
    tx = optax.chain(optax.clip_by_global_norm(1.0), onedge.optax.cdat(optax.scale_by_adam(), steps=steps))
    state = tx.init(params)

    @jax.jit
    def step(params, state, x, y):
        f = lambda params: optax.softmax_cross_entropy_with_integer_labels(model.apply(params, x), y).mean()  # noqa: E731
        value, gradient = jax.value_and_grad(f)(params)
        # The one line that differs: the rule gets the loss as a function of the parameters, and its value.
        updates, state = tx.update(gradient, state, params, value_fn=f, value=value)
        return optax.apply_updates(params, updates), state, value

    @jax.jit
    def right(params, x, y):
        return jnp.sum(model.apply(params, x).argmax(-1) == y)

    number, losses = 0, []
    while number < steps:
        order = draws.permutation(len(images))
        for chosen in order[: len(order) // batch * batch].reshape(-1, batch)[: steps - number]:
            params, state, loss = step(params, state, images[chosen], labels[chosen])
            losses.append(float(loss))
            number += 1
            if number % 10 == 0 or number == steps:
                print(f"step {number:5}  loss {np.mean(losses[-10:]):.3f}  learning rate {float(optax.tree.get(state, 'learning_rate')):.2e}", flush=True)
    parts = range(0, len(test[0]), 250)
    correct = sum(int(right(params, *(part[at : at + 250] for part in test))) for at in parts)
    print(f"{steps} steps; right on {100 * correct / len(test[0]):.1f} % of {len(test[0])} images it has not seen")


if __name__ == "__main__":
    main()
