"""What backward passes through the own functions of a model leave out: a gradient without a graph has a second derivative that is silently wrong."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.autograd.function import BackwardCFunction

from .._errors import UnsupportedError
from ._refused import RE_ENTRANT, WEIGHT_NORM


def own_functions(loss: torch.Tensor) -> list:
    """The nodes of own functions in the graph of `loss`: those written in Python, and those of extensions in C++.

    Errors: a checkpoint of the re-entrant kind, whose gradients reach nobody who asks for them by `torch.autograd.grad`; the weight norm of PyTorch, whose second derivative takes the norms for
    constants.
    """
    seen, stack, own = {None}, [loss.grad_fn], []
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        name = node.name()
        if isinstance(node, BackwardCFunction) or "CppNode" in name:
            own.append(node)
        elif name.startswith("WeightNormInterfaceBackward"):
            raise UnsupportedError(WEIGHT_NORM)
        stack.extend(following for following, _ in node.next_functions)
    if any(node.name() == "CheckpointFunctionBackward" for node in own):
        raise UnsupportedError(RE_ENTRANT)
    return own


class Watched:
    """While the gradient of a loss is taken with its graph, looks at what each `torch.autograd.Function` in it gives back, and raises where that has no graph.

    What a backward rule gives is a function of the cotangent and of what the forward pass kept. If it does not lead back to the inputs of the function by what it kept, either
    the function is linear, or the rule was marked `once_differentiable`, computes by a kernel, or uses tensors that were detached. Functions that keep no floating-point tensor
    are linear; of all others that is not known, and they are refused unless they are named in `linear`. So are those that lead back in part, but also kept what they computed
    themselves, without a graph. That a rule is the derivative of its function is taken for granted: straight-through estimators and reversed gradients have no Hessian.

    Args:
        nodes: the own functions in the graph of the loss.
        linear: classes or their names.
    """

    def __init__(self, nodes: list, linear: Sequence = ()):
        self.linear = {name if isinstance(name, str) else name.__name__ for name in linear}
        self.handles, self.refused = [], []
        self.nodes = nodes

    def __enter__(self):
        for node in self.nodes:
            name = _name(node)
            if name not in self.linear:
                self.handles.append(node.register_hook(lambda results, cotangents, node=node, name=name: self._look(node, name, results, cotangents)))
        return self

    def __exit__(self, kind, *_):
        for handle in self.handles:
            handle.remove()
        # No cycle keeps the graph alive.
        self.nodes, self.handles = [], []
        if kind is None and self.refused:
            names = ", ".join(f"`{name}`" for name in dict.fromkeys(self.refused))
            raise UnsupportedError(
                f"{names}: the backward rule of this torch.autograd.Function uses numbers without a graph, so that second derivatives would be wrong. Write the rule in "
                "differentiable operations of what save_for_backward kept, without once_differentiable, no_grad or detach. For a fused kernel take the plain implementation. If the "
                "function is linear in its differentiable inputs, or what it kept is constant, say so by linear=[its class]; onedge.torch.check tries it by itself"
            )

    def _look(self, node, name, results, cotangents):
        if any(result is not None and _leads(result, node, cotangents) for result in results):
            if _keeps_computed(node):
                self.refused.append(name)
            return
        if all(result is None for result in results) or not _keeps(node):
            return
        self.refused.append(name)


def _name(node) -> str:
    name = node.name()
    return name.split("CppNode<")[-1].rstrip(">").split("::")[-1] if "CppNode" in name else name.removesuffix("Backward")


def _leads(result: torch.Tensor, node, cotangents) -> bool:
    """Whether `result` depends on inputs or outputs of `node` other than through the cotangents."""
    if result.grad_fn is None:
        return False
    ends = {following for following, _ in node.next_functions if following is not None} | {node}
    seen = {None} | {cotangent.grad_fn for cotangent in cotangents if cotangent is not None}
    stack = [result.grad_fn]
    while stack:
        at = stack.pop()
        if at in seen:
            continue
        if at in ends:
            return True
        seen.add(at)
        stack.extend(following for following, _ in at.next_functions)
    return False


def _keeps(node) -> bool:
    """Whether the function kept numbers that may be those of its inputs."""
    kept = _kept(node)
    return kept is None or bool(kept)


def _keeps_computed(node) -> bool:
    """Whether the function kept numbers, without a graph, that it can only have computed: all its inputs are differentiated."""
    kept = _kept(node)
    return bool(kept) and all(following is not None for following, _ in node.next_functions) and not all(tensor.requires_grad for tensor in kept)


def _kept(node) -> list | None:
    """The floating-point tensors that a function kept, if that can be known."""
    if not isinstance(node, BackwardCFunction):
        return None
    try:
        kept = [*node.saved_tensors, *vars(node).values()]
    except RuntimeError:
        return None
    tensors = []
    while kept:
        value = kept.pop()
        if isinstance(value, torch.Tensor) and (value.is_floating_point() or value.is_complex()):
            tensors.append(value)
        if isinstance(value, (list, tuple)):
            kept.extend(value)
        elif isinstance(value, dict):
            kept.extend(value.values())
    return tensors
