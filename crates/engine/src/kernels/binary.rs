use super::{Element, vectorised};

/// A function of two numbers, elementwise; all slices have one length.
pub type Binary<T> = fn(&[T], &[T], &mut [T]);

/// The kernel of the binary elementwise op of this name.
pub fn binary<T: Element>(name: &str) -> Option<Binary<T>> {
    Some(match name {
        "add" => |a, b, out| zip(a, b, out, |a, b| a + b),
        "sub" => |a, b, out| zip(a, b, out, |a, b| a - b),
        "mul" => |a, b, out| zip(a, b, out, |a, b| a * b),
        "div" => |a, b, out| zip(a, b, out, |a, b| a / b),
        // Not the maximum of the standard library, which drops a NaN.
        "maximum" => |a, b, out| zip(a, b, out, |a, b| if a > b || a.is_nan() { a } else { b }),
        "minimum" => |a, b, out| zip(a, b, out, |a, b| if a < b || a.is_nan() { a } else { b }),
        "greater" => |a, b, out| zip(a, b, out, |a, b| if a > b { T::ONE } else { T::ZERO }),
        "equal" => |a, b, out| zip(a, b, out, |a, b| if a == b { T::ONE } else { T::ZERO }),
        _ => return None,
    })
}

/// `out <- a` where `mask` is not 0, else `b`.
pub fn select<T: Element>(mask: &[T], a: &[T], b: &[T], out: &mut [T]) {
    vectorised(
        #[inline(always)]
        || {
            for (((out, mask), a), b) in out.iter_mut().zip(mask).zip(a).zip(b) {
                let (a, b) = (*a, *b);
                *out = if *mask == T::ZERO { b } else { a };
            }
        },
    );
}

#[inline(always)]
fn zip<T: Element>(a: &[T], b: &[T], out: &mut [T], f: impl Fn(T, T) -> T) {
    vectorised(
        #[inline(always)]
        || {
            for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                *out = f(*a, *b);
            }
        },
    );
}
