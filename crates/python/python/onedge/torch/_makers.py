"""Which module made which operation of a loss, drew random numbers, or changed its buffers."""

from __future__ import annotations

import torch


def operations(*tensors):
    """The operations that autograd has on the way to these tensors, each once."""
    stack = [tensor.grad_fn for tensor in tensors if tensor.grad_fn is not None]
    seen = set(stack)
    while stack:
        node = stack.pop()
        yield node
        for other, _ in node.next_functions:
            if other is not None and other not in seen:
                seen.add(other)
                stack.append(other)


class Makers:
    """Watches the modules of a model from entry to exit. Autograd numbers operations as they are made, which tells whose they are.

    Attributes:
        draws: the innermost modules that drew random numbers.
        inputs: with `keep`, what each module was first called with.
    """

    def __init__(self, model, *, keep=False):
        self.draws, self.inputs, self._spans, self._hooks, self._keep = {}, {}, [], [], keep
        for name, module in model.named_modules():
            entered = []
            self._hooks.append(module.register_forward_pre_hook(self._enter(name, entered), with_kwargs=True))
            self._hooks.append(module.register_forward_hook(self._leave(name, entered)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for hook in self._hooks:
            hook.remove()

    def of(self, node) -> str | None:
        """The innermost module that made an operation; `""` is the model, None what computed the loss from its outputs."""
        number = node._sequence_nr()
        inside = [(end - start, -_depth(name), name) for start, end, name in self._spans if start <= number < end]
        return min(inside)[2] if inside else None

    def _enter(self, name, entered):
        def hook(module, arguments, options):
            if self._keep and name not in self.inputs:
                self.inputs[name] = (module, torch.utils._pytree.tree_map(_kept, (arguments, options)))
            entered.append((torch.autograd._get_sequence_nr(), generators()))

        return hook

    def _leave(self, name, entered):
        def hook(*_):
            start, before = entered.pop()
            self._spans.append((start, torch.autograd._get_sequence_nr(), name))
            if not same_generators(before, generators()) and not any(_below(other, name) for other in self.draws):
                self.draws[name] = None

        return hook


def generators() -> list:
    """The states of the generators of PyTorch, on the host and on the GPUs that are in use."""
    states = [torch.get_rng_state()]
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states += torch.cuda.get_rng_state_all()
    return states


def set_generators(states):
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state_all(states[1:])


def same_generators(a, b) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b))


def _kept(value):
    return value.detach().clone() if isinstance(value, torch.Tensor) else value


def _below(name, other) -> bool:
    return name != other and (not other or name.startswith(f"{other}."))


def _depth(name) -> int:
    return name.count(".") + bool(name)
