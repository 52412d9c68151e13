"""PyTorch as a peer: `written` is the double backward, `best` holds every faster formulation found."""

import protocol

THREADS = protocol.threads_from_command_line()

import torch

import problem
import torch_networks as networks

torch.set_num_threads(THREADS)
LANCZOS_STEPS = 20


def dot(a, b):
    return sum(torch.sum(p * q) for p, q in zip(a, b))


def finish(w, loss, g, u, curvature):
    """The CDAT step from its parts: rate 2n/d and the new parameters."""
    slope = dot(g, u)
    rate = 2 * torch.clamp(-slope, min=0) / torch.abs(curvature)
    return loss, slope, curvature, rate, [p + rate * q for p, q in zip(w, u)]


def cdat_written(net):
    loss = net.loss(net.weights)
    g = torch.autograd.grad(loss, net.weights, create_graph=True)
    u = [-p.detach() for p in g]
    hu = torch.autograd.grad(dot(g, u), net.weights)
    with torch.no_grad():
        return finish(net.weights, loss, g, u, dot(u, hu))


def cdat_best(net, mm):
    def run(*w):
        loss, g, residuals = net.adjoints(w, mm)
        u = [-p for p in g]
        return finish(w, loss, g, u, net.curvature(w, u, residuals, mm))

    return run


def eager_and_compiled(name, function, arguments):
    """`function(mm)` on oneDNN products, run as it is and through torch.compile."""
    compiled = torch.compile(function(networks.opaque_product))
    eager = function(networks.onednn_product)
    no_grad = torch.no_grad()
    return {
        f"{name}, oneDNN products": lambda *a: no_grad(eager)(*(a or arguments)),
        f"{name}, oneDNN products, torch.compile": lambda *a: no_grad(compiled)(*(a or arguments)),
    }


def products_best(net):
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

    found = {k: make(lineariser, apply) for lineariser, (k, apply) in zip(linearisers.values(), appliers.items())}
    found["double backward on a kept graph"] = lambda: product_on_graph(net)
    return found


def product_on_graph(net):
    g = torch.autograd.grad(net.loss(net.weights), net.weights, create_graph=True)
    return lambda v: torch.autograd.grad(g, net.weights, v, retain_graph=True)


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


def candidates(network_name, op, formulation):
    if op == "gemm":
        a, b = torch.randn(2, protocol.GEMM_SIZE, protocol.GEMM_SIZE)
        if formulation == "written":
            return {"a @ b": (lambda: a @ b, lambda r: {})}
        return {"oneDNN": (lambda: networks.onednn_product(a, b), lambda r: {})}
    net = networks.Net(problem.NETWORKS[network_name])
    written = formulation == "written"
    if op == "forward":
        found = {"loss": torch.no_grad()(lambda: net.loss(net.weights))}
        if not written:
            found = eager_and_compiled("loss", lambda mm: lambda *w: net.forward(w, mm)[0], net.values)
        values = lambda r: {"loss": float(r)}
    elif op == "gradient":

        def backward():
            loss = net.loss(net.weights)
            return loss, torch.autograd.grad(loss, net.weights)

        found = {"backward": backward}
        if not written:
            found = eager_and_compiled("adjoints by hand", lambda mm: lambda *w: net.adjoints(w, mm)[:2], net.values)
        values = lambda r: {"loss": float(r[0]), "gradient_norm2": float(dot(r[1], r[1]))}
    elif op == "cdat":
        found = {"double backward": lambda: cdat_written(net)}
        if not written:
            found = eager_and_compiled("adjoint sum", lambda mm: cdat_best(net, mm), net.values)
        values = lambda r: dict(zip(("loss", "slope", "curvature", "rate"), map(float, r[:4])))
    elif op == "hv":
        makes = {"double backward, linearised in the call": lambda: lambda v: product_on_graph(net)(v)}
        if not written:
            makes = products_best(net)
        found = {k: (lambda product: lambda: product(net.vector))(make()) for k, make in makes.items()}
        values = lambda r: {"vhv": float(dot(net.vector, r)), "hv_norm2": float(dot(r, r))}
    else:
        makes = {"double backward on a kept graph": lambda: product_on_graph(net)}
        if not written:
            makes = products_best(net)
        found = {k: (lambda make: lambda: lanczos(make, net))(make) for k, make in makes.items()}
        values = lambda r: {"largest": float(r[-1]), "smallest": float(r[0])}
    return {k: (f, values) for k, f in found.items()}


if __name__ == "__main__":
    protocol.serve("torch", torch.__version__, THREADS, candidates)
