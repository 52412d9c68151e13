"""Tuned rates in the loops of Lightning, of the Trainer of transformers, and of accelerate."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import onedge  # noqa: E402
import onedge.torch  # noqa: E402

torch.manual_seed(0)
X, Y = torch.randn(48, 6), torch.randint(0, 3, (48,))
PAIRS = torch.utils.data.TensorDataset(X, Y)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def plain(count, **settings):
    """The rates of a loop of one's own over the batches in order."""
    model = network()
    optimizer = onedge.torch.Tuned(model.parameters(), **settings)
    rates = []
    for step in range(count):
        x, y = X[16 * (step % 3) :][:16], Y[16 * (step % 3) :][:16]
        optimizer.step(lambda: F.cross_entropy(model(x), y))
        rates.append(optimizer.learning_rate)
    return rates, [parameter.detach() for parameter in model.parameters()]


def same(model, parameters):
    return all(torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), parameters, strict=True))


@pytest.mark.filterwarnings("ignore")
def test_lightning(tmp_path):
    lightning = pytest.importorskip("lightning")

    class Module(lightning.LightningModule):
        def __init__(self, automatic=False):
            super().__init__()
            self.automatic_optimization, self.network, self.rates = automatic, network(), []

        def loss(self, batch):
            return F.cross_entropy(self.network(batch[0]), batch[1])

        def training_step(self, batch, _):
            if self.automatic_optimization:
                return self.loss(batch)
            optimizer = self.optimizers()
            optimizer.step(lambda: self.loss(batch))
            self.rates.append(optimizer.param_groups[0]["lr"])

        def configure_optimizers(self):
            return onedge.torch.Tuned(self.parameters())

    def trainer(**options):
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False, "accelerator": "cpu", "devices": 1}
        return lightning.Trainer(max_epochs=2, default_root_dir=tmp_path, **quiet, **options)

    loader = lambda: torch.utils.data.DataLoader(PAIRS, 16)
    rates, parameters = plain(6)
    model, fitted = Module(), trainer()
    fitted.fit(model, loader())
    assert model.rates == rates and same(model, parameters)

    fitted.save_checkpoint(tmp_path / "saved.ckpt")
    resumed, further = Module(), trainer()
    further.fit_loop.max_epochs = 3
    further.fit(resumed, loader(), ckpt_path=tmp_path / "saved.ckpt", weights_only=True)
    assert resumed.rates == plain(9)[0][6:]

    with pytest.raises(onedge.StateError, match="self.automatic_optimization = False"):
        trainer().fit(Module(automatic=True), loader())
    # What Lightning would do to gradients that it never sees, it refuses itself.
    for option in ({"gradient_clip_val": 1.0}, {"accumulate_grad_batches": 2}):
        with pytest.raises(lightning.fabric.utilities.exceptions.MisconfigurationException, match="not supported for manual optimization"):
            trainer(**option).fit(Module(), loader())


def test_accelerate():
    accelerate = pytest.importorskip("accelerate")
    rates, parameters = plain(6)
    accelerator = accelerate.Accelerator(cpu=True)
    model = network()
    model, optimizer, loader = accelerator.prepare(model, onedge.torch.Tuned(model.parameters()), torch.utils.data.DataLoader(PAIRS, 16))
    found = []
    for _ in range(2):
        for x, y in loader:
            optimizer.step(lambda: F.cross_entropy(model(x), y))
            found.append(optimizer.param_groups[0]["lr"])
    assert found == rates and same(model, parameters)


@pytest.fixture(scope="module")
def trainer_of():
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")

    class Trainer(onedge.torch.TrainerMixin, transformers.Trainer):
        pass

    def make(folder, optimizer=None, schedule=None, **options):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.network = network()

            def forward(self, x, labels):
                logits = self.network(x)
                return {"loss": F.cross_entropy(logits, labels), "logits": logits}

        model = Model()
        settings = {
            "max_steps": 6, "per_device_train_batch_size": 16, "logging_steps": 1, "report_to": [], "disable_tqdm": True, "use_cpu": True, "train_sampling_strategy": "sequential",
            "save_strategy": "no", "max_grad_norm": 0.0,
        }  # fmt: skip
        arguments = transformers.TrainingArguments(str(folder), **{**settings, **options})
        made = optimizer(model.parameters()) if optimizer else None
        return Trainer(model, arguments, train_dataset=[{"x": x, "labels": y} for x, y in zip(X, Y)], optimizers=(made, schedule))

    return make


def logged(trainer, key="learning_rate"):
    return [line[key] for line in trainer.state.log_history if "loss" in line]


def test_trainer_is_a_plain_loop(trainer_of, tmp_path):
    trainer = trainer_of(tmp_path)
    trainer.train()
    rates, parameters = plain(6, steps=6)
    assert logged(trainer) == rates and same(trainer.model, parameters)
    # With an optimizer of one's own.
    trainer = trainer_of(tmp_path, lambda parameters: onedge.torch.Tuned(parameters, base="gd", tuner="greedy"))
    trainer.train()
    assert logged(trainer) == plain(6, base="gd", tuner="greedy")[0]


def test_trainer_clips_and_says_the_norm(trainer_of, tmp_path):
    trainer = trainer_of(tmp_path, max_grad_norm=0.05)
    trainer.train()
    rates, parameters = plain(6, steps=6, max_grad_norm=0.05)
    assert logged(trainer) == rates and same(trainer.model, parameters)
    assert all(0.0 < norm for norm in logged(trainer, "grad_norm"))


def test_trainer_accumulates(trainer_of, tmp_path):
    """The gradient is that of all parts, the curvature that of the last."""
    trainer = trainer_of(tmp_path, max_steps=3, gradient_accumulation_steps=3)
    trainer.train()
    model = network()
    optimizer = onedge.torch.Tuned(model.parameters(), steps=3)
    rates = []
    for _ in range(3):
        for start in (0, 16):
            optimizer.accumulate(F.cross_entropy(model(X[start:][:16]), Y[start:][:16]))
        optimizer.step(lambda: F.cross_entropy(model(X[32:]), Y[32:]))
        rates.append(optimizer.learning_rate)
    torch.testing.assert_close(torch.tensor(logged(trainer)), torch.tensor(rates), rtol=1e-4, atol=0)


def test_trainer_resumes_with_the_same_bits(trainer_of, tmp_path):
    whole = trainer_of(tmp_path, save_strategy="steps", save_steps=3)
    whole.train()
    rest = trainer_of(tmp_path)
    rest.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert logged(rest)[-3:] == logged(whole)[-3:] and same(rest.model, list(whole.model.parameters()))


def test_schedules_of_the_trainer_are_a_factor(trainer_of, tmp_path):
    trainer = trainer_of(tmp_path, lr_scheduler_type="cosine", warmup_steps=2, save_strategy="steps", save_steps=3)
    trainer.train()
    model = network()
    optimizer, rates = onedge.torch.Tuned(model.parameters()), []
    for step in range(6):
        optimizer.factor = step / 2 if step < 2 else 0.5 + 0.5 * float(torch.cos(torch.tensor(torch.pi * (step - 2) / 4)))
        x, y = X[16 * (step % 3) :][:16], Y[16 * (step % 3) :][:16]
        optimizer.step(lambda: F.cross_entropy(model(x), y))
        rates.append(optimizer.learning_rate)
    torch.testing.assert_close(torch.tensor(logged(trainer)), torch.tensor(rates), rtol=1e-5, atol=1e-8)
    rest = trainer_of(tmp_path, lr_scheduler_type="cosine", warmup_steps=2)
    rest.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert logged(rest)[-3:] == logged(trainer)[-3:]


@pytest.mark.parametrize(
    "error, part, options",
    [
        (onedge.ArgumentError, "got SGD", {"optimizer": lambda parameters: torch.optim.SGD(parameters, lr=0.1)}),
        (onedge.ArgumentError, "expected None as the scheduler", {"optimizer": onedge.torch.Tuned, "schedule": object()}),
        (onedge.UnsupportedError, "torch_compile", {"torch_compile": True}),
    ],
)
def test_trainer_refuses(trainer_of, tmp_path, error, part, options):
    with pytest.raises(error, match=part) as raised:
        trainer_of(tmp_path, **options).train()
    assert "\n" not in str(raised.value)


def test_trainer_weight_decay_is_of_the_parameters_that_it_has_it_for(trainer_of, tmp_path):
    trainer = trainer_of(tmp_path, weight_decay=0.1, adam_beta1=0.8)
    trainer.train()
    groups = trainer.optimizer.param_groups
    assert [group["decay"] for group in groups] == [0.1, 0.0] and [len(group["params"]) for group in groups] == [2, 2] and groups[0]["beta1"] == 0.8
