use crate::Random;
use crate::tables::{EDGE, HEIGHT, TAIL};

impl Random {
    /// A normal number of mean 0 and variance 1, by the ziggurat (Doornik 2005): one of 256 layers of equal area, by the lowest 8 bits, and a place in it by the
    /// highest 52. Beyond the last edge the tail, by Marsaglia's method of 1964.
    pub fn normal(&mut self) -> f64 {
        loop {
            let bits = self.long();
            let layer = (bits & 0xff) as usize;
            // From -1 up to, not including, 1.
            let place = f64::from_bits((bits >> 12) | 0x4000_0000_0000_0000) - 3.0;
            let x = place * EDGE[layer];
            if x.abs() < EDGE[layer + 1] {
                return x;
            }
            if layer == 0 {
                return self.tail(place < 0.0);
            }
            let height = HEIGHT[layer + 1] + (HEIGHT[layer] - HEIGHT[layer + 1]) * self.unit();
            if height < (-x * x / 2.0).exp() {
                return x;
            }
        }
    }

    fn tail(&mut self, negative: bool) -> f64 {
        loop {
            let (x, y) = (self.open_unit().ln() / TAIL, self.open_unit().ln());
            if -2.0 * y >= x * x {
                return if negative { x - TAIL } else { TAIL - x };
            }
        }
    }

    /// A number in (0, 1): an odd multiple of 2^-53.
    fn open_unit(&mut self) -> f64 {
        f64::from_bits((self.long() >> 12) | 0x3ff0_0000_0000_0000) - (1.0 - f64::EPSILON / 2.0)
    }
}
