"""What a tuned optimizer keeps beside the state of its parameters, as numbers and words that load with `weights_only=True`."""

from __future__ import annotations

import json

from .._errors import ArgumentError
from ._gathered import Gathered
from ._read import Read
from ._sharded import WHOLE

# The attributes that a copy has from the start.
_MADE = ("base", "total_steps", "full_batch", "maximize", "max_grad_norm", "math_attention", "linear", "group", "factor")


def saved(optimizer, out: dict) -> dict:
    """The state of an optimizer, with that of its tuner in the first group."""
    groups = [dict(group) for group in out["param_groups"]]
    groups[0]["tuner"] = numbers(optimizer)
    out = {**out, "param_groups": groups}
    if isinstance(optimizer.base, Read):
        out["base"] = optimizer.base.optimizer.state_dict()
    return out


def numbers(optimizer) -> dict:
    """The tuner, the base and the step before, by name."""
    return {
        "name": optimizer.rule.name,
        "base": optimizer.base.name,
        "step": optimizer._step,
        "learning_rate": optimizer._rate,
        "update_norm": optimizer._norm,
        "along": optimizer._along,
        "out_of_turn": optimizer._out_of_turn,
        # One word, as torch.distributed.checkpoint loads what is there beforehand, and which numbers there are changes along a run.
        "state": json.dumps(optimizer.rule.core.state()),
    }


def load(optimizer, state_dict, plain) -> None:
    """Puts it back; `plain` is what any optimizer does."""
    groups = state_dict.get("param_groups") if isinstance(state_dict, dict) else None
    found = groups[0].get("tuner") if groups and isinstance(groups[0], dict) else None
    if not isinstance(found, dict):
        raise ArgumentError("state_dict: expected that of a tuned optimizer, got one without a tuner; a new optimizer needs no state to begin with")
    for what, mine in (("name", optimizer.rule.name), ("base", optimizer.base.name)):
        if found.get(what) != mine:
            raise ArgumentError(f"state_dict: expected {'the tuner' if what == 'name' else 'the base'} `{mine}`, got `{found.get(what)}`; make the optimizer as the saved one was")
    theirs = state_dict.get("base")
    if isinstance(optimizer.base, Read) and theirs is None:
        raise ArgumentError(f"state_dict: expected the state of the base `{optimizer.base.name}`, got none")
    plain({key: value for key, value in state_dict.items() if key != "base"})
    optimizer.param_groups[0].pop("tuner", None)
    if isinstance(optimizer.base, Read):
        optimizer.base.optimizer.load_state_dict(theirs)
    put(optimizer, found)


def put(optimizer, found: dict) -> None:
    """Puts back what `numbers` gave."""
    state = found["state"]
    # Earlier versions had the numbers by name.
    optimizer.rule.core.restore(state if isinstance(state, dict) else json.loads(state))
    optimizer._step, optimizer._rate, optimizer._norm = found["step"], found["learning_rate"], found["update_norm"]
    optimizer._along, optimizer._out_of_turn = found["along"], found["out_of_turn"]
    optimizer._gathered, optimizer.report, optimizer._warned = Gathered(), None, False
    optimizer._ranks, optimizer._layout, optimizer._met = None, WHOLE, False
    optimizer._shown = [group["lr"] for group in optimizer.param_groups] if found["step"] else None


def pickled(optimizer) -> dict:
    """What a copy of the optimizer is made from."""
    out = {"defaults": optimizer.defaults, "state": optimizer.state, "param_groups": optimizer.param_groups}
    rule = optimizer.rule
    made = {name: getattr(optimizer, name) for name in _MADE}
    return {**out, "made": made, "rule": (rule.name, rule.every, rule.tried, rule.settings), "tuner": numbers(optimizer)}


def unpickled(optimizer, state: dict, plain) -> None:
    """Makes it from that."""
    from ._rule import Rule

    if "rule" not in state:
        return plain(state)
    state = dict(state)
    made, (name, every, tried, settings), found = state.pop("made"), state.pop("rule"), state.pop("tuner")
    plain(state)
    optimizer.__dict__.update(made)
    optimizer.rule = Rule(name, None, None, settings)
    optimizer.rule.every, optimizer.rule.tried = every, tried
    put(optimizer, found)
