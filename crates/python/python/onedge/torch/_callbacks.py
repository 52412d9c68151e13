"""A monitor as a callback of Lightning and of the Trainer of transformers."""

from __future__ import annotations

import torch

from .._errors import ArgumentError


def lightning(monitor):
    """A `lightning.pytorch.Callback` that tells a monitor of each step of the optimizer."""
    try:
        from lightning.pytorch import Callback
    except ImportError:
        try:
            from pytorch_lightning import Callback
        except ImportError:
            raise ArgumentError("lightning: expected the package lightning, which is not installed; try pip install lightning") from None

    class MonitorCallback(Callback):
        def __init__(self):
            self._losses, self._begun = [], False

        def on_before_optimizer_step(self, trainer, module, optimizer):
            if trainer.is_global_zero:
                monitor.step(optimizer, step=_later(monitor, trainer.global_step))
                self._begun = True

        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
            loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
            if isinstance(loss, torch.Tensor):
                # Lightning divides it by the batches that it accumulates.
                self._losses.append(loss.detach() * trainer.accumulate_grad_batches)
            if self._begun:
                if self._losses:
                    monitor.tell(torch.stack([part.reshape(()) for part in self._losses]).mean())
                self._losses, self._begun = [], False

        def on_train_end(self, trainer, module):
            monitor.close(KeyboardInterrupt() if trainer.interrupted else None)

        def on_exception(self, trainer, module, exception):
            monitor.close(exception)

    return MonitorCallback()


def trainer(monitor):
    """A `transformers.TrainerCallback` that tells a monitor of each step of the optimizer."""
    try:
        from transformers import TrainerCallback
    except ImportError:
        raise ArgumentError("trainer: expected the package transformers, which is not installed; try pip install transformers") from None

    class MonitorCallback(TrainerCallback):
        def __init__(self):
            self._losses, self._hook = [], None

        def on_train_begin(self, args, state, control, model=None, **_):
            # The Trainer tells its callbacks of no loss: it is that in the outputs of the model.
            self._hook = model.register_forward_hook(self._see) if model is not None else None

        def _see(self, model, inputs, outputs):
            loss = outputs.get("loss") if hasattr(outputs, "get") else None
            if isinstance(loss, torch.Tensor) and model.training and not monitor.is_measuring:
                self._losses.append(loss.detach().mean())

        def on_pre_optimizer_step(self, args, state, control, optimizer=None, **_):
            losses, self._losses = self._losses, []
            if state.is_world_process_zero:
                loss = torch.stack(losses).mean() if losses else None
                monitor.step(optimizer, loss=loss, step=_later(monitor, state.global_step))

        def on_train_end(self, args, state, control, **_):
            if self._hook is not None:
                self._hook.remove()
            monitor.close()

    return MonitorCallback()


def _later(monitor, step):
    """The number that the framework has for a step, unless it has more optimizers than one."""
    return max(step, monitor.next)
