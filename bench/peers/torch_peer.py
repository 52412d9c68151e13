"""PyTorch as a peer: `written` is the double backward, `best` holds every faster formulation found."""

import protocol

THREADS = protocol.threads_from_command_line()

import torch

import problem
import torch_layers as layers
import torch_models as models
import torch_networks as networks

torch.set_num_threads(THREADS)
LANCZOS_STEPS = 20
DENSE = ("mlp", "mlp-tanh-mse")


def dot(a, b):
    return sum(torch.sum(p * q) for p, q in zip(a, b))


def finish(w, loss, g, u, curvature):
    """The CDAT step from its parts: rate 2n/d and the new parameters."""
    slope = dot(g, u)
    rate = 2 * torch.clamp(-slope, min=0) / torch.abs(curvature)
    return loss, slope, curvature, rate, [p + rate * q for p, q in zip(w, u)]


def backward(net):
    loss = net.loss(net.weights)
    return loss.detach(), torch.autograd.grad(loss, net.weights)


def cdat_written(net):
    loss = net.loss(net.weights)
    g = torch.autograd.grad(loss, net.weights, create_graph=True)
    u = [-p.detach() for p in g]
    hu = torch.autograd.grad(dot(g, u), net.weights)
    with torch.no_grad():
        return finish(net.weights, loss, g, u, dot(u, hu))


def product_on_graph(net):
    g = torch.autograd.grad(net.loss(net.weights), net.weights, create_graph=True)
    return lambda v: torch.autograd.grad(g, net.weights, v, retain_graph=True)


# Dense networks, by hand.


def cdat_by_hand(net, mm):
    def run(*w):
        loss, g, residuals = net.adjoints(w, mm)
        u = [-p for p in g]
        return finish(w, loss, g, u, net.curvature(w, u, residuals, mm))

    return run


def eager_and_compiled(name, function, arguments):
    """`function(mm)` on oneDNN products, run as it is and through torch.compile."""
    compiled = torch.compile(function(layers.opaque_product))
    eager = function(layers.onednn_product)
    no_grad = torch.no_grad()
    return {
        f"{name}, oneDNN products": lambda *a: no_grad(eager)(*(a or arguments)),
        f"{name}, oneDNN products, torch.compile": lambda *a: no_grad(compiled)(*(a or arguments)),
    }


def products_by_hand(net):
    """{variant: make}, where make() linearises and gives v -> H v."""
    w = net.values
    linearisers = eager_and_compiled("", lambda mm: lambda *w: net.adjoints(w, mm)[2], w)
    appliers = eager_and_compiled(
        "by hand on kept residuals", lambda mm: lambda v, residuals: net.hessian_vector(w, v, residuals, mm), ()
    )

    def make(linearise, apply):
        def run():
            residuals = linearise()
            return lambda v: apply(v, residuals)

        return run

    return {k: make(lineariser, apply) for lineariser, (k, apply) in zip(linearisers.values(), appliers.items())}


def dense_best(net, op):
    if op == "forward":
        return eager_and_compiled("loss", lambda mm: lambda *w: net.forward(w, mm)[0], net.values)
    if op == "gradient":
        return eager_and_compiled("adjoints by hand", lambda mm: lambda *w: net.adjoints(w, mm)[:2], net.values)
    if op == "cdat":
        return eager_and_compiled("adjoint sum", lambda mm: cdat_by_hand(net, mm), net.values)
    return {**products_by_hand(net), "double backward on a kept graph": lambda: product_on_graph(net)}


# Networks of layers.


@torch.no_grad()
def cdat_adjoint_sum(net):
    with torch.enable_grad():
        loss, g, residuals = net.recorded()
    u = [-p for p in g]
    return finish(net.values, loss, g, u, net.curvature(net.values, u, residuals))


def cdat_compiled(net):
    """The adjoint sum in one graph."""
    with torch.no_grad():
        run = models.Recorded()
        net.loss(net.values, run)
    shapes = [y.shape for y in run.outputs]

    def step(*w):
        loss, g, residuals = net.recorded_functional(list(w), [torch.zeros(shape) for shape in shapes])
        u = [-p for p in g]
        return finish(w, loss, g, u, net.curvature(w, u, residuals))

    compiled = torch.compile(step)
    return lambda: torch.no_grad()(compiled)(*net.values)


@torch.no_grad()
def cdat_jvp_jvp(net):
    with torch.enable_grad():
        loss, g = backward(net)
    u = tuple(-p for p in g)
    jvp, along = torch.func.jvp, lambda *w: net.loss(w)
    return finish(net.values, loss, g, u, jvp(lambda *w: jvp(along, w, u)[1], tuple(net.values), u)[1])


def jvp_of_grad(net):
    gradient = torch.func.grad(lambda w: net.loss(w))
    return lambda v: torch.func.jvp(gradient, (list(net.values),), (list(v),))[1]


def layered(network, written):
    """{label: net}: what PyTorch gives as it is, or every combination of layout and product worth trying."""
    if written:
        return {"": models.Model(network, attention="fused")}
    found = {}
    layouts = [True, False] if network.name in ("convnet", "resnet20") else [False]
    for channels_last in layouts:
        for onednn in [False, True][: 1 if network.name in ("convnet", "resnet20") else 2]:
            label = (", channels last" if channels_last else "") + (", oneDNN products" if onednn else "")
            found[label] = models.Model(network, channels_last, onednn)
    return found


def layered_candidates(network, op, written):
    """{variant: function} for forward, gradient and cdat; {variant: make} for products."""
    nets, found = layered(network, written), {}
    attention = network.name in ("vit", "nanolm")
    if op in ("forward", "gradient"):
        if attention and not written:
            nets[", fused attention"] = models.Model(network, attention="fused")
        for label, net in nets.items():
            if op == "forward":
                forward = lambda *w, net=net: net.loss(w)
                found[f"loss{label}"] = lambda forward=forward, net=net: torch.no_grad()(forward)(*net.values)
                if not written:
                    compiled = torch.compile(forward)
                    found[f"loss{label}, torch.compile"] = (
                        lambda compiled=compiled, net=net: torch.no_grad()(compiled)(*net.values)
                    )
                continue
            found[f"backward{label}"] = lambda net=net: backward(net)
            if not written:
                compiled = torch.compile(lambda *w, net=net: net.loss(w))

                def run(net=net, compiled=compiled):
                    loss = compiled(*net.weights)
                    return loss.detach(), torch.autograd.grad(loss, net.weights)

                found[f"backward{label}, torch.compile"] = run
        return nets, found
    if written:
        net = models.Model(network, attention="math")
        if op == "cdat":
            return {"": net}, {"double backward": lambda: cdat_written(net)}
        if op == "hv":
            return {"": net}, {"double backward, linearised in the call": lambda: lambda v: product_on_graph(net)(v)}
        return {"": net}, {"double backward on a kept graph": lambda: product_on_graph(net)}
    if op == "cdat":
        for label, net in nets.items():
            found[f"adjoint sum{label}"] = lambda net=net: cdat_adjoint_sum(net)
            found[f"adjoint sum{label}, torch.compile"] = cdat_compiled(net)
        label, net = next(iter(nets.items()))
        found[f"torch.func jvp of jvp{label}"] = lambda: cdat_jvp_jvp(net)
        found[f"double backward{label}"] = lambda: cdat_written(net)
        return nets, found
    for label, net in nets.items():
        found[f"double backward on a kept graph{label}"] = lambda net=net: product_on_graph(net)
        if op == "hv" and "oneDNN" not in label:
            found[f"torch.func jvp of grad{label}"] = lambda net=net: jvp_of_grad(net)
    return nets, found


# All networks.


@torch.no_grad()
def lanczos(make_product, net):
    """Lanczos with full reorthogonalisation: three-term recurrence, then once against all vectors."""
    with torch.enable_grad():
        product = make_product()
    start = torch.cat([p.reshape(-1) for p in net.vector])
    basis = torch.empty(LANCZOS_STEPS + 1, start.numel())
    basis[0] = start / start.norm()
    alphas, betas = [], []
    for j in range(LANCZOS_STEPS):
        r = torch.cat([p.reshape(-1) for p in product(net.split(basis[j]))])
        alphas.append(torch.dot(basis[j], r))
        r.sub_(basis[j] * alphas[j])
        if j:
            r.sub_(basis[j - 1] * betas[j - 1])
        rows = basis[: j + 1]
        r.sub_(torch.mv(rows.t(), torch.mv(rows, r)))
        betas.append(r.norm())
        torch.div(r, betas[j], out=basis[j + 1])
    b = torch.stack(betas[:-1])
    return torch.linalg.eigvalsh(torch.diag(torch.stack(alphas)) + torch.diag(b, 1) + torch.diag(b, -1))


def dense_candidates(network, op, written):
    net = networks.Net(network)
    if not written:
        return {"": net}, dense_best(net, op)
    return {"": net}, {
        "forward": {"loss": torch.no_grad()(lambda: net.loss(net.weights))},
        "gradient": {"backward": lambda: backward(net)},
        "cdat": {"double backward": lambda: cdat_written(net)},
        "hv": {"double backward, linearised in the call": lambda: lambda v: product_on_graph(net)(v)},
        "lanczos20": {"double backward on a kept graph": lambda: product_on_graph(net)},
    }[op]


VALUES = {
    "forward": lambda r: {"loss": float(r)},
    "gradient": lambda r: {"loss": float(r[0]), "gradient_norm2": float(dot(r[1], r[1]))},
    "cdat": lambda r: dict(zip(("loss", "slope", "curvature", "rate"), map(float, r[:4]))),
    "lanczos20": lambda r: {"largest": float(r[-1]), "smallest": float(r[0])},
}


def candidates(network_name, op, formulation):
    if op == "gemm":
        a, b = torch.randn(2, protocol.GEMM_SIZE, protocol.GEMM_SIZE)
        if formulation == "written":
            return {"a @ b": (lambda: lambda: a @ b, lambda r: {})}
        return {"oneDNN": (lambda: lambda: layers.onednn_product(a, b), lambda r: {})}
    torch.compiler.reset()
    network = problem.NETWORKS[network_name]
    written = formulation == "written"
    nets, found = (dense_candidates if network_name in DENSE else layered_candidates)(network, op, written)

    def net_of(variant):
        return max((label for label in nets if label in variant), key=len, default="")

    cells = {}
    for variant, function in found.items():
        if op == "hv":
            vector = nets[net_of(variant)].vector
            values = lambda r, v=vector: {"vhv": float(dot(v, r)), "hv_norm2": float(dot(r, r))}
            make = lambda function=function, v=vector: (lambda product: lambda: product(v))(function())
        elif op == "lanczos20":
            values, net = VALUES[op], nets[net_of(variant)]
            make = lambda function=function, net=net: lambda: lanczos(function, net)
        else:
            values, make = VALUES[op], lambda function=function: function
        cells[variant] = (make, values)
    return cells


if __name__ == "__main__":
    protocol.serve("torch", torch.__version__, THREADS, candidates)
