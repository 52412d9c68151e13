"""From a model and a loss to a program of core ATen operators, by `torch.export`."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import io
import logging
import threading
import traceback
import warnings
from collections import UserDict

import numpy as np
import torch
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils import _pytree as pytree

from .._errors import ArgumentError, UnsupportedError
from ._lines import line_of_error, line_of_stack

aten = torch.ops.aten
# Operators that the engine takes whole: it is more exact or does less work.
WHOLE = (
    "linear.default", "scaled_dot_product_attention.default", "softplus.default", "log_sigmoid.default", "logsumexp.default", "detach.default",
    "binary_cross_entropy_with_logits.default", "binary_cross_entropy.default", "logaddexp.default",
    "hardtanh.default", "elu.default", "prelu.default", "lstm.input", "gru.input", "rnn_tanh.input", "rnn_relu.input", "cumsum.default",
    "upsample_nearest1d.vec", "upsample_nearest2d.vec", "upsample_nearest3d.vec", "upsample_linear1d.vec", "upsample_bilinear2d.vec",
    "upsample_trilinear3d.vec", "upsample_bicubic2d.vec", "_upsample_bilinear2d_aa.vec", "_upsample_bicubic2d_aa.vec",
    "im2col.default", "col2im.default", "adaptive_avg_pool1d.default", "adaptive_avg_pool2d.default", "adaptive_avg_pool3d.default",
    "adaptive_max_pool1d.default", "adaptive_max_pool2d.default", "adaptive_max_pool3d.default", "index_add.default", "roll.default",
    "index_select.default", "rms_norm.default", "unfold.default", "diagonal.default",
)  # fmt: skip
# What is patched while a loss is traced belongs to the whole process.
_TRACING = threading.Lock()


@dataclasses.dataclass
class Program:
    """A traced loss: its nodes in order, what its placeholders are, and its output."""

    nodes: list
    parameters: dict  # placeholder: name
    constants: dict  # placeholder: tensor
    inputs: dict  # placeholder: which leaf of the batch
    output: object
    notes: list


class _Loss(torch.nn.Module):
    def __init__(self, model, loss, rebuild):
        super().__init__()
        self.model, self.loss, self.rebuild = model, loss, rebuild

    def forward(self, *leaves):
        batch = self.rebuild(leaves)
        if isinstance(self.loss, torch.nn.Module):
            inputs, targets = batch
            return self.loss(self.model(inputs), targets)
        return self.loss(self.model, batch)


def trace(model, loss, leaves, rebuild) -> Program:
    """The program of `loss` on tensors like `leaves`."""
    # It keeps tables of the functions of PyTorch, which must not see the ones put in their place below.
    import torch._dynamo.trace_rules

    torch._dynamo.trace_rules.get_torch_obj_rule_map()
    module, notes = _Loss(model, loss, rebuild), []
    with _TRACING, _quiet(), _watched(notes), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        try:
            exported = torch.export.export(module, tuple(leaves), strict=False)
            _detach_where_gradients_are_off(exported)
            exported = exported.run_decompositions(dict(_decompositions()))
        except (UnsupportedError, ArgumentError):
            raise
        except Exception as error:
            raise _failed(error) from error
    return _program(exported, notes)


def _failed(error):
    """What `torch.export` says, in one sentence."""
    where = line_of_error(error) or "the loss"
    kind, first = type(error).__name__, (str(error).strip().splitlines() or [""])[0].strip().rstrip(".")
    if "DataDependent" in kind or "data-dependent" in first:
        return UnsupportedError(
            f"{where}: a branch or a size that depends on values is not supported; use torch.where, or decide it outside of the loss"
        )
    return UnsupportedError(f"{where}: torch.export cannot trace the loss ({kind}: {first[:300]}); write that part with plain tensor operators")


def _program(exported, notes):
    signature, graph = exported.graph_signature, exported.graph
    for module in exported.graph_module.modules():
        if module is not exported.graph_module and isinstance(module, torch.fx.GraphModule):
            raise UnsupportedError("the loss: control flow by torch.cond, while_loop or map is not supported; use torch.where or a Python loop")
    placeholders = {node.name: node for node in graph.nodes if node.op == "placeholder"}
    parameters, constants, inputs = {}, {}, {}
    for spec in signature.input_specs:
        node = placeholders[spec.arg.name]
        if spec.kind == InputKind.PARAMETER:
            parameters[node] = spec.target.removeprefix("model.")
        elif spec.kind == InputKind.USER_INPUT:
            inputs[node] = len(inputs)
        elif spec.kind == InputKind.BUFFER and spec.target in exported.state_dict:
            constants[node] = exported.state_dict[spec.target]
        else:
            constants[node] = exported.constants[spec.target]
    outputs = next(node for node in graph.nodes if node.op == "output").args[0]
    for spec in signature.output_specs:
        if spec.kind.name == "PARAMETER_MUTATION":
            raise UnsupportedError(f"the loss: it changes the parameter `{spec.target}` in place; take a copy first")
    results = [node for node, spec in zip(outputs, signature.output_specs) if spec.kind in (OutputKind.USER_OUTPUT, OutputKind.LOSS_OUTPUT)]
    shapes = [list(node.meta["val"].shape) if isinstance(node, torch.fx.Node) else node for node in results]
    if len(results) != 1 or not isinstance(results[0], torch.fx.Node) or any(n != 1 for n in shapes[0]):
        raise ArgumentError(f"loss: expected one number, got {', '.join(map(str, shapes)) or 'nothing'}; return the mean, and metrics elsewhere")
    return Program(_needed(graph, results[0]), parameters, constants, inputs, results[0], notes)


def _needed(graph, output):
    """The calls that the output needs, and those that draw random numbers, as they move the generator on."""
    needed = {output}
    for node in reversed(graph.nodes):
        if node.op == "call_function" and torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            needed.add(node)
        if node in needed:
            needed.update(node.all_input_nodes)
    return [node for node in graph.nodes if node.op == "call_function" and node in needed]


def _detach_where_gradients_are_off(exported):
    """Puts `detach` after what was computed under `torch.no_grad`, which decomposition forgets."""
    changed = False
    for module in exported.graph_module.modules():
        if not isinstance(module, torch.fx.GraphModule):
            continue
        for node in list(module.graph.nodes):
            if node.target is not torch.ops.higher_order.wrap_with_set_grad_enabled or node.args[0]:
                continue
            for result in list(node.users):
                with module.graph.inserting_after(result):
                    detached = module.graph.call_function(aten.detach.default, (result,))
                detached.meta = dict(result.meta)
                result.replace_all_uses_with(detached, delete_user_cb=lambda user, detached=detached: user is not detached)
                changed = True
        if changed:
            module.recompile()


@functools.cache
def _decompositions():
    table = torch.export.default_decompositions()
    for name in WHOLE:
        operator, overload = name.split(".")
        whole = getattr(getattr(aten, operator), overload)
        if whole in table:
            del table[whole]
    return table


@contextlib.contextmanager
def _quiet():
    """Without the warnings and logs of tracing, which are about its own devices."""
    disabled = logging.root.manager.disable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            # Where a trace fails, PyTorch prints all of it.
            with contextlib.redirect_stderr(io.StringIO()):
                yield
        finally:
            logging.disable(disabled)


@contextlib.contextmanager
def _watched(notes):
    """Notes rules of differentiation that the user wrote, and refuses derivatives inside the loss."""
    transformer = torch.nn.modules.transformer
    detect = transformer._detect_is_causal_mask
    # It looks whether a mask is the causal one, which is but faster.
    transformer._detect_is_causal_mask = lambda mask, is_causal=None, size=None: bool(is_causal)
    apply, grad, backward = torch.autograd.Function.__dict__["apply"], torch.autograd.grad, torch.autograd.backward

    @classmethod
    def noted(cls, *args, **kwargs):
        line = line_of_stack(traceback.extract_stack())
        if not cls.__module__.startswith(("torch.", "transformers.")):
            note = f"{line or 'the loss'}: the backward rule of `{cls.__name__}` is not used: onedge differentiates its forward itself"
            if note not in notes:
                notes.append(note)
        return apply.__get__(None, cls)(*args, **kwargs)

    def refused(*args, **kwargs):
        line = line_of_stack(traceback.extract_stack())
        raise UnsupportedError(f"{line or 'the loss'}: a derivative inside the loss is not supported; write it out, or use onedge.jax")

    torch.autograd.Function.apply = noted
    torch.autograd.grad = torch.autograd.backward = refused
    try:
        yield
    finally:
        transformer._detect_is_causal_mask = detect
        torch.autograd.Function.apply = apply
        torch.autograd.grad, torch.autograd.backward = grad, backward


def flattened(batch):
    """The tensors of a batch, and how a batch is made of such tensors again."""
    if isinstance(batch, UserDict):
        leaves, rebuild = flattened(dict(batch))

        def again(leaves):
            other = copy.copy(batch)
            other.data = rebuild(leaves)
            return other

        return leaves, again
    parts, structure = pytree.tree_flatten(batch)
    parts = [torch.from_numpy(np.ascontiguousarray(part)) if isinstance(part, (np.ndarray, np.generic)) and part.dtype != object else part for part in parts]
    places = [place for place, part in enumerate(parts) if isinstance(part, torch.Tensor)]

    def rebuild(leaves):
        full = list(parts)
        for place, leaf in zip(places, leaves):
            full[place] = leaf
        return pytree.tree_unflatten(full, structure)

    return [parts[place] for place in places], rebuild
