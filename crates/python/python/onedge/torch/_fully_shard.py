"""A model that `torch.distributed.fsdp.fully_shard` cut, put together for the time of a step.

`fully_shard` frees the parameters of a module once its forward or backward pass is over, and gathers them again by hooks in the next pass. A second derivative reads them in a pass of which these
hooks know nothing. So nothing is freed before the step is over, and gradients are not reduced by the hooks, which `torch.autograd.grad` leaves without any.
"""

from __future__ import annotations

import contextlib
import gc

import torch

from .._errors import UnsupportedError

# What is written into a group of parameters of `fully_shard` for a step, and put back after it.
_FOR_A_STEP = {"reduce_grads": False, "all_reduce_grads": False, "reshard_after_backward": False, "post_forward_mesh_info": None}


def is_sharded(tensor) -> bool:
    """Whether it is a DTensor."""
    return hasattr(tensor, "device_mesh")


def refuse_sharded(parameters) -> None:
    """Of what is cut only steps are taken."""
    if any(map(is_sharded, parameters)):
        raise UnsupportedError(
            "model: expected whole parameters in each process, got a DTensor (fully_shard, tensor parallelism), of which only steps of onedge.torch.Tuned can be taken; load "
            "torch.distributed.checkpoint.state_dict.get_model_state_dict(model, options=StateDictOptions(full_state_dict=True)) into a model that is not cut"
        )


class Model:
    """The modules that have given parameters, found when they are first needed."""

    def __init__(self):
        self._of: dict[int, tuple] = {}
        self._modules: list = []

    @contextlib.contextmanager
    def opened(self, parameters):
        """With whole parameters, that stay so through forward and backward passes. Cost: the parameters are sent once, and are whole in each process meanwhile."""
        if any(self._entry(parameter) is None for parameter in parameters):
            self._find(parameters)
        groups = [group for module in self._modules for group in _groups(module)]
        _check(groups, parameters)
        before = [(group, {name: getattr(group, name) for name in (*_FOR_A_STEP, "_post_backward_pending")}) for group in groups]
        for group in groups:
            group.__dict__.update(_FOR_A_STEP)
        try:
            for module in self._modules:
                module.unshard()
            yield
        except BaseException:
            self._forget_broken_passes()
            raise
        finally:
            for group, kept in before:
                group.__dict__.update(kept)
            self._close()

    def leaves(self, parameters) -> list:
        """The whole tensors, while the model is open."""
        return [self._entry(parameter)[1].unsharded_param for parameter in parameters]

    def forget_gradients(self) -> None:
        """Drops what `backward()` without a reduction left in the whole tensors."""
        for _, each in self._of.values():
            if (leaf := getattr(each, "_unsharded_param", None)) is not None:
                leaf.grad = None

    def _entry(self, parameter):
        found = self._of.get(id(parameter))
        return found if found is not None and found[0] is parameter and found[1].sharded_param is parameter else None

    def _close(self):
        """Each process has its part alone again."""
        for module in self._modules:
            state = module._get_fsdp_state()
            _end_pass(state)
            for group in state._fsdp_param_groups:
                # A second pass may come to an end of a module without having come to its beginning.
                _end_pass(group)
                if state._is_root and state._auto_reshard_after_forward:
                    # PyTorch found out in a forward pass that it is the outermost module, which it does not cut after that.
                    group.post_forward_mesh_info = None
            module.reshard()

    def _forget_broken_passes(self):
        """A forward or backward pass that was left by an exception."""
        states = [module._get_fsdp_state() for module in self._modules]
        if any(group._training_state is not type(group._training_state).IDLE for state in states for group in state._fsdp_param_groups):
            roots = {id(other): other for state in states for other in state._state_ctx.all_states if other._is_root}
            for root in roots.values():
                root._reset_iter_state()

    def look(self, nodes) -> None:
        """Own functions in the graph of a loss, among which are those of `fully_shard`: a module that was not put together would be read after it was freed."""
        known = {id(group) for module in self._modules for group in _groups(module)}
        for node in nodes:
            if (group := getattr(node, "param_group", None)) is not None and id(group) not in known:
                raise UnsupportedError(
                    "fully_shard: the loss goes through a module that is cut by itself and of which the optimizer has no parameter; apply fully_shard to the model as a whole, too, after its parts"
                )

    def _find(self, parameters):
        from torch.distributed.fsdp import FSDPModule

        # The type is asked for, as `isinstance` would wake what is made when it is first touched.
        alive = [module for module in gc.get_objects() if issubclass(type(module), FSDPModule)]
        within = {id(module): [each for each in module.modules() if isinstance(each, FSDPModule)] for module in alive}
        inner = {id(each) for module in alive for each in within[id(module)] if each is not module}
        places = {id(parameter): place for place, parameter in enumerate(parameters)}
        self._of, outermost = {}, []
        for module in alive:
            if id(module) in inner:
                continue
            held = [each for part in within[id(module)] for group in _groups(part) for each in group.fsdp_params if id(each.sharded_param) in places]
            if held:
                self._of.update((id(each.sharded_param), (each.sharded_param, each)) for each in held)
                outermost.append((min(places[id(each.sharded_param)] for each in held), within[id(module)]))
        # In the same order in all processes, as they gather parameters together; modules that were cut together have one state.
        ordered = [module for _, parts in sorted(outermost, key=lambda found: found[0]) for module in parts]
        self._modules = list({id(module._get_fsdp_state()): module for module in reversed(ordered)}.values())[::-1]
        if any(self._entry(parameter) is None for parameter in parameters):
            raise UnsupportedError(
                "parameters: got a DTensor that no module of fully_shard has; make the optimizer of model.parameters() after fully_shard and after load_state_dict(assign=True), and use "
                "DistributedDataParallel in place of tensor parallelism"
            )


def _end_pass(of) -> None:
    of._training_state = type(of._training_state).IDLE


def _groups(module) -> list:
    state = module._get_fsdp_state()
    groups = getattr(state, "_fsdp_param_groups", None)
    if groups is None or any(not hasattr(group, name) for group in groups for name in (*_FOR_A_STEP, "_post_backward_pending", "fsdp_params")):
        raise UnsupportedError(f"fully_shard: expected that of PyTorch 2.15, got {torch.__version__}, which keeps its parameters otherwise; use DistributedDataParallel")
    return groups


def _check(groups, parameters):
    """What would be left out here is an error."""
    for group in groups:
        if group.gradient_divide_factor is not None:
            raise UnsupportedError("fully_shard: set_gradient_divide_factor is not followed here, where gradients are means over the processes; leave it out")
        if group._all_reduce_hook is not None or type(group._reduce_scatter_comm).__name__ != "DefaultReduceScatter":
            raise UnsupportedError("fully_shard: set_all_reduce_hook and own reductions of gradients are not run here, where gradients are reduced by the step; leave them out")
        for each in group.fsdp_params:
            policy = each.mp_policy
            if any(dtype not in (None, each.sharded_param.dtype) for dtype in (policy.param_dtype, policy.reduce_dtype)):
                raise UnsupportedError(
                    "fully_shard: mp_policy with another param_dtype or reduce_dtype is not followed here, as derivatives are taken by the parameters as they are; leave it out, and compute "
                    "the loss under torch.autocast"
                )
            if each.offload_to_cpu:
                raise UnsupportedError("fully_shard: CPUOffloadPolicy is not supported, as vectors are where the model computes; leave it out")
    for parameter in parameters:
        if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
            raise UnsupportedError(
                "parameters: a hook on a parameter of fully_shard (register_hook, register_post_accumulate_grad_hook) would not be run, as gradients are taken and reduced by the step; remove it "
                "(to clip, max_grad_norm=)"
            )
