"""The dense networks in JAX with their first and second derivatives, as users write them and by hand."""

import jax
import jax.numpy as jnp
import numpy as np

import problem
from jax_models import dot

tree_map = jax.tree.map


@jax.custom_vjp
def product_with_transposed(x, x_t, w):
    """x @ w, whose gradient with respect to w reads the stored transpose of x."""
    return x @ w


product_with_transposed.defvjp(lambda x, x_t, w: (x @ w, x_t), lambda x_t, d: (None, None, x_t @ d))


class Net:
    """`data` is (x, x transposed, one-hot targets); weights and vectors are [(W [in, out], b), ...]."""

    def __init__(self, network):
        x = problem.images(network).reshape(network.examples, -1)
        self.squared, self.relu, self.examples = network.loss == "squared", network.activation == "relu", network.examples
        self.activation = jax.nn.relu if self.relu else jnp.tanh
        self.data = tree_map(jnp.array, (x, np.ascontiguousarray(x.T), problem.one_hot(network)))
        self.weights = tree_map(jnp.array, problem.layers(problem.weights(network)))
        self.vector = tree_map(jnp.array, problem.layers(problem.vector(network)))
        self._adjoints = jax.jit(lambda w, d: self.adjoints(w, d)[2])
        self._by_hand = jax.jit(self.hessian_vector)

    # What users write.

    def loss(self, w, data, first=lambda x, x_t, w: x @ w):
        x, x_t, target = data
        h = first(x, x_t, w[0][0]) + w[0][1]
        for weight, bias in w[1:]:
            h = self.activation(h) @ weight + bias
        if self.squared:
            return 0.5 * jnp.mean(jnp.sum((h - target) ** 2, axis=1))
        return jnp.mean(jax.nn.logsumexp(h, axis=1) - jnp.sum(h * target, axis=1))

    def gradient(self, w, data):
        return jax.value_and_grad(self.loss)(w, data)

    def curvature_of_gradient(self, w, u, data):
        return dot(u, jax.jvp(lambda w: jax.grad(self.loss)(w, data), (w,), (u,))[1])

    # What is faster.

    def gradient_transposed(self, w, data):
        return jax.value_and_grad(lambda w: self.loss(w, data, product_with_transposed))(w)

    def curvature_jvp_jvp(self, w, u, data):
        slope = lambda w: jax.jvp(lambda w: self.loss(w, data), (w,), (u,))[1]
        return jax.jvp(slope, (w,), (u,))[1]

    def product_by_hand(self):
        residuals = self._adjoints(self.weights, self.data)
        return lambda v: self._by_hand(self.weights, v, self.data, residuals)

    def slope_of_activation(self, h):
        return (h > 0).astype(h.dtype) if self.relu else 1 - h * h

    def adjoints(self, w, data):
        """Loss, gradient, and the residuals: inputs h of every layer, adjoints of z and of h, softmax."""
        x, x_t, target = data
        hs = [x]
        for weight, bias in w[:-1]:
            hs.append(self.activation(hs[-1] @ weight + bias))
        z = hs[-1] @ w[-1][0] + w[-1][1]
        if self.squared:
            p, d = None, (z - target) / self.examples
            loss = 0.5 * jnp.mean(jnp.sum((z - target) ** 2, axis=1))
        else:
            top = jax.nn.logsumexp(z, axis=1, keepdims=True)
            p = jnp.exp(z - top)
            d = (p - target) / self.examples
            loss = jnp.mean(top[:, 0] - jnp.sum(z * target, axis=1))
        gradient, ds, adjoints_h = [], [], []
        for layer in reversed(range(len(w))):
            rows = x_t if layer == 0 else hs[layer].T
            gradient.insert(0, (rows @ d, jnp.sum(d, axis=0)))
            ds.insert(0, d)
            if layer:
                a = d @ w[layer][0].T
                adjoints_h.insert(0, a)
                d = a * self.slope_of_activation(hs[layer])
        return loss, gradient, (hs[1:], ds, adjoints_h, p)

    def curvature_adjoint_sum(self, w, u, data, residuals):
        hs, ds, adjoints_h, p = residuals
        hs, k, total = [data[0], *hs], None, 0.0
        for layer, ((weight, _), (du, db)) in enumerate(zip(w, u)):
            t = hs[layer] @ du + db
            if layer:
                total += 2 * dot(ds[layer], k @ du)
                t += k @ weight
            if layer + 1 < len(w):
                h = hs[layer + 1]
                k = t * self.slope_of_activation(h)
                if not self.relu:
                    total += dot(adjoints_h[layer], -2 * h * k * t)
        if self.squared:
            return total + dot(t, t) / self.examples
        return total + (dot(p * t, t) - jnp.sum(jnp.sum(p * t, axis=1) ** 2)) / self.examples

    def hessian_vector(self, w, v, data, residuals):
        hs, ds, adjoints_h, p = residuals
        hs, ks = [data[0], *hs], [None]
        for layer, ((weight, _), (dv, db)) in enumerate(zip(w, v)):
            t = hs[layer] @ dv + db
            if layer:
                t += ks[layer] @ weight
            if layer + 1 < len(w):
                ks.append(t * self.slope_of_activation(hs[layer + 1]))
        d = (t if self.squared else p * t - p * jnp.sum(p * t, axis=1, keepdims=True)) / self.examples
        product = []
        for layer in reversed(range(len(w))):
            if layer == 0:
                product.insert(0, (data[1] @ d, jnp.sum(d, axis=0)))
                return product
            h, k = hs[layer], ks[layer]
            product.insert(0, (h.T @ d + k.T @ ds[layer], jnp.sum(d, axis=0)))
            a = d @ w[layer][0].T + ds[layer] @ v[layer][0].T
            d = a * self.slope_of_activation(h)
            if not self.relu:
                d -= 2 * adjoints_h[layer - 1] * h * k
