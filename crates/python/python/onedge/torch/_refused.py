"""What PyTorch refuses to differentiate twice, told with the way out."""

from __future__ import annotations

import contextlib
import re

from .._errors import StateError, UnsupportedError

RE_ENTRANT = "torch.utils.checkpoint: the re-entrant kind does not allow torch.autograd.grad; use checkpoint(..., use_reentrant=False)"

WEIGHT_NORM = (
    "weight_norm: the second derivative that PyTorch has of it is wrong, as it takes the norms for constants; write the parametrization as "
    "v * (g / v.norm(dim=..., keepdim=True)) with torch.nn.utils.parametrize, or do without"
)

# What PyTorch says, what is to be said instead, and as what.
_KNOWN = (
    (
        r"derivative for (\S*scaled_dot_product\S*) is not implemented|derivative for (\S*(?:flash|efficient|cudnn)_attention\S*) is not implemented",
        UnsupportedError,
        "attention: the fused kernels of PyTorch have no second derivative; give math_attention=True and the loss as a function, or compute it within torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)",
    ),
    (
        r"aot_autograd does not currently support double backward",
        UnsupportedError,
        "torch.compile: compiled code has no second derivative; compute the loss by the model as it was before torch.compile, or compile with backend='eager'",
    ),
    (
        r"use_reentrant=True.*incompatible|[Cc]heckpoint\w* is not compatible with \.grad",
        UnsupportedError,
        RE_ENTRANT,
    ),
    (
        r"backward through the graph a second time",
        StateError,
        "loss: its graph is used up, as backward() was called already; leave out loss.backward(), the gradient is taken here",
    ),
    (
        r"modified by an inplace operation",
        StateError,
        "loss: something that its gradient needs was modified in place since the forward pass, a parameter or a buffer it may be; compute the loss again, from the parameters as they are",
    ),
    (
        r"[Dd]ouble backwards is not supported for CuDNN RNN",
        UnsupportedError,
        "recurrent layers: cuDNN has no second derivative of them; compute the loss within torch.backends.cudnn.flags(enabled=False)",
    ),
    (
        r"once_differentiable",
        UnsupportedError,
        "a torch.autograd.Function marked once_differentiable has no second derivative; write its backward in differentiable operations",
    ),
)
_MISSING = re.compile(r"derivative for (\S+) is not implemented|[Dd]ouble backwards? (?:on|for|of) (\S+) (?:is )?not supported")


@contextlib.contextmanager
def told():
    """What PyTorch raises of second derivatives becomes an error that says what to do; all else passes as it is."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, (StateError, UnsupportedError)):
            raise
        text = str(error)
        for pattern, kind, sentence in _KNOWN:
            if re.search(pattern, text, re.DOTALL):
                raise kind(sentence) from error
        missing = _MISSING.search(text)
        if missing:
            name = next(filter(None, missing.groups()))
            raise UnsupportedError(f"{name}: PyTorch has no second derivative of it; write this part of the loss in other operations") from error
        raise
