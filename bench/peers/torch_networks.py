"""The dense networks in PyTorch, as users write them and with first and second derivatives by hand on oneDNN products."""

import torch

import problem


class Net:
    """Weights in PyTorch's own layout [out, in]; vectors and gradients are flat lists W1, b1, W2, b2, ..."""

    def __init__(self, network):
        self.squared, self.relu, self.examples = network.loss == "squared", network.activation == "relu", network.examples
        self.activation = torch.relu if self.relu else torch.tanh
        self.network = network
        self.x = torch.tensor(problem.images(network)).flatten(1)
        self.x_transposed = self.x.t().contiguous()
        self.labels = torch.tensor(problem.labels(network))
        self.target = torch.tensor(problem.one_hot(network))
        self.values = self.lists(problem.layers(problem.weights(network)))
        self.weights = [p.clone().requires_grad_() for p in self.values]
        self.vector = self.lists(problem.layers(problem.vector(network)))

    @staticmethod
    def lists(layers):
        return [torch.tensor(p.T.copy()) for layer in layers for p in layer]

    def split(self, flat):
        """A flat vector in this class's own order and layout as a list of parameters."""
        return [part.view(p.shape) for part, p in zip(torch.split(flat, [p.numel() for p in self.values]), self.values)]

    # What users write.

    def loss(self, w):
        h = self.x
        for i in range(0, len(w), 2):
            h = torch.nn.functional.linear(self.activation(h) if i else h, w[i], w[i + 1])
        if self.squared:
            return 0.5 * ((h - self.target) ** 2).sum(1).mean()
        return torch.nn.functional.cross_entropy(h, self.labels)

    # What is faster.

    def slope_of_activation(self, h):
        return (h > 0).to(h.dtype) if self.relu else 1 - h * h

    def forward(self, w, mm):
        """Loss, d loss / d z of the last layer, layer inputs, softmax."""
        hs = [self.x]
        for i in range(0, len(w) - 2, 2):
            hs.append(self.activation(mm(hs[-1], w[i].t()) + w[i + 1]))
        z = mm(hs[-1], w[-2].t()) + w[-1]
        if self.squared:
            e = z - self.target
            return 0.5 * (e * e).sum(1).mean(), e / self.examples, hs, None
        p = torch.softmax(z, 1)
        loss = (torch.logsumexp(z, 1) - (z * self.target).sum(1)).mean()
        return loss, (p - self.target) / self.examples, hs, p

    def adjoints(self, w, mm):
        """Loss, gradient, and the residuals: layer inputs h, adjoints of z and of h, softmax."""
        loss, d, hs, p = self.forward(w, mm)
        gradient, ds, adjoints_h = [], [], []
        for layer in reversed(range(len(w) // 2)):
            gradient[:0] = [mm(d.t(), hs[layer]) if layer else mm(d.t(), self.x_transposed.t()), d.sum(0)]
            ds.insert(0, d)
            if layer:
                a = mm(d, w[2 * layer])
                adjoints_h.insert(0, a)
                d = a * self.slope_of_activation(hs[layer])
        return loss, gradient, (hs[1:], ds, adjoints_h, p)

    def curvature(self, w, u, residuals, mm):
        """u.Hu as the sum over nodes of <adjoint, second directional derivative>."""
        hs, ds, adjoints_h, p = residuals
        hs, k, total, layers = [self.x, *hs], None, 0.0, len(w) // 2
        for layer in range(layers):
            t = mm(hs[layer], u[2 * layer].t()) + u[2 * layer + 1]
            if layer:
                total = total + 2 * (ds[layer] * mm(k, u[2 * layer].t())).sum()
                t = t + mm(k, w[2 * layer].t())
            if layer + 1 < layers:
                h = hs[layer + 1]
                k = t * self.slope_of_activation(h)
                if not self.relu:
                    total = total - 2 * (adjoints_h[layer] * h * k * t).sum()
        if self.squared:
            return total + (t * t).sum() / self.examples
        return total + ((p * t * t).sum() - ((p * t).sum(1) ** 2).sum()) / self.examples

    def hessian_vector(self, w, v, residuals, mm):
        hs, ds, adjoints_h, p = residuals
        hs, ks, layers = [self.x, *hs], [None], len(w) // 2
        for layer in range(layers):
            t = mm(hs[layer], v[2 * layer].t()) + v[2 * layer + 1]
            if layer:
                t = t + mm(ks[layer], w[2 * layer].t())
            if layer + 1 < layers:
                ks.append(t * self.slope_of_activation(hs[layer + 1]))
        d = (t if self.squared else p * t - p * (p * t).sum(1, keepdim=True)) / self.examples
        product = []
        for layer in reversed(range(layers)):
            if layer == 0:
                return [mm(d.t(), self.x_transposed.t()), d.sum(0), *product]
            h, k = hs[layer], ks[layer]
            product[:0] = [mm(d.t(), h) + mm(ds[layer].t(), k), d.sum(0)]
            a = mm(d, w[2 * layer]) + mm(ds[layer], v[2 * layer])
            d = a * self.slope_of_activation(h)
            if not self.relu:
                d = d - 2 * adjoints_h[layer - 1] * h * k
