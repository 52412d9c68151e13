"""From a model and a loss to a program of core ATen operators, by `torch.export`."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import logging
import math
import threading
import traceback
import warnings

import torch
from torch.export.graph_signature import InputKind, OutputKind
from torch.overrides import TorchFunctionMode

from .._errors import ArgumentError, UnsupportedError
from ._lines import is_users, line_of_error, line_of_stack
from ._writing import refuse_written_parameters, refuse_writing_without_gradients

aten = torch.ops.aten
# Operators that the engine takes whole: it is more exact or does less work.
WHOLE = (
    "linear.default", "linalg_vector_norm.default", "scaled_dot_product_attention.default", "softplus.default", "log_sigmoid.default", "logsumexp.default", "detach.default",
    "binary_cross_entropy_with_logits.default", "binary_cross_entropy.default", "logaddexp.default", "xlogy.Tensor", "xlogy.Scalar_Other",
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
    loss: object
    outputs: object
    notes: list

    def ties(self) -> str | None:
        """Why examples are not computed each alone, as far as the operators show."""
        for node in self.nodes:
            if draws(node):
                return "random numbers are drawn for the batch as a whole"
            if "native_batch_norm_legit_functional" in str(node.target) and node.args[5]:
                return "batch norm in training ties examples together"
        return None


def draws(node) -> bool:
    """Whether a node draws random numbers."""
    if torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
        return False
    told = dict(zip((argument.name for argument in node.target._schema.arguments), node.args)) | node.kwargs
    if node.target is aten.native_dropout.default:
        return told["p"] > 0 and bool(told["train"])
    if node.target is aten.scaled_dot_product_attention.default:
        return told.get("dropout_p", 0.0) > 0
    if "num_layers" in told:
        # Recurrent layers: between their layers.
        return told["dropout"] > 0 and told["train"] and told["num_layers"] > 1
    return True


class _Loss(torch.nn.Module):
    """The loss of a batch, and the outputs of the model where they are known to be one tensor."""

    def __init__(self, model, loss, outputs, rebuild):
        super().__init__()
        self.model, self.loss, self.outputs, self.rebuild = model, loss, outputs, rebuild

    def forward(self, *leaves):
        batch = self.rebuild(leaves)
        if isinstance(self.loss, torch.nn.Module):
            inputs, targets = batch
            outputs = self.model(inputs)
            return self.loss(outputs, targets), outputs if isinstance(outputs, torch.Tensor) else None
        if self.outputs is not None:
            outputs = self.outputs(self.model, batch)
            if not isinstance(outputs, torch.Tensor):
                raise ArgumentError(f"outputs: expected one tensor, got {type(outputs).__name__}")
            return self.loss(outputs, batch), outputs
        return self.loss(self.model, batch), None


def trace(model, loss, outputs, leaves, rebuild) -> Program:
    """The program of `loss` on tensors like `leaves`."""
    # It keeps tables of the functions of PyTorch, which must not see the ones put in their place below.
    import torch._dynamo.trace_rules

    torch._dynamo.trace_rules.get_torch_obj_rule_map()
    module, notes = _Loss(model, loss, outputs, rebuild), []
    with _TRACING, _quiet(), _watched(notes), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        try:
            exported = torch.export.export(module, tuple(leaves), strict=False)
            refuse_written_parameters(exported)
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
    if "fake tensor" in first:
        return UnsupportedError(f"{where}: `.data` of what depends on parameters, or a tensor made aside of PyTorch, is not supported; use .detach()")
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
            # What has no tensor is a token of effects, such as checks, which nothing reads.
            constants[node] = exported.constants.get(spec.target)
    outputs = next(node for node in graph.nodes if node.op == "output").args[0]
    results = [node for node, spec in zip(outputs, signature.output_specs) if spec.kind in (OutputKind.USER_OUTPUT, OutputKind.LOSS_OUTPUT)]
    told = results[1:] if results[1:] != [None] else [None]
    loss = results[0] if results else None
    if len(results) != 2 or not isinstance(loss, torch.fx.Node) or tuple(loss.meta["val"].shape) not in ((), (1,)):
        shapes = [list(node.meta["val"].shape) if isinstance(node, torch.fx.Node) else node for node in results[:-1]]
        raise ArgumentError(f"loss: expected one number, got {', '.join(map(str, shapes)) or 'nothing'}; return the mean, and metrics elsewhere")
    if not loss.meta["val"].dtype.is_floating_point:
        raise ArgumentError(f"loss: expected a floating-point number, got one of {loss.meta['val'].dtype}")
    return Program(_needed(graph, [node for node in results if isinstance(node, torch.fx.Node)]), parameters, constants, inputs, loss, told[0], notes)


def _needed(graph, results):
    """The calls that the results need, and those that draw random numbers, as they move the generator on."""
    needed = set(results)
    for node in reversed(graph.nodes):
        if node.op == "call_function" and draws(node):
            needed.add(node)
        if node in needed:
            needed.update(node.all_input_nodes)
    return [node for node in graph.nodes if node.op == "call_function" and node in needed]


def _detach_where_gradients_are_off(exported):
    """Puts `detach` after what was computed under `torch.no_grad`, and in the place of `detach_`, both of which decomposition forgets."""
    for module in exported.graph_module.modules():
        if not isinstance(module, torch.fx.GraphModule):
            continue
        for node in list(module.graph.nodes):
            if node.target is aten.detach_.default:
                _detached(node.args[0], node)
            elif node.target is torch.ops.higher_order.wrap_with_set_grad_enabled and not node.args[0]:
                refuse_writing_without_gradients(getattr(module, node.args[1].target), node.args[2:])
                for result in list(node.users):
                    _detached(result, result)
        module.recompile()


def _detached(value, after):
    """Has all that reads `value` behind the node `after` read it detached."""
    graph = value.graph
    with graph.inserting_after(after):
        detached = graph.call_function(aten.detach.default, (value,))
    detached.meta = dict(value.meta)
    if after is not value:
        after.replace_all_uses_with(detached)
        graph.erase_node(after)
    value.replace_all_uses_with(detached, delete_user_cb=lambda user: user is not detached and detached < user)


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
    # The frames that nodes remember: PyTorch would keep those of functions called `forward` alone.
    inference = torch.inference_mode
    inside = inference.__enter__, inference.__exit__
    # Its tensors cannot be traced; those of `no_grad` have no derivatives, too.
    inference.__enter__, inference.__exit__ = _enter_without_gradients, _leave_without_gradients
    tracer = torch.fx.proxy.TracerBase
    frames = tracer.__dict__.get("_filter_traceback_frames")

    def of_user(self, stack):
        return traceback.StackSummary.from_list([frame for frame in stack if is_users(frame.filename)])

    if frames is not None:
        tracer._filter_traceback_frames = of_user
    functional = torch.nn.functional
    gaussian, functional.gaussian_nll_loss = functional.gaussian_nll_loss, _gaussian_nll_loss
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
        with _DataDetached():
            yield
    finally:
        inference.__enter__, inference.__exit__ = inside
        if frames is not None:
            tracer._filter_traceback_frames = frames
        transformer._detect_is_causal_mask, functional.gaussian_nll_loss = detect, gaussian
        torch.autograd.Function.apply = apply
        torch.autograd.grad, torch.autograd.backward = grad, backward


class _DataDetached(TorchFunctionMode):
    """`x.data` is read as `x.detach()`, which is the same and can be traced."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function == torch.Tensor.data.__get__:
            return args[0].detach()
        if function == torch.Tensor.data.__set__:
            line = line_of_stack(traceback.extract_stack())
            raise UnsupportedError(f"{line or 'the loss'}: setting `.data` is not supported; do it outside of the loss, or compute with a copy")
        return function(*args, **(kwargs or {}))


def _enter_without_gradients(self):
    self._without = torch.no_grad() if self.mode else contextlib.nullcontext()
    return self._without.__enter__()


def _leave_without_gradients(self, *error):
    return self._without.__exit__(*error)


def _gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """That of PyTorch without its look at the signs of `var`."""
    var = torch.as_tensor(var, dtype=input.dtype)
    if var.dim() == input.dim() - 1 and var.dim() > 0 and var.shape == input.shape[:-1]:
        var = var.unsqueeze(-1)
    var = var + (var.clamp(min=eps) - var).detach()
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss
