"""Writing in place that no graph says rightly: it is refused with its line."""

from __future__ import annotations

import torch
from torch.export.graph_signature import InputKind

from .._errors import UnsupportedError
from ._lines import line_of

aten = torch.ops.aten


def refuse_written_parameters(exported):
    """A loss that changes a parameter in place is no function of it."""
    specs = exported.graph_signature.input_specs
    _look_at_writing(exported.graph_module, {spec.arg.name: spec.target.removeprefix("model.") for spec in specs if spec.kind == InputKind.PARAMETER})


def _look_at_writing(module, names):
    """Refuses writing into the parameters that placeholders of these `names` are, and into what is detached but in the same memory as what is not."""
    for node in module.graph.nodes:
        if node.target is torch.ops.higher_order.wrap_with_set_grad_enabled:
            inner = getattr(module, node.args[1].target)
            given = zip((inside.name for inside in inner.graph.nodes if inside.op == "placeholder"), node.args[2:])
            _look_at_writing(inner, {name: names[value.name] for name, value in given if isinstance(value, torch.fx.Node) and value.name in names})
        base, detached, shared = _aliased(node, True), False, False
        while base is not None and base.op != "placeholder":
            shared |= detached and len(base.users) > 1
            detached |= base.target is aten.detach.default
            base = _aliased(base, False)
        where = line_of(node) or "the loss"
        if base is not None and base.name in names:
            raise UnsupportedError(f"{where}: changing the parameter `{names[base.name]}` in place is not supported; take a copy first")
        if shared:
            raise UnsupportedError(f"{where}: writing into a detached tensor that has the memory of one with a derivative is not supported; .clone() it first")


def refuse_writing_without_gradients(module, given):
    """Where gradients are off, writing into what was computed before keeps its derivative, which no graph says."""
    outer = dict(zip((node for node in module.graph.nodes if node.op == "placeholder"), given))
    for node in module.graph.nodes:
        base = _aliased(node, True)
        while base is not None and base not in outer:
            base = _aliased(base, False)
        given_to = outer.get(base)
        if isinstance(given_to, torch.fx.Node) and given_to.op != "placeholder" and given_to.target is not aten.detach.default:
            raise UnsupportedError(
                f"{line_of(node) or 'the loss'}: writing under torch.no_grad into a tensor computed outside of it is not supported; write outside of it"
            )


def _aliased(node, written):
    """The tensor that a node writes into, or else is a view of; None if there is none."""
    schema = getattr(node.target, "_schema", None)
    for place, argument in enumerate(schema.arguments if schema is not None else ()):
        if argument.alias_info is not None and (argument.alias_info.is_write or not written):
            found = node.args[place] if place < len(node.args) else node.kwargs.get(argument.name)
            return found if isinstance(found, torch.fx.Node) else None
    return None
