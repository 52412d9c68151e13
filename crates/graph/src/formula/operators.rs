//! `+ - * /` among values and with numbers on either side.

use std::ops::{Add, Div, Mul, Neg, Sub};
use std::panic::Location;

use super::Value;
use crate::Graph;

impl<'g> Add for Value<'g> {
    type Output = Self;
    #[track_caller]
    fn add(self, other: Self) -> Self {
        self.two(Location::caller(), "add", other, Graph::add)
    }
}

impl<'g> Sub for Value<'g> {
    type Output = Self;
    #[track_caller]
    fn sub(self, other: Self) -> Self {
        self.two(Location::caller(), "sub", other, Graph::sub)
    }
}

impl<'g> Mul for Value<'g> {
    type Output = Self;
    #[track_caller]
    fn mul(self, other: Self) -> Self {
        self.two(Location::caller(), "mul", other, Graph::mul)
    }
}

impl<'g> Div for Value<'g> {
    type Output = Self;
    #[track_caller]
    fn div(self, other: Self) -> Self {
        self.two(Location::caller(), "div", other, Graph::div)
    }
}

impl Neg for Value<'_> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        self.one(Location::caller(), Graph::neg)
    }
}

impl Add<f64> for Value<'_> {
    type Output = Self;
    #[track_caller]
    fn add(self, number: f64) -> Self {
        self.one(Location::caller(), |g, x| {
            let number = g.filled_like(number, x)?;
            g.add(x, number)
        })
    }
}

impl Sub<f64> for Value<'_> {
    type Output = Self;
    #[track_caller]
    fn sub(self, number: f64) -> Self {
        self.one(Location::caller(), |g, x| {
            let number = g.filled_like(number, x)?;
            g.sub(x, number)
        })
    }
}

impl Mul<f64> for Value<'_> {
    type Output = Self;
    #[track_caller]
    fn mul(self, number: f64) -> Self {
        self.one(Location::caller(), |g, x| g.scale(x, number))
    }
}

impl Div<f64> for Value<'_> {
    type Output = Self;
    #[track_caller]
    fn div(self, number: f64) -> Self {
        self.one(Location::caller(), |g, x| {
            let number = g.filled_like(number, x)?;
            g.div(x, number)
        })
    }
}

impl<'g> Add<Value<'g>> for f64 {
    type Output = Value<'g>;
    #[track_caller]
    fn add(self, value: Value<'g>) -> Value<'g> {
        value + self
    }
}

impl<'g> Sub<Value<'g>> for f64 {
    type Output = Value<'g>;
    #[track_caller]
    fn sub(self, value: Value<'g>) -> Value<'g> {
        value.one(Location::caller(), |g, x| {
            let number = g.filled_like(self, x)?;
            g.sub(number, x)
        })
    }
}

impl<'g> Mul<Value<'g>> for f64 {
    type Output = Value<'g>;
    #[track_caller]
    fn mul(self, value: Value<'g>) -> Value<'g> {
        value * self
    }
}

impl<'g> Div<Value<'g>> for f64 {
    type Output = Value<'g>;
    #[track_caller]
    fn div(self, value: Value<'g>) -> Value<'g> {
        value.one(Location::caller(), |g, x| {
            let number = g.filled_like(self, x)?;
            g.div(number, x)
        })
    }
}
