"""Attention."""

import math

import torch

from ._random import dropout
from ._table import operator
from ._values import Known, Value


@operator("scaled_dot_product_attention.default")
def _attention(low, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None, enable_gqa=False):
    query, key, value = low.value(query), low.value(key), low.value(value)
    if enable_gqa:
        key, value = (_repeated(part, query.shape[-3] // part.shape[-3]) for part in (key, value))
    lead = torch.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    query, key, value = (_stacked(part, lead) for part in (query, key, value))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    scores = _bmm(low, query.scale(scale), key, True).view((*lead, query.shape[1], key.shape[1]))
    if is_causal:
        causal = Known(torch.ones(scores.shape[-2:], dtype=torch.bool).tril())
        attn_mask = causal
    empty = None
    if isinstance(attn_mask, Known) and attn_mask.tensor.dtype == torch.bool:
        scores = low.where(attn_mask, scores, -math.inf)
        empty = Known(attn_mask.tensor.any(-1, keepdim=True), attn_mask.batch)
    elif attn_mask is not None:
        scores = scores + attn_mask
        if isinstance(attn_mask, Known):
            empty = Known(~torch.isneginf(attn_mask.tensor).all(-1, keepdim=True), attn_mask.batch)
    weights = Value(low, *scores.along_last("softmax", -1))
    # Where everything is masked the result is 0.
    if empty is not None and (empty.batch or not empty.tensor.all()):
        weights = weights * empty
    if dropout_p > 0:
        weights = dropout(low, weights, dropout_p)
    rows, columns = weights.shape[-2:]
    result = _bmm(low, weights.view((math.prod(lead), rows, columns)), value, False)
    return result.view((*lead, rows, value.shape[-1]))


def _stacked(x, lead):
    return x.expand((*lead, *x.shape[-2:])).view((math.prod(lead), *x.shape[-2:]))


def _repeated(x, times):
    """Each head so many times in a row."""
    shape = x.shape
    apart = x.view((*shape[:-2], 1, *shape[-2:])).expand((*shape[:-2], times, *shape[-2:]))
    return apart.view((*shape[:-3], shape[-3] * times, *shape[-2:]))


def _bmm(low, a, b, turned):
    return Value(low, low.build.op("matmul", a.plain(), b.plain(), left=False, right=turned))
