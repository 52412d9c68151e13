"""Primitives that are refused when they take parameters, each with a way out."""

from ._table import refuse

OUTSIDE = "compute it from data alone, outside of the loss"
refuse("sort", what="sorting by values that depend on parameters", hint="sort data alone")
refuse("top_k", "approx_top_k", what="`top_k` of values that depend on parameters", hint="choose by data alone, or weigh all with a softmax")
refuse("cholesky", "lu", "lu_pivots_to_permutation", "qr", "householder_product", "geqrf", "ormqr", what="a factorisation (`{}`) of a matrix of parameters",
        hint="factorise data alone, or take the factor itself as the parameter")  # fmt: skip
refuse("eigh", "eig", "svd", "schur", "hessenberg", "tridiagonal", "polar", what="a spectral decomposition (`{}`) of parameters",
        hint="decompose data alone; a norm can be had by power iteration: products in jax.lax.fori_loop")  # fmt: skip
refuse("custom_linear_solve", "triangular_solve", "tridiagonal_solve", what="a linear system (`{}`) with parameters",
        hint="multiply by an inverse that is computed from data alone, or take a fixed number of steps of an iteration")  # fmt: skip
refuse("fft", "complex", "real", "imag", "conj", what="complex numbers (`{}`) of parameters", hint="write real and imaginary part apart: products with jnp.cos and jnp.sin")
refuse("erf_inv", "igamma", "igammac", "igamma_grad_a", "random_gamma_grad", "bessel_i0e", "bessel_i1e", "regularized_incomplete_beta", "polygamma", "zeta",
        "nextafter", what="`{}` of parameters", hint=OUTSIDE)  # fmt: skip
refuse("shard_map", "xla_pmap", "pmap", "all_gather", "all_gather_invariant", "all_to_all", "psum", "psum_invariant", "pmax", "pmin", "ppermute", "reduce_scatter",
       "axis_index", what="work on several devices (`{}`)", hint="hand in the loss of one device")
refuse("pure_callback", "io_callback", "ffi_call", "call_exported", what="a callback (`{}`) with parameters", hint="write it in JAX, or give it data alone")
refuse("reduce_xor", "population_count", "clz", "shift_left", "shift_right_logical", "shift_right_arithmetic",
        what="`{}` of whole numbers that depend on parameters", hint="use arithmetic, or data alone")  # fmt: skip
refuse("select_and_scatter_add", "select_and_gather_add", what="the derivative of max pooling inside of the loss", hint="pool by reshaping and jnp.max")
refuse("reduce_window", "reduce", what="a reduction (`{}`) by a function of its own", hint="use sums, products, maxima or minima")
refuse("bitcast_convert_type", what="the bits of a number that depends on parameters", hint=OUTSIDE)
refuse("get", "swap", "addupdate", "new_ref", "free_ref", "freeze", "run_state", what="a reference that is written to (`{}`)", hint="write it as a function of arrays")
refuse("ragged_dot_general", "scaled_dot", "scaled_matmul", what="the product `{}`", hint="multiply with jnp.einsum, group by group")
