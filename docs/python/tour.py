# %% [markdown]
# # A tour of onedge for Python
#
# Five stops: a flax model of your own, a torch model of your own, its sharpness watched while it trains, tuners compared, and the density of the
# Hessian's eigenvalues. The cells are those of a notebook; as a script the file runs in half a minute: `python docs/python/tour.py`.

# %%
import tempfile
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import onedge
import onedge.jax

# Runs and pictures go here.
FOLDER = Path(tempfile.mkdtemp(prefix="onedge-tour-"))


def keep(axes, name):
    """A picture in the folder of this tour; in a notebook it is shown anyway."""
    axes[0].figure.savefig(FOLDER / f"{name}.png", dpi=120)


# %% [markdown]
# ## A flax model of your own
#
# Two spirals, to be told apart by a small network. Nothing here is special to onedge: a model, a batch, a loss that gives one number.

# %%
draws = np.random.default_rng(0)
turn = np.sqrt(draws.uniform(0.05, 1, size=256)) * 2.2 * np.pi
side = draws.integers(0, 2, size=256)
x = np.stack([np.cos(turn + np.pi * side), np.sin(turn + np.pi * side)], 1) * turn[:, None] / 4
x = (x + 0.05 * draws.normal(size=x.shape)).astype(np.float32)
batch = (x, side)


class Network(nn.Module):
    @nn.compact
    def __call__(self, x):
        for width in (32, 32):
            x = nn.tanh(nn.Dense(width)(x))
        return nn.Dense(2)(x)


network = Network()
params = network.init(jax.random.key(0), x[:1])


def loss(params, batch):
    x, label = batch
    scores = jax.nn.log_softmax(network.apply(params, x))
    return -jnp.mean(jnp.take_along_axis(scores, label[:, None], axis=1))


# %% [markdown]
# `objective` takes the loss apart once; from then on onedge computes. The gradient is that of JAX, and beside it there is what JAX makes you pay much
# more for: the curvature along any direction, products with the Hessian, its largest eigenvalues.

# %%
o = onedge.jax.objective(loss, params, batch)
value, gradient = o.linearize(params)
print("loss", value)
print("g . H g", o.curvature(gradient))
print("sharpness", o.sharpness())
o.top_eigenvalues(3)

# %% [markdown]
# Training needs no learning rate: the tuner `cdat` finds it from the curvature at every step. `onedge.entries("tuner")` lists the others.

# %%
trained = onedge.train(o, params, steps=150, diagnostics=["sharpness"])
print(trained)
right = jnp.argmax(network.apply(trained.parameters, x), axis=1) == side
print("told apart", float(right.mean()))
trained

# %% [markdown]
# ## Watch the sharpness
#
# With squared errors and a small constant rate the sharpness rises until it meets 2 / rate, the pale dashed line, and stays there: the edge of
# stability. A smaller rate meets it later, and higher up.


# %%
def squared(params, batch):
    x, label = batch
    return jnp.mean((network.apply(params, x) - jax.nn.one_hot(label, 2)) ** 2)


q = onedge.jax.objective(squared, params, batch)
watched = {
    f"rate {rate}": onedge.train(q, params, tuner=onedge.tuner("constant", rate=rate), steps=1000, diagnostics=["sharpness"])
    for rate in (0.1, 0.2)
}
keep(onedge.plot(watched), "sharpness")
for name, one in watched.items():
    print(name, "x sharpness in the end", one.diagnostics(as_="dict")["sharpness"][-1] * one.columns["learning_rate"][-1])

# %% [markdown]
# ## Compare tuners
#
# Runs with a folder can be found again, here or by the command `onedge runs --root FOLDER`.

# %%
RULES = {
    "cdat": "cdat",
    "greedy": "greedy",
    "armijo": "armijo",
    "rate-0.3": onedge.tuner("constant", rate=0.3),
}
for name, tuner in RULES.items():
    onedge.train(o, params, tuner=tuner, steps=150, diagnostics=["sharpness"], run=FOLDER / "runs" / name, progress=False)

runs = onedge.runs(folder=FOLDER / "runs", sort="final_loss")
keep(runs.plot(), "tuners")
print(runs.frame(["name", "final_loss", "cost", "seconds"]))
runs

# %% [markdown]
# The same with the optimizer Adam, whose sharpness is that of the preconditioned Hessian, with a callback that looks at the parameters of every
# fiftieth step, and in mini-batches: `replace` gives an objective of the same shapes another batch.

# %%
small = onedge.jax.objective(loss, params, (x[:64], side[:64]))
accuracies = []


def look(step):
    if step.number % 50 == 0:
        right = jnp.argmax(network.apply(step.parameters, x), axis=1) == side
        accuracies.append(float(right.mean()))


parts = [(x[start : start + 64], side[start : start + 64]) for start in range(0, 256, 64)]
adam = onedge.train(small, params, optimizer="adam", batches=parts, steps=200, on_step=look, progress=False)
print(adam)
print("accuracy", accuracies)

# %% [markdown]
# ## The density of the Hessian's eigenvalues
#
# Most eigenvalues are next to zero, and a few are not. `density` gives points of the distribution with their weights; smeared out they are a curve.

# %%
o.linearize(trained.parameters)
nodes = o.density(steps=48, vectors=4)
print("trace from the density", o.dim * float(nodes[:, 0] @ nodes[:, 1]), "and by random signs", o.trace())

try:
    import matplotlib.pyplot as plt

    width = 0.01 * nodes[:, 0].max()
    places = np.linspace(nodes[:, 0].min() - 4 * width, nodes[:, 0].max() + 4 * width, 800)
    smeared = nodes[:, 1] * np.exp(-0.5 * ((places[:, None] - nodes[:, 0]) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
    axis.semilogy(places, np.maximum(smeared.sum(1), 1e-6), color="#0072b2")
    axis.set_ylim(bottom=1e-3)
    axis.set_title("density of the eigenvalues of the Hessian", loc="left", fontsize=11)
    axis.set_xlabel("eigenvalue")
    axis.grid(color="#d8d8d8", linewidth=0.6)
    keep([axis], "density")
except ImportError:
    print("no picture: matplotlib is not installed")

# %% [markdown]
# ## A torch model of your own
#
# The same of PyTorch: `onedge.torch.objective(model, loss, batch)`.

# %%
try:
    import torch

    import onedge.torch
except ImportError:
    print("skipped: there is no PyTorch, or no onedge.torch")
else:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2))
    torch_batch = (torch.from_numpy(x), torch.from_numpy(side))
    p = onedge.torch.objective(model, torch.nn.CrossEntropyLoss(), torch_batch)
    first = dict(model.named_parameters())
    p.linearize(first)
    print("sharpness", p.sharpness())
    print(onedge.train(p, first, steps=100, progress=False))

print("runs and pictures are in", FOLDER)
