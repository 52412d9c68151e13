"""Functions with derivatives of their own: the rule is what JAX differentiates, so it is what counts here.

A function f with the rule T (linear in the step d) becomes, around the point p that its argument x has,

    detach(f(x)) + T(x, d) - 1/2 dT(x, d)[d],    d = x - detach(x)

where dT differentiates T by x. At x = p this is f; its first derivative is T and its second that of T, which is all that JAX sees too.
"""

import jax

from ._lowering import Known, Node, inner_jaxpr, unsupported
from ._table import custom, primitive


@primitive("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr")
def _custom(low, equation, operands):
    inner = inner_jaxpr(equation)
    operands = operands[len(operands) - len(inner.jaxpr.invars) :]
    if all(isinstance(operand, Known) for operand in operands):
        return _inlined(low, equation, operands)
    # What JAX itself has, with a rule that is the function's own derivative or a lowering here.
    source = getattr(getattr(inner.jaxpr, "debug_info", None), "func_src_info", None) or ""
    name, _, place = source.partition(" at ")
    if "/jax/_src/" in place and name in custom.KNOWN:
        return custom.KNOWN[name](low, equation, operands)
    if low.order == 0:
        return _inlined(low, equation, operands)
    return _ruled(low, equation, operands, inner)


def _inlined(low, equation, operands):
    inner = inner_jaxpr(equation)
    return low.run(inner.jaxpr, [Known(const) for const in inner.consts], operands)


def _ruled(low, equation, operands, inner):
    build, order = low.builder, low.order
    detached = [Node(build.op("detach", low.node(x))) if isinstance(x, Node) else x for x in operands]
    moved = [place for place, x in enumerate(operands) if isinstance(x, Node)]
    steps = [Node(build.op("sub", operands[place].value, detached[place].value)) for place in moved]
    points = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in inner.jaxpr.invars]
    function = _callable(equation)

    def first(*given):
        return _rule(equation, function, given[: len(points)], given[len(points) :], moved)

    def second(*given):
        x, d = list(given[: len(points)]), given[len(points) :]

        def along(*moving):
            for place, value in zip(moved, moving):
                x[place] = value
            return _rule(equation, function, x, d, moved)

        return jax.jvp(along, tuple(x[place] for place in moved), d)[1]

    steps_like = [points[place] for place in moved]
    results = []
    try:
        traced = [jax.make_jaxpr(first)(*points, *steps_like)]
        if order > 1:
            traced.append(jax.make_jaxpr(second)(*points, *steps_like))
    except Exception as error:
        text = str(error).partition("\n")[0]
        raise unsupported(equation, f"a derivative rule that JAX cannot differentiate ({text})", "write it with functions that JAX differentiates twice") from None
    try:
        low.order = 0
        values = _inlined(low, equation, detached)
        results.append([Node(build.op("detach", low.node(value))) for value in values])
        low.order = order - 1
        results.append(low.run(traced[0].jaxpr, [Known(c) for c in traced[0].consts], [*operands, *steps]))
        if order > 1:
            low.order = 0
            results.append(low.run(traced[1].jaxpr, [Known(c) for c in traced[1].consts], [*detached, *steps]))
    finally:
        low.order = order
    out = []
    for value, *parts in zip(*results):
        total = build.op("add", value.value, low.node(parts[0]))
        if order > 1:
            total = build.op("sub", total, build.scale(low.node(parts[1]), 0.5))
        out.append(Node(total))
    return out


def _callable(equation):
    given = equation.primitive.get_bind_params(equation.params)
    subfunctions, params = given if isinstance(given, tuple) else ((), given)
    count = len(inner_jaxpr(equation).jaxpr.invars)

    def call(*operands):
        # What comes before the arguments of the function belongs to older versions of JAX.
        return tuple(equation.primitive.bind(*subfunctions, *operands[-count:] if count else (), **params))

    return call


def _rule(equation, function, points, steps, moved):
    """T(x, d), for d along the operands `moved` alone."""
    points = list(points)

    def of(*moving):
        x = list(points)
        for place, value in zip(moved, moving):
            x[place] = value
        return function(*x)

    primals = tuple(points[place] for place in moved)
    if equation.primitive.name == "custom_jvp_call":
        return jax.jvp(of, primals, tuple(steps))[1]
    out, back = jax.vjp(of, *primals)
    return jax.linear_transpose(back, out)(tuple(steps))[0]


for _name in ("silu", "_softmax", "_log_softmax"):
    custom(_name)(_inlined)


@custom("relu")
def _relu(low, equation, operands):
    return [Node(low.builder.op("relu", low.node(operands[0])))]


@custom("logaddexp")
def _logaddexp(low, equation, operands):
    shape, build = equation.outvars[0].aval.shape, low.builder
    for one, other in (operands, operands[::-1]):
        if isinstance(one, Known) and not one.array.any():
            return [Node(build.op("softplus", build.full(low.node(other), shape)))]
    a, b = (build.full(low.node(operand), shape) for operand in operands)
    # By the larger one, so that nothing is rounded away; at a tie either will do, as the whole is smooth there.
    mask = build.op("greater", a, b)
    larger, smaller = build.op("select", mask, a, b), build.op("select", mask, b, a)
    return [Node(build.op("add", larger, build.op("softplus", build.op("sub", smaller, larger))))]
