"""The `Trainer` of transformers with a tuned learning rate."""

from __future__ import annotations

import contextlib

import torch

from .._errors import ArgumentError, UnsupportedError
from ._makers import generators, set_generators
from ._tuned import Tuned


class TrainerMixin:
    """What makes a `Trainer` of transformers, or a subclass of it, tune its learning rate.

        class Trainer(onedge.torch.TrainerMixin, transformers.Trainer):
            pass

        Trainer(model, args, train_dataset=data).train()

    The optimizer is `Tuned` with Adam (AdamW, if `args.weight_decay` is not 0, for the parameters that the Trainer has it for), beta1,
    beta2 and eps of `args`, or what you hand in: `optimizers=(onedge.torch.Tuned(model.parameters(), ...), None)`, or `create_tuned` of a
    subclass makes. Of `args`:

    - `max_grad_norm` clips the gradient that the base gets, unless the optimizer handed in has one of its own.
    - `gradient_accumulation_steps`: the gradient is that of all parts of the batch, the curvature that of the last one.
    - `learning_rate` is not used. A schedule other than `linear` (the default of transformers) or `constant`, and `warmup_steps`, are a
      factor on the rate that is found; without, the rate comes down towards `max_steps` by itself.
    - `save_steps`, `resume_from_checkpoint` and logging are as they were; the logged `learning_rate` is the one that was found.
    - Attention is computed without its fused kernels, which have no second derivatives. `bf16` works, `fp16` is an error. Under torchrun,
      processes train together by DistributedDataParallel.

    Errors: `UnsupportedError` for `fp16`, DeepSpeed, FSDP, ReduceLROnPlateau, `torch_compile`; `ArgumentError` for an optimizer that is not
    tuned.
    """

    def create_tuned(self, groups) -> Tuned:
        """The optimizer of groups of parameters, for a subclass to override."""
        arguments = self.args
        adam = {"beta1": arguments.adam_beta1, "beta2": arguments.adam_beta2, "eps": arguments.adam_epsilon}
        base = {"name": "adamw", **adam} if arguments.weight_decay else {"name": "adam", **adam}
        return Tuned(groups, base)

    def create_optimizer(self, *arguments, **options):
        _refuse(self)
        if self.optimizer is None:
            model = next(iter(arguments), None) or options.get("model") or self.model
            decayed = set(self.get_decay_parameter_names(model))
            named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
            if self.args.weight_decay:
                parts = [([p for n, p in named if (n in decayed) == on], {"decay": self.args.weight_decay if on else 0.0}) for on in (True, False)]
                groups = [{"params": parameters, **settings} for parameters, settings in parts if parameters]
            else:
                groups = [parameter for _, parameter in named]
            self.optimizer = self.create_tuned(groups)
        tuned = _inner(self.optimizer)
        if not isinstance(tuned, Tuned):
            raise ArgumentError(f"optimizers: expected an onedge.torch.Tuned or CDAT, got {type(tuned).__name__}; leave it out, and one is made")
        if tuned.max_grad_norm is None and self.args.max_grad_norm:
            tuned.max_grad_norm = float(self.args.max_grad_norm)
        if not getattr(tuned, "_of_trainer", False):
            tuned._of_trainer = True
            tuned.register_step_pre_hook(self._give_loss)
            tuned.register_step_post_hook(self._take_norm)
        self._loss_of_step, self._norm_of_step = None, None
        return self.optimizer

    def create_scheduler(self, num_training_steps, optimizer=None):
        if self.lr_scheduler is None:
            tuned = _inner(self.optimizer if optimizer is None else optimizer)
            plain = str(getattr(self.args.lr_scheduler_type, "value", self.args.lr_scheduler_type)) in ("linear", "constant") and not self.args.get_warmup_steps(num_training_steps)
            factor = None
            if not plain:
                stand_in = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
                factor = super().create_scheduler(num_training_steps, optimizer=stand_in)
            elif tuned.total_steps is None:
                tuned.total_steps = num_training_steps
            self.lr_scheduler, self._created_lr_scheduler = Factor(tuned, factor), True
        elif not isinstance(self.lr_scheduler, Factor):
            raise ArgumentError("optimizers: expected None as the scheduler, as the tuner sets the rate; choose one by args.lr_scheduler_type, which is then a factor on it")
        return self.lr_scheduler

    def training_step(self, *arguments, **options):
        accelerator, kept, states = self.accelerator, [], generators()

        def computed():
            """What the Trainer would have called backward on, and what it logs."""
            accelerator.backward = lambda loss, **_: kept.append(loss)
            try:
                with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
                    logged = super(TrainerMixin, self).training_step(*arguments, **options)
            finally:
                del accelerator.backward
            # The Trainer divides by the number of parts, or of tokens in all of them; a step is for the mean of its parts.
            return kept.pop() * getattr(self, "current_gradient_accumulation_steps", 1), logged

        first, logged = computed()
        if not accelerator.sync_gradients:
            _inner(self.optimizer).accumulate(first)
            return logged
        losses = [first]

        def loss():
            """That which was computed; when asked again, where a tuner tries a rate, anew with the same random numbers."""
            if losses:
                return losses.pop()
            set_generators(states)
            return computed()[0]

        self._loss_of_step = loss
        return logged

    def _give_loss(self, optimizer, arguments, options):
        """The Trainer calls step without anything."""
        loss, self._loss_of_step = self._loss_of_step, None
        if loss is None or any(given is not None for given in (*arguments[1:], *options.values())):
            return None
        return (arguments[0], loss), {}

    def _take_norm(self, optimizer, *_):
        if self._norm_of_step is not None and optimizer.report is not None:
            self._norm_of_step.fill_(optimizer.report.gradient_norm)

    def _clip_grad_norm(self, model):
        """Done within the step."""

    def _get_grad_norm(self, model, grad_norm=None):
        """A number that the step will fill in."""
        self._norm_of_step = torch.zeros(())
        return self._norm_of_step

    def _get_learning_rate(self):
        return _inner(self.optimizer).param_groups[0]["lr"]


class Factor:
    """What stands in for a schedule: a factor on the rates that a tuner finds, or none."""

    def __init__(self, tuned, schedule):
        self._tuned, self._schedule = tuned, schedule
        self._write()

    def step(self, *_):
        if self._schedule is not None:
            # It looks whether its own optimizer made a step.
            self._schedule.optimizer.step()
            self._schedule.step()
            self._write()

    def get_last_lr(self):
        return [group["lr"] for group in self._tuned.param_groups]

    def state_dict(self):
        return {"schedule": None if self._schedule is None else self._schedule.state_dict()}

    def load_state_dict(self, state):
        if self._schedule is not None:
            self._schedule.load_state_dict(state["schedule"])
            self._write()

    def _write(self):
        if self._schedule is not None:
            self._tuned.factor = float(self._schedule.get_last_lr()[0])


def _inner(optimizer):
    """The optimizer within what accelerate makes of it."""
    while not isinstance(optimizer, Tuned) and isinstance(getattr(optimizer, "optimizer", None), torch.optim.Optimizer):
        optimizer = optimizer.optimizer
    return optimizer


def _refuse(trainer):
    arguments = trainer.args
    schedule = str(getattr(arguments.lr_scheduler_type, "value", arguments.lr_scheduler_type))
    for asked, what in (
        (getattr(arguments, "fp16", False), "fp16: half precision needs a GradScaler that the Trainer keeps to itself; take bf16=True"),
        (trainer.is_deepspeed_enabled, "deepspeed: it computes gradients itself; train under torchrun without it"),
        (trainer.is_fsdp_enabled, "fsdp: torch.autograd.grad does not reach sharded parameters; train under torchrun without it"),
        (getattr(arguments, "torch_compile", False), "torch_compile: compiled code has no second derivatives; leave it out"),
        (schedule in ("reduce_lr_on_plateau", "greedy"), f"lr_scheduler_type: `{schedule}` sets rates by what they did; the tuner does that: leave it out"),
    ):
        if asked:
            raise UnsupportedError(what)
