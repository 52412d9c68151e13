"""Optimizers for loops of one's own whose rate is found anew at each step, from slope and curvature of the loss along the step."""

from __future__ import annotations

import contextlib
import math
import warnings

import torch

from .._arguments import is_number, shown
from .._errors import ArgumentError, NonFiniteError, StateError, TrainingWarning, UnsupportedError
from . import _saved
from ._bases import BASES, checked
from ._derivatives import Point, check_loss, check_parameters, dot, scalars, square
from ._directions import directions, prepared
from ._distributed import ranks
from ._gathered import Gathered, clipped, left, show, unscaled
from ._lightning import refuse_automatic
from ._line import Line, Report, drawn, moved, undisturbed
from ._read import read
from ._rule import Rule, named
from ._sharded import WHOLE, Shards

_ALIASES = {"sgd": "gd"}


class Tuned(torch.optim.Optimizer):
    """An optimizer of PyTorch whose learning rate a tuner sets at each step: `w <- w + rate u`, with u the update of `base` at rate 1.

        optimizer = onedge.torch.Tuned(model.parameters())
        for x, y in loader:
            loss = optimizer.step(lambda: criterion(model(x), y))

    Leave out `loss.backward()` and learning rates. `step` takes a function that computes the loss, or the loss itself, with its graph. Gradient and curvature come of that one
    forward pass; vectors stay on their devices.

    Args:
        params: tensors, or groups of them: dictionaries with `params`, and `lr_scale`, by which the updates of the group are multiplied (1), and settings of the base.
        base: what a step goes along: a name with or without settings (`"adam"`, `{"name": "adam", "beta1": 0.95}`, `onedge.optimizer(...)`), of `gd`, `momentum`, `nesterov`, `adagrad`,
            `rmsprop`, `adam`, `adamw`, `lion`; or an optimizer of PyTorch over the same parameters, or a class or function that makes one, whose step is read as u.
        tuner: what sets the rate, a name of `onedge.entries("tuner")` with or without settings. By default `cdat` as it is recommended. `gauss-newton`, `trace`, `frobenius` and
            `batch-sharpness` ask for more than a loss tells, and are refused.
        every: measures the curvature every so many steps; in between it is taken as it was along a unit vector. By default what the tuner does: `cdat` 16, others 1.
        tried: at so many steps at the beginning, 32 by default, `cdat` as it is recommended evaluates the loss where the step leads, and halves the step while it is above both the loss here and
            what slope and curvature say of it. It needs `step(closure)`; 0 for none.
        steps: how many the run will have, for a tuner that comes down towards the end.
        full_batch: whether each step sees all examples; mini-batches ask for more caution.
        maximize: goes uphill.
        max_grad_norm: the gradient that the base gets is clipped to this norm. The slope is that of the loss as it is.
        math_attention: computes the loss of `step(closure)` without fused attention, which has no second derivative.
        linear: classes of `torch.autograd.Function`, or their names, that keep tensors and are linear all the same.
        group: the processes that train one model together, a process group of `torch.distributed`; by default all, if there are several. Gradients, slopes and curvatures are the
            means of theirs. False: each trains a model of its own.
        settings: of the tuner.

    `param_groups` show `lr`, the rate of the last step times `lr_scale`; what is written there has no effect. After a step `p.grad` is the gradient that was used, clipped and
    unscaled, to look at; before the next one it is not looked at, but must not hold what a call of `backward()` left. `report` has the numbers of the last step.
    The rate is what the tuner finds times `factor`, 1 unless you write another number there, for a schedule of your own on top; it is not saved.

    Cost: a gradient, and where the curvature is measured about two more; where a step is tried out, a forward pass. The host waits for the device twice. Memory: that of a double backward pass and two vectors.

    Errors: `ArgumentError` for settings, `UnsupportedError` for a loss that has no second derivative, `NonFiniteError` for a loss, gradient or curvature that is not finite; where loss
    or gradient are, nothing has changed.
    """

    def __init__(
        self, params, base="adam", tuner="cdat", *, every=None, tried=None, steps=None, full_batch=False, maximize=False, max_grad_norm=None, math_attention=False, linear=(), group="auto", **settings
    ):  # fmt: skip
        for name, value in (("full_batch", full_batch), ("maximize", maximize), ("math_attention", math_attention)):
            if not isinstance(value, bool):
                raise ArgumentError(f"{name}: expected True or False, got {shown(value)}")
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
            raise ArgumentError(f"steps: expected a whole number, 1 or more, got {shown(steps)}")
        if max_grad_norm is not None and not (is_number(max_grad_norm) and max_grad_norm > 0):
            raise ArgumentError(f"max_grad_norm: expected a positive number, got {shown(max_grad_norm)}")
        self.rule = Rule(tuner, every, tried, settings)
        if "sharpness" in self.rule.asks and every is not None:
            raise ArgumentError(f"every: expected none with the tuner `{self.rule.name}`, which measures an eigenvalue at each step, got {every}; leave it out")
        self.total_steps, self.full_batch, self.maximize = steps, full_batch, maximize
        self.max_grad_norm, self.math_attention, self.linear, self.group = max_grad_norm, math_attention, tuple(linear), group
        self._step, self._rate, self._norm, self._along, self._out_of_turn = 0, None, 0.0, None, False
        self._gathered, self._shown, self._warned, self.report, self._ranks, self._met, self._layout = Gathered(), None, False, None, None, False, WHOLE
        self.factor = 1.0
        name, base_settings = named(base)
        name = _ALIASES.get(name, name)
        if name is not None and name not in BASES:
            raise ArgumentError(
                f"base: expected one of {', '.join(BASES)}, got {shown(name)}; an optimizer of PyTorch can be given as it is, as base=lambda groups: torch.optim.NAdam(groups, lr=1.0)"
            )
        self.base = BASES[name]() if name else None
        if self.base and (unknown := sorted(set(base_settings) - set(self.base.defaults))):
            raise ArgumentError(f"base: `{name}` has no setting `{unknown[0]}`, expected one of {', '.join(self.base.defaults) or 'none'}")
        defaults = {"lr": 0.0, "lr_scale": 1.0, **(self.base.defaults if self.base else {}), **base_settings}
        if isinstance(params, torch.nn.Module):
            raise ArgumentError("params: expected parameters, got a module; try model.parameters()")
        super().__init__(params, defaults)
        if self.base is None:
            self.base = read(base, self.param_groups)

    def add_param_group(self, param_group) -> None:
        """Adds parameters, with `lr_scale` and settings of the base of their own."""
        named = getattr(self.base, "name", None) in BASES
        if isinstance(param_group, dict) and named:
            known = sorted(set(self.defaults) - {"lr"})
            if unknown := sorted(set(param_group) - set(known) - {"params", "lr", "param_names", "initial_lr"}):
                raise ArgumentError(f"params: a group of `{self.base.name}` has no setting `{unknown[0]}`, expected {', '.join(known)}")
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if not (is_number(group["lr_scale"]) and group["lr_scale"] >= 0):
            raise ArgumentError(f"lr_scale: expected a number, 0 or more, got {shown(group['lr_scale'])}")
        check_parameters(group["params"])
        if named:
            checked(self.base, group)

    @property
    def events(self) -> dict[str, int]:
        """How often the tuner met what its formula does not provide for, by name."""
        return {name: times for name, times in self.rule.core.events().items() if times}

    @property
    def learning_rate(self) -> float | None:
        """The rate of the last step, along the update of the base."""
        return self._rate

    def accumulate(self, loss, *, scaler=None) -> torch.Tensor:
        """Adds a part of the batch to the next step, for batches that do not fit at once.

        The step that follows is for the mean of all these losses and its own, which are therefore means over equally many examples. Its curvature is that of the last part.

        Args:
            loss: a loss with its graph, or a function that computes it. No `backward()`.
            scaler: the `GradScaler` that the step will have.
        """
        parameters = self._parameters()
        self._meet(parameters)
        self._require_scaler(scaler)
        with self._layout.opened(parameters):
            loss, point = self._point(loss, scaler, ahead=False, keep=False)
            self._gathered.add(point, scaler is not None)
        return loss.detach()

    def step(self, closure=None, *, part=None, scaler=None) -> torch.Tensor:
        """A step.

        Args:
            closure: a function that computes the loss, without `backward()`; or the loss, with its graph. Tuners that try rates out (`armijo`, `wolfe`, `sls`, `pal`) need a
                function: it is evaluated again, with the same random numbers, and buffers such as those of batch norm stay as they were.
            part: a function that computes the loss of a part of the batch, of which the curvature is then measured.
            scaler: a `torch.amp.GradScaler`. It is scaled and unscaled here, and a step whose gradient overflows is left out; what remains is `scaler.update()`.

        Returns:
            The loss before the step, a tensor without a graph.
        """
        if closure is None and prepared(self):
            return None
        if closure is None:
            raise StateError(
                "step: expected the loss, or a function that computes it, got nothing; call step(loss) in place of loss.backward() and step(), and with a GradScaler "
                "step(loss, scaler=scaler) in place of scaler.step"
            )
        if part is not None and not callable(part):
            raise ArgumentError(f"part: expected a function that computes the loss of a part of the batch, got {shown(part)}")
        refuse_automatic(closure)
        self._require_closure(closure)
        self._look_at_rates()
        parameters = self._parameters()
        self._meet(parameters)
        self._require_scaler(scaler)
        with self._layout.opened(parameters):
            return self._stepped(closure, part, scaler, parameters)

    def _stepped(self, closure, part, scaler, parameters) -> torch.Tensor:
        layout = self._layout
        leaves, mine = layout.leaves(parameters), layout.own(parameters)
        generators = drawn(leaves) if callable(closure) else None
        sharp = "sharpness" in self.rule.asks
        due = sharp or self.rule.expects_curvature(self._step) or self._out_of_turn
        loss, point = self._point(closure, scaler, ahead=due and part is None, keep=callable(closure) and part is None)
        gradients, value = self._gathered.mean(point)
        foreign, scale = left(layout, parameters, leaves), None
        if scaler is not None and scaler.is_enabled():
            scale = scaler.scale(torch.ones((), device=value.device))
            gradients = unscaled(self, scaler, parameters, gradients)
            value = value / scale
        last = point.value if scale is None else point.value / scale
        value, last, gradient_square, foreign = scalars(value, last, *layout.totals(square(gradients), foreign))
        if foreign:
            raise StateError("p.grad: holds a gradient that backward() left and that would be lost; leave out backward() (parts of a batch: accumulate(loss)), or call zero_grad() before")
        if not (math.isfinite(value) and math.isfinite(gradient_square)):
            self._gathered.clear()
            if scaler is not None:
                return loss.detach()
            what, number = ("loss", value) if not math.isfinite(value) else ("gradient", gradient_square)
            raise NonFiniteError(
                f"step {self._step}, {what}: expected a finite number, got {number}, and nothing was changed; try smaller steps (the tuner's cap or sigma) or look for non-finite data"
            )

        # Of other parts of the batch only the loss here is known: elsewhere they are taken to differ from it as the last one does.
        others = value - last if self._gathered.count else 0.0

        def measure():
            if part is None:
                curvature = point.curvature(line.updates, last=True)
            else:
                with undisturbed(leaves):
                    curvature = self._point(part, scaler, ahead=True)[1].curvature(line.updates, last=True)
            return curvature if scale is None else curvature / scale

        def sharpen():
            # Known once all of this file is.
            from ._sharpness import sharpness

            if part is None:
                value, converged = sharpness(self, point, parameters, self._step)
            else:
                with undisturbed(leaves):
                    value, converged = sharpness(self, self._point(part, scaler, ahead=True)[1], parameters, self._step)
            return (value if scale is None else value / scalars(scale)[0]), converged

        with torch.no_grad():
            used = clipped(gradients, gradient_square, self.max_grad_norm)
            states = layout.states(parameters, [self.state[parameter] for parameter in parameters])
            if self.rule.needs["first_point"]:
                for state, own in zip(states, mine):
                    if "first_point" not in state:
                        state["first_point"] = own.detach().clone()
            updates, restarted = directions(self, parameters, mine, used, states)
            turn = self._step % self.rule.every == 0 or self._along is None
            line = Line(
                layout=layout, parameters=mine, gradients=gradients, updates=updates, states=states, measure=measure, sharpen=sharpen,
                evaluate=self._evaluation(closure, leaves, updates, generators, others),
                known={"gradient_square": gradient_square}, step=self._step, loss=value, restarted=restarted, previous_learning_rate=self._rate, previous_update_norm=self._norm,
                rounding=max(torch.finfo(dtype).eps for dtype in {loss.dtype, *(parameter.dtype for parameter in parameters)}), edge=self.base.edge(self.param_groups[0]), full_batch=self.full_batch,
                steps=self.total_steps, has_part=part is not None, along=self._along, measurable=turn and (due or part is not None or callable(closure)),
            )  # fmt: skip
            try:
                line.ahead(self.rule.asks, due and turn and not sharp)
                rate = self.factor * self.rule.core.learning_rate(line)
                if self.rule.tries(self._step) and line.evaluate is not None:
                    rate = self.rule.shortened(line, rate)
                self._finish(line, used, rate)
            finally:
                # No cycle keeps the graph alive.
                line.measure = line.sharpen = line.evaluate = None
                point.release()
        return loss.detach()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """That of any optimizer."""
        super().zero_grad(set_to_none)
        self._layout.forget_gradients()

    def _parameters(self) -> list[torch.Tensor]:
        # What they may be was looked at when they were added.
        return [parameter for group in self.param_groups for parameter in group["params"] if parameter.requires_grad]

    def _meet(self, parameters) -> None:
        """Finds the processes that train together, before the first step."""
        if not self._met:
            self._ranks = ranks(self.group, parameters)
            if self._ranks is not None:
                self._ranks.check_same(parameters)
            self._layout = self._ranks if isinstance(self._ranks, Shards) else WHOLE
            self._met = True

    def _require_closure(self, closure) -> None:
        if self.rule.asks.isdisjoint(("value", "trial")):
            return
        if not callable(closure):
            raise StateError(f"step: the tuner `{self.rule.name}` tries rates out, so it needs a function that computes the loss; call step(closure)")
        if self._gathered.count:
            raise StateError(f"step: the tuner `{self.rule.name}` evaluates the loss at other parameters, where accumulated losses are not known; take `cdat`")

    def _require_scaler(self, scaler) -> None:
        if scaler is not None and not hasattr(scaler, "unscale_"):
            raise ArgumentError(f"scaler: expected a torch.amp.GradScaler, got {shown(scaler)}")
        if self._gathered.count and self._gathered.scaled != (scaler is not None):
            raise StateError("scaler: expected the same in all calls of accumulate and step")
        if scaler is not None and self._layout is not WHOLE:
            raise UnsupportedError("scaler: a GradScaler does not see overflows in the parts of other processes; with fully_shard leave it out, and compute the loss under torch.autocast in bfloat16")

    def _point(self, closure, scaler, ahead, keep=True) -> tuple[torch.Tensor, Point]:
        """The loss and the point of what is to fall, scaled."""
        with torch.enable_grad():
            loss, objective = self._lost(closure)
            objective = objective if scaler is None else scaler.scale(objective)
        return loss, Point(objective, self._layout.leaves(self._parameters()), ahead=ahead, keep=keep, looked=self._step % 16 > 0, ranks=self._ranks, linear=self.linear)

    def _lost(self, closure) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss, and what is to fall."""
        loss = closure
        if callable(closure):
            fused = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH) if self.math_attention else contextlib.nullcontext()
            with fused:
                loss = closure()
        check_loss(loss, torch.is_grad_enabled())
        return loss, -loss if self.maximize else loss

    def _evaluation(self, closure, leaves, updates, generators, others):
        """A function of a rate, and of whether the slope there is wanted: loss and slope at `w + rate u`. None where there is nothing to evaluate."""
        if not callable(closure):
            return None

        whole = []

        def evaluate(rate, sloped):
            if not whole:
                whole.extend(self._layout.whole(updates))
            to = [p.data if u is None else torch.add(p.data, u, alpha=rate) for p, u in zip(leaves, whole)]
            with moved(leaves, to), undisturbed(leaves, generators):
                if sloped:
                    _, point = self._point(closure, None, ahead=False, keep=False)
                    return tuple(scalars(point.value, *self._layout.totals(dot(point.gradients, updates))))
                loss = self._lost(closure)[1].detach()
                return scalars(loss if self._ranks is None else self._ranks.mean(loss))[0] + others, math.nan

        return evaluate

    def _finish(self, line: Line, used, rate: float) -> None:
        """Moves the parameters and keeps what the next step needs."""
        pairs = [(p, u) for p, u in zip(line.parameters, line.updates) if u is not None]
        if pairs:
            torch._foreach_add_([p for p, _ in pairs], [u for _, u in pairs], alpha=rate)
        numbers = line.numbers
        self._out_of_turn = line.estimated and self.rule.every == 1
        if "curvature" in numbers and numbers["update_square"] > 0:
            self._along = numbers["curvature"] / numbers["update_square"]
        for state, gradient, update in zip(line.states, line.gradients, line.updates):
            if self.rule.needs["previous_gradient"] and gradient is not None:
                state["previous_gradient"] = (gradient if gradient.layout is torch.strided else gradient.to_dense()).clone()
            if update is not None and (self.rule.needs["previous_gradient"] or "previous_cosine" in self.rule.asks):
                state["previous_update"] = update
        norm = math.sqrt(numbers["update_square"])
        self.report = Report(
            line.step, -line.loss if self.maximize else line.loss, rate, numbers["slope"], numbers.get("curvature"), math.sqrt(numbers["gradient_square"]), norm
        )
        self._step, self._rate, self._norm = line.step + 1, rate, norm
        show(self._layout, self._parameters(), [None if g is None else -g for g in used] if self.maximize else used)
        self._gathered.clear()
        self._show_rates()

    def _show_rates(self) -> None:
        for group in self.param_groups:
            group["lr"] = self._rate * group["lr_scale"]
        self._shown = [group["lr"] for group in self.param_groups]

    def _look_at_rates(self) -> None:
        """A rate that somebody else wrote, a schedule it may be, has no effect, which is said once."""
        written = self._shown is not None and any(group["lr"] != shown for group, shown in zip(self.param_groups, self._shown))
        if written and not self._warned:
            self._warned = True
            warnings.warn(
                "lr: somebody else, a learning rate schedule it may be, wrote into param_groups, without effect, as the tuner sets the rate; leave the schedule out, or take a tuner "
                "that is one, as tuner=\"warmup-cosine\"",
                TrainingWarning,
                stacklevel=3,
            )

    def state_dict(self) -> dict:
        """That of any optimizer; the first group has the state of the tuner as numbers, under `tuner`. Loads with `torch.load(..., weights_only=True)`."""
        return _saved.saved(self, super().state_dict())

    def load_state_dict(self, state_dict) -> None:
        """Puts back what `state_dict` gave: the rates that follow have the same bits."""
        _saved.load(self, state_dict, super().load_state_dict)

    def __getstate__(self):
        return _saved.pickled(self)

    def __setstate__(self, state) -> None:
        _saved.unpickled(self, state, super().__setstate__)
