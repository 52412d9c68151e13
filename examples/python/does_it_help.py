# %% [markdown]
# # Does it help on my problem?
#
# This notebook trains your model twice for the same time, once with the optimizer and schedule that you have now, once with the tuner, and
# says in words what came of it. It also runs your schedule with a third and with three times its learning rate, which shows what finding
# that rate is worth: the tuner is given none.
#
# Change the first cell to your problem; the rest stays. As it is, it takes a minute. (A script of cells: Jupyter, VS Code and PyCharm open
# it as a notebook.)

# %%
import os
import time

import torch
from torch import nn
from torch.nn import functional as F

import onedge.torch

SECONDS = float(os.environ.get("SECONDS", 5))  # for each run; take as long as you would train, or a tenth of it
SEEDS = int(os.environ.get("SEEDS", 3))
torch.set_num_threads(1)


def make_model():
    return nn.Sequential(nn.Linear(20, 64), nn.GELU(), nn.LayerNorm(64), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 1))


def loss_of(model, batch):
    x, y = batch
    return F.mse_loss(model(x)[:, 0], y)


def data():
    """Batches to train on, begun again when they end, and one to judge by."""
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(4096 + 1024, 20, generator=draws)
    y = torch.sin(x[:, 0] * x[:, 1]) + x[:, 2:5].square().mean(1) + 0.1 * torch.randn(len(x), generator=draws)
    pairs = torch.utils.data.TensorDataset(x[:4096], y[:4096])
    return torch.utils.data.DataLoader(pairs, batch_size=128, shuffle=True), (x[4096:], y[4096:])


def my_optimizer(parameters, steps, factor=1.0):
    """What you use now: an optimizer and its schedule over so many steps."""
    optimizer = torch.optim.AdamW(parameters, lr=factor * 1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, factor * 1e-3, total_steps=max(steps, 2), pct_start=0.1)
    return optimizer, schedule


# %% [markdown]
# ## The two steps
#
# Yours, and the one that tunes. The difference is all that there is to change in a loop: no `backward`, no `zero_grad`, no schedule, and
# the loss goes to `step` as a closure.


# %%
def my_step(model, optimizer, schedule, batch):
    optimizer.zero_grad()
    loss = loss_of(model, batch)
    loss.backward()
    optimizer.step()
    schedule.step()
    return loss.item()


def tuned_step(model, optimizer, batch):
    return optimizer.step(lambda: loss_of(model, batch)).item()


# %% [markdown]
# ## Is the model fit for curvature?

# %%
batches, held_out = data()
print(onedge.torch.check(make_model(), loss_of, next(iter(batches))))

# %% [markdown]
# ## Training for a time


# %%
def endless(batches):
    while True:
        yield from batches


def trained(seed, make_step, seconds, steps=None):
    """Trains a fresh model for `seconds`, or `steps`; the loss on held-out data afterwards, and the number of steps."""
    torch.manual_seed(seed)
    model = make_model()
    step = make_step(model)
    begun, done = time.perf_counter(), 0
    for batch in endless(batches):
        step(batch)
        done += 1
        if done == steps or (steps is None and time.perf_counter() - begun >= seconds):
            break
    model.eval()
    with torch.no_grad():
        return loss_of(model, held_out).item(), done


def mine(steps, factor=1.0):
    def make_step(model):
        optimizer, schedule = my_optimizer(model.parameters(), steps, factor)
        return lambda batch: my_step(model, optimizer, schedule, batch)

    return make_step


def tuned(steps):
    def make_step(model):
        optimizer = onedge.torch.Tuned(model.parameters(), steps=steps)
        return lambda batch: tuned_step(model, optimizer, batch)

    return make_step


def steps_in(make, seconds):
    """How many steps fit into the time: a schedule must know it beforehand."""
    _, done = trained(0, make(10**6), min(1.0, seconds / 2))
    return max(2, int(done * seconds / min(1.0, seconds / 2)))


ways = {
    "mine": lambda steps: mine(steps),
    "mine, a third of the rate": lambda steps: mine(steps, 1 / 3),
    "mine, three times the rate": lambda steps: mine(steps, 3.0),
    "tuned": tuned,
}
results = {}
for name, make in ways.items():
    steps = steps_in(make, SECONDS)
    results[name] = [trained(seed, make(steps), SECONDS, steps)[0] for seed in range(SEEDS)]
    print(f"{name:28} {steps:6} steps in {SECONDS:g} s, loss on held-out data {'  '.join(f'{loss:.4f}' for loss in results[name])}")

# %% [markdown]
# ## What came of it


# %%
def mean_and_error(losses):
    losses = torch.tensor(losses, dtype=torch.float64)
    return losses.mean().item(), (losses.std().item() / len(losses) ** 0.5 if len(losses) > 1 else float("inf"))


(ours, error), (theirs, their_error) = mean_and_error(results["tuned"]), mean_and_error(results["mine"])
apart, doubt = theirs - ours, 2 * (error**2 + their_error**2) ** 0.5
if abs(apart) <= doubt:
    print(f"No difference that {SEEDS} seeds can show: {ours:.4f} with the tuner, {theirs:.4f} with your schedule, after the same time.")
elif apart > 0:
    print(f"It helps: {ours:.4f} with the tuner, {theirs:.4f} with your schedule, after the same time.")
else:
    print(f"It does not help where your rate is known: {ours:.4f} with the tuner, {theirs:.4f} with your schedule, after the same time.")
off = [mean_and_error(losses)[0] for name, losses in results.items() if "the rate" in name]
worse = sum(loss > ours for loss in off)
print(f"With your learning rate off by a factor of three, {' and '.join(f'{loss:.4f}' for loss in off)}:")
print(f"the tuner, which was given none, is better than {['neither', 'one of them', 'both'][worse]}.")
