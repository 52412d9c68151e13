use super::{Element, map, vectorised};

/// A function of one number, elementwise; both slices have one length.
pub type Unary<T> = fn(&[T], &mut [T]);

/// The kernel of the unary elementwise op of this name.
pub fn unary<T: Element>(name: &str) -> Option<Unary<T>> {
    Some(match name {
        "neg" => |x, out| map(x, out, |x| -x),
        "reciprocal" => |x, out| map(x, out, |x| T::ONE / x),
        "sqrt" => |x, out| map(x, out, T::sqrt),
        "relu" => |x, out| map(x, out, |x| if x < T::ZERO { T::ZERO } else { x }),
        "step" => |x, out| map(x, out, |x| if x > T::ZERO { T::ONE } else { T::ZERO }),
        "exp" => T::exp,
        "log" => T::log,
        "tanh" => T::tanh,
        "normal_cdf" => T::normal_cdf,
        "normal_pdf" => T::normal_pdf,
        "sigmoid" => T::sigmoid,
        "softplus" => T::softplus,
        _ => return None,
    })
}

/// `out <- c x`
pub fn scale<T: Element>(c: T, x: &[T], out: &mut [T]) {
    // `c` by value: behind a reference it might change with `out`, and the loop would not be vectorised.
    vectorised(
        #[inline(always)]
        move || {
            for (out, x) in out.iter_mut().zip(x) {
                *out = c * *x;
            }
        },
    );
}
