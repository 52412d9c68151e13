"""Recurrent layers, step by step. The inputs of all steps are multiplied at once."""

from ._movement import _cat, _stack
from ._products import _linear
from ._random import dropout
from ._table import Refused, operator


def _lstm_step(gates, hidden, cell):
    size = hidden.shape[-1]
    enter, forget, new, out = (gates.cut(1, place * size, (place + 1) * size) for place in range(4))
    cell = forget.op("sigmoid") * cell + enter.op("sigmoid") * new.op("tanh")
    return out.op("sigmoid") * cell.op("tanh"), cell


def _layer(low, x, states, weights, step, reverse):
    """One direction of one layer over `[steps, n, inputs]`: the hidden state of each step, and the last states."""
    ih, hh, *biases = weights
    inputs = _linear(low, x, ih, biases[0] if biases else None)
    outputs = []
    steps = range(x.shape[0])
    for place in reversed(steps) if reverse else steps:
        now = inputs.cut(0, place, place + 1).squeeze([0])
        states = step(low, now, states, hh, biases[1] if biases else None)
        outputs.append(states[0])
    return _stack(low, outputs[::-1] if reverse else outputs, 0), states


def _run(low, x, states, weights, has_biases, layers, share, train, bidirectional, batch_first, step):
    """All layers. `states`: for each kind of state `[layers * directions, n, size]`."""
    x = low.value(x)
    states = [low.value(state) for state in states]
    alone = x.rank == 2
    if alone:
        x = x.view((x.shape[0], 1, x.shape[1]))
        states = [state.view((state.shape[0], 1, state.shape[1])) for state in states]
    elif batch_first:
        x = x.permute([1, 0, 2])
    each, directions = (4 if has_biases else 2), 2 if bidirectional else 1
    if len(weights) != each * layers * directions:
        raise Refused("a projection inside an LSTM", "use proj_size=0 and a linear layer")
    last = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            place = layer * directions + direction
            begin = [state.cut(0, place, place + 1).squeeze([0]) for state in states]
            out, end = _layer(low, x, begin, weights[place * each : (place + 1) * each], step, direction == 1)
            outputs.append(out)
            last.append(end)
        x = _cat(low, outputs, 2) if directions == 2 else outputs[0]
        if train and share > 0 and layer + 1 < layers:
            x = dropout(low, x, share)
    ends = [_stack(low, [end[kind] for end in last], 0) for kind in range(len(states))]
    if alone:
        return [x.squeeze([1]), *(end.squeeze([1]) for end in ends)]
    return [x.permute([1, 0, 2]) if batch_first else x, *ends]


@operator("lstm.input")
def _lstm(low, x, states, weights, has_biases, layers, share, train, bidirectional, batch_first):
    def step(low, now, states, hh, bias):
        return _lstm_step(now + _linear(low, states[0], hh, bias), *states)

    return _run(low, x, states, weights, has_biases, layers, share, train, bidirectional, batch_first, step)


@operator("gru.input")
def _gru(low, x, state, weights, has_biases, layers, share, train, bidirectional, batch_first):
    def step(low, now, states, hh, bias):
        (hidden,) = states
        size = hidden.shape[-1]
        part = lambda gates, place: gates.cut(1, place * size, (place + 1) * size)
        held = _linear(low, hidden, hh, bias)
        reset, update = ((part(now, place) + part(held, place)).op("sigmoid") for place in range(2))
        new = (part(now, 2) + reset * part(held, 2)).op("tanh")
        return (new + update * (hidden - new),)

    return _run(low, x, [state], weights, has_biases, layers, share, train, bidirectional, batch_first, step)


def _plain(name, op):
    def lower(low, x, state, weights, has_biases, layers, share, train, bidirectional, batch_first):
        step = lambda low, now, states, hh, bias: ((now + _linear(low, states[0], hh, bias)).op(op),)
        return _run(low, x, [state], weights, has_biases, layers, share, train, bidirectional, batch_first, step)

    operator(name)(lower)


_plain("rnn_tanh.input", "tanh")
_plain("rnn_relu.input", "relu")
