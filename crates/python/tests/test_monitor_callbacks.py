"""Monitors as callbacks of Lightning and of the Trainer of transformers, and in JAX."""

import numpy as np
import pytest

import onedge


def test_lightning(tmp_path):
    torch, lightning = pytest.importorskip("torch"), pytest.importorskip("lightning")
    import onedge.torch

    class Line(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer, self.losses = torch.nn.Linear(3, 1), []

        def training_step(self, batch, index):
            loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
            self.losses.append(loss.item())
            return loss

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.05)

    torch.manual_seed(0)
    x = torch.randn(16, 3)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x[:, :1]), batch_size=4)
    module = Line()
    monitor = onedge.torch.Monitor(module, lambda m, b: torch.nn.functional.mse_loss(m.layer(b[0]), b[1]), (x, x[:, :1]), every=2, folder=tmp_path / "run", tolerance=1e-5)
    trainer = lightning.Trainer(
        max_epochs=2, accumulate_grad_batches=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[monitor.lightning()], default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(module, data)
    records = monitor.run.steps(as_="dict")
    np.testing.assert_allclose(records["loss"], np.mean(np.reshape(module.losses, (4, 2)), 1), rtol=1e-6)
    assert set(records["learning_rate"]) == {0.05} and [entry["step"] for entry in monitor.history] == [0, 2]
    ones = np.column_stack([x.numpy(), np.ones(16)])
    exact = np.linalg.eigvalsh(2 * ones.T @ ones / 16)[-1]
    assert monitor.history[1]["sharpness"] == pytest.approx(exact, rel=1e-4)
    assert monitor.run["steps"] == 4


def test_trainer_of_transformers(tmp_path):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    import onedge.torch

    class Line(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.losses = torch.nn.Linear(3, 1), []

        def forward(self, x, labels):
            said = self.layer(x)
            return {"loss": torch.nn.functional.mse_loss(said, labels), "logits": said}

    torch.manual_seed(0)
    x = torch.randn(16, 3)
    data = [{"x": row, "labels": row[:1]} for row in x]
    model = Line()
    monitor = onedge.torch.Monitor(model, lambda m, b: m(**b)["loss"], {"x": x, "labels": x[:, :1]}, every=2, folder=tmp_path / "run")
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"), max_steps=4, per_device_train_batch_size=4, gradient_accumulation_steps=2, learning_rate=1e-2, lr_scheduler_type="constant", report_to=[],
        save_strategy="no", use_cpu=True, disable_tqdm=True, logging_steps=1,
    )  # fmt: skip
    trainer = transformers.Trainer(model=model, args=arguments, train_dataset=data, callbacks=[monitor.trainer()])
    trainer.train()
    records = monitor.run.steps(as_="dict")
    told = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    np.testing.assert_allclose(records["loss"], told, rtol=1e-2)
    assert len(told) == 4 and set(records["learning_rate"]) == {1e-2}
    # The Trainer's AdamW has a state from its second step on.
    assert [entry["step"] for entry in monitor.history] == [0, 2] and "preconditioned_sharpness" in monitor.history[1]
    assert monitor.run["optimizer"] == "adamw"


def test_jax(tmp_path):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    import jax.numpy as jnp

    import onedge.jax

    x = jnp.asarray(np.random.default_rng(0).normal(size=(20, 3)), jnp.float32)

    def loss(w, x):
        return jnp.mean(jnp.sin(x @ w) ** 2)

    w, tx = jnp.asarray([0.5, -0.3, 0.2], jnp.float32), optax.adam(1e-2)
    state, exact = tx.init(w), []
    with onedge.jax.Monitor(loss, x, every=2, folder=tmp_path / "run", count=2, tolerance=1e-4, optimizer="adam", steps=4) as monitor:
        for step in range(4):
            value, gradient = jax.value_and_grad(loss)(w, x)
            diagonal = lambda: jnp.sqrt(state[0].nu / (1 - 0.999 ** state[0].count)) + 1e-8
            updates, after = tx.update(gradient, state, w)
            h = np.asarray(jax.hessian(loss)(w, x), np.float64)
            values, vectors = np.linalg.eigh(h)
            u = np.asarray(updates, np.float64)
            exact.append((float(value), values[-1], (u @ vectors[:, -1]) ** 2 / (u @ u)))
            monitor.step(w, loss=value, learning_rate=1e-2, preconditioner=diagonal if step else None)
            w, state = optax.apply_updates(w, updates), after
    exact, records, first, second = np.array(exact), monitor.run.steps(as_="dict"), *monitor.history
    np.testing.assert_allclose(records["loss"], exact[:, 0], rtol=1e-5)
    np.testing.assert_allclose([first["sharpness"], second["sharpness"]], exact[::2, 1], rtol=1e-3)
    np.testing.assert_allclose([first["alignment"], second["alignment"]], exact[::2, 2], rtol=2e-2, atol=1e-3)
    assert "preconditioned_sharpness" not in first
    assert second["rate_x_sharpness"] == pytest.approx(1e-2 * second["preconditioned_sharpness"])
    assert monitor.run["steps"] == 4 and monitor.run["optimizer"] == "adam"
    with pytest.raises(onedge.ArgumentError, match="function"):
        onedge.jax.Monitor(3)
