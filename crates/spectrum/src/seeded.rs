use onedge_objective::{Real, vector};

/// A unit vector with independent elements, the same for the same seed and length.
pub(crate) fn unit_vector<T: Real>(seed: u64, dim: usize) -> Vec<T> {
    let mut v: Vec<T> = (0..dim as u64).map(|i| T::from_f64(uniform(seed, i))).collect();
    let norm = vector::norm(&v);
    vector::scale(1.0 / norm, &mut v);
    v
}

/// Independent random signs, 1 or -1, the same for the same seed and length.
pub(crate) fn signs<T: Real>(seed: u64, dim: usize) -> Vec<T> {
    (0..dim as u64).map(|i| if uniform(seed, i) < 0.0 { -T::ONE } else { T::ONE }).collect()
}

/// The `i`-th number of the stream `seed`, uniform in (-1, 1) and never 0.
///
/// Source: SplitMix64 (Steele, Lea, Flood 2014), used as a counter.
pub(crate) fn uniform(seed: u64, i: u64) -> f64 {
    let bits = mix(mix(seed).wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    ((bits >> 11) as f64 + 0.5) * 2.0_f64.powi(-52) - 1.0
}

fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_splitmix64() {
        // First output of the reference generator seeded with 1234567.
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
    }

    #[test]
    fn is_spread_evenly_and_depends_on_the_seed() {
        let numbers: Vec<f64> = (0..10_000).map(|i| uniform(5, i)).collect();
        let mean = numbers.iter().sum::<f64>() / 1e4;
        let square = numbers.iter().map(|x| x * x).sum::<f64>() / 1e4;
        // Standard errors are 0.0058 and 0.0030.
        assert!(mean.abs() < 0.03 && (square - 1.0 / 3.0).abs() < 0.015);
        let (a, b) = (unit_vector::<f32>(1, 1000), unit_vector::<f32>(2, 1000));
        assert!((vector::norm(&a) - 1.0).abs() < 1e-6 && vector::dot(&a, &b).abs() < 0.15);
    }
}
