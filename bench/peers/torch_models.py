"""The networks of layers in PyTorch, each written once; what runs a layer decides what is computed of it."""

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import problem
import torch_layers as layers


class Plain:
    """Values alone, as any user's code computes them."""

    def __call__(self, layer, *inputs):
        return layer.value(*inputs)

    def linear(self, f, *inputs):
        return f(*inputs)


class Recorded(Plain):
    """Keeps the outputs of all layers. With zeros given adds them, so that torch.func sees the outputs as arguments."""

    def __init__(self, zeros=None):
        self.outputs, self.zeros = [], zeros

    def __call__(self, layer, *inputs):
        y = layer.value(*inputs)
        if self.zeros is not None:
            y = y + self.zeros[len(self.outputs)]
        self.outputs.append(y)
        return y


class Tangents:
    """Pairs of values and tangents; `total` gathers u.Hu, the sum of <adjoint of an output, its second derivative>."""

    def __init__(self, outputs, adjoints):
        self.recorded, self.total = iter(zip(outputs, adjoints)), 0.0

    def __call__(self, layer, *inputs):
        y, adjoint = next(self.recorded)
        first, second = layer.tangents(y, [v for v, _ in inputs], [t for _, t in inputs])
        if second is not None:
            self.total = self.total + (adjoint * second).sum()
        return y, first

    def linear(self, f, *inputs):
        return tuple(None if any(p is None for p in part) else f(*part) for part in zip(*inputs))


class Model:
    """Weights in PyTorch's own layouts ([out, in], [out, in, height, width]), in the order of `problem`.

    `channels_last`: strides of images and convolutions. `onednn`: dense layers by oneDNN. `attention`: "fused" for
    PyTorch's own, "math" for its form that can be differentiated twice, "layers" for one layer by layer.
    """

    def __init__(self, network, channels_last=False, onednn=False, attention="layers"):
        self.network, self.attention = network, attention
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.names = [name for name, _ in network.table]
        self.values = self.lists(problem.weights(network))
        self.vector = self.lists(problem.vector(network))
        self.weights = [p.clone().requires_grad_() for p in self.values]
        if network.name == "nanolm":
            self.x, labels = (torch.tensor(t).long() for t in problem.tokens(network))
        else:
            self.x = torch.tensor(problem.images(network)).contiguous(memory_format=self.format)
            labels = torch.tensor(problem.labels(network))
        self.forward = getattr(self, network.name)
        self.activation = layers.Gelu() if network.activation == "gelu" else layers.Relu()
        self.dense = layers.Dense(layers.onednn_linear if onednn else F.linear)
        self.cross_entropy = layers.CrossEntropy(labels)
        same = lambda p: p
        layer_norm = lambda x, scale, bias: F.layer_norm(x, x.shape[-1:], scale, bias, layers.EPSILON)
        group_norm = lambda x, scale, bias: F.group_norm(x, problem.GROUPS, scale, bias, layers.EPSILON)
        groups = lambda x: x.unflatten(1, (problem.GROUPS, -1))
        self.layer_norm = layers.Norm(layer_norm, same, -1, same)
        self.group_norm = layers.Norm(group_norm, groups, (2, 3, 4), lambda p: p[:, None, None])

    def lists(self, parameters):
        found = []
        for name, p in parameters.items():
            p = torch.tensor(p)
            if p.dim() == 4:
                p = p.permute(3, 2, 0, 1).contiguous(memory_format=self.format)
            elif name == "head.weight" and self.network.name == "convnet":  # pixels before channels there, after them here
                side = problem.IMAGE[1] // 4
                p = p.reshape(side, side, -1, p.shape[1]).permute(3, 2, 0, 1).reshape(p.shape[1], -1).contiguous()
            elif name.endswith(".weight"):
                p = p.t().contiguous()
            found.append(p)
        return found

    def split(self, flat):
        """A flat vector in this class's own order and layout as a list of parameters."""
        return [part.view(p.shape) for part, p in zip(torch.split(flat, [p.numel() for p in self.values]), self.values)]

    def loss(self, w, run=Plain()):
        return self.forward(run, dict(zip(self.names, w)))

    def gradient(self):
        loss = self.loss(self.weights)
        return loss, torch.autograd.grad(loss, self.weights)

    # The adjoint sum.

    def recorded(self):
        """Loss, gradient, and the layers' outputs with their adjoints."""
        run = Recorded()
        loss = self.loss(self.weights, run)
        found = torch.autograd.grad(loss, [*self.weights, *run.outputs])
        outputs = [y.detach() for y in run.outputs]
        return loss.detach(), found[: len(self.weights)], (outputs, found[len(self.weights) :])

    def recorded_functional(self, w, zeros):
        """The same by torch.func, from zeros of the outputs' shapes."""

        def loss(w, zeros):
            run = Recorded(zeros)
            return self.loss(w, run), run.outputs

        (gradient, adjoints), (loss, outputs) = torch.func.grad_and_value(loss, argnums=(0, 1), has_aux=True)(w, zeros)
        return loss, gradient, (outputs, adjoints)

    def curvature(self, w, u, residuals):
        run = Tangents(*residuals)
        self.forward(run, {name: (p, q) for name, p, q in zip(self.names, w, u)})
        return run.total

    # The networks. An input without tangent is a pair with None when tangents run.

    def data(self, run):
        return (self.x, None) if isinstance(run, Tangents) else self.x

    def apply(self, run, w, name, x):
        return run(self.dense, x, w[f"{name}.weight"], w[f"{name}.bias"])

    def norm(self, run, w, name, x, norm=None):
        return run(norm or self.layer_norm, x, w[f"{name}.scale"], w[f"{name}.bias"])

    def feed_forward(self, run, w, name, x):
        return self.apply(run, w, f"{name}.outer", run(self.activation, self.apply(run, w, f"{name}.inner", x)))

    def finish(self, run, w, x):
        return run(self.cross_entropy, self.apply(run, w, "head", x))

    def convnet(self, run, w):
        x = self.data(run)
        for i in range(3):
            conv = layers.Conv(1 if i == 0 else 2, 1)
            x = run(self.activation, run(conv, x, w[f"convs.{i}.weight"], w[f"convs.{i}.bias"]))
        return self.finish(run, w, run.linear(lambda x: x.flatten(1), x))

    def resnet20(self, run, w):
        def unit(name, x, stride=1, padding=1):
            y = run(layers.Conv(stride, padding), x, w[f"{name}.conv.weight"])
            return self.norm(run, w, f"{name}.norm", y, self.group_norm)

        x = run(self.activation, unit("stem", self.data(run)))
        for stage in range(3):
            for block in range(3):
                name, stride = f"stages.{stage}.{block}", 2 if stage and not block else 1
                y = unit(f"{name}.1", run(self.activation, unit(f"{name}.0", x, stride)))
                straight = unit(f"{name}.shortcut", x, stride, 0) if stride == 2 else x
                x = run(self.activation, run.linear(torch.add, y, straight))
        return self.finish(run, w, run.linear(lambda x: x.mean((2, 3)), x))

    def embed(self, run, w):
        x = run(layers.Conv(problem.PATCH, 0), self.data(run), w["embed.weight"], w["embed.bias"])
        return run.linear(lambda x: x.flatten(2).transpose(1, 2), x)

    def mixer(self, run, w):
        x, turn = self.embed(run, w), lambda x: x.transpose(1, 2)
        for block in (f"blocks.{i}" for i in range(4)):
            y = run.linear(turn, self.norm(run, w, f"{block}.token_norm", x))
            y = run.linear(turn, self.feed_forward(run, w, f"{block}.tokens", y))
            x = run.linear(torch.add, x, y)
            y = self.feed_forward(run, w, f"{block}.channels", self.norm(run, w, f"{block}.channel_norm", x))
            x = run.linear(torch.add, x, y)
        return self.finish(run, w, run.linear(lambda x: x.mean(1), self.norm(run, w, "norm", x)))

    def attend(self, run, q, k, v, causal):
        if self.attention != "layers":
            backends = [SDPBackend.MATH] if self.attention == "math" else [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]
            with sdpa_kernel(backends):
                return F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        (positions, depth), mask = (q[0] if isinstance(q, tuple) else q).shape[-2:], None
        if causal:
            mask = torch.full((positions, positions), float("-inf")).triu(1)
        scores = run(layers.Bilinear(lambda q, k: (q * depth**-0.5) @ k.transpose(-1, -2)), q, k)
        return run(layers.Bilinear(torch.matmul), run(layers.Softmax(mask), scores), v)

    def blocks(self, run, w, x, causal):
        split = lambda x: x.unflatten(2, (problem.HEADS, -1)).transpose(1, 2)
        join = lambda x: x.transpose(1, 2).flatten(2)
        for block in (f"blocks.{i}" for i in range(4)):
            y = self.norm(run, w, f"{block}.attention_norm", x)
            parts = (f"{block}.attention.{part}" for part in ("query", "key", "value"))
            q, k, v = (run.linear(split, self.apply(run, w, part, y)) for part in parts)
            y = run.linear(join, self.attend(run, q, k, v, causal))
            x = run.linear(torch.add, x, self.apply(run, w, f"{block}.attention.out", y))
            y = self.norm(run, w, f"{block}.dense_norm", x)
            x = run.linear(torch.add, x, self.feed_forward(run, w, f"{block}.dense", y))
        return x

    def vit(self, run, w):
        def with_class(x, token, positions):
            return torch.cat([token.expand(x.shape[0], 1, -1), x], 1) + positions

        x = run.linear(with_class, self.embed(run, w), w["class"], w["positions"])
        x = run.linear(lambda x: x[:, 0], self.blocks(run, w, x, causal=False))
        return self.finish(run, w, self.norm(run, w, "norm", x))

    def nanolm(self, run, w):
        x = run.linear(lambda table, places: F.embedding(self.x, table) + places, w["tokens"], w["positions"])
        return self.finish(run, w, self.norm(run, w, "norm", self.blocks(run, w, x, causal=True)))
