use std::fmt;

/// What a loss takes as a real target. Classes and tokens have a range of their own, [`Target`](crate::Target).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Any number.
    Any,
    /// A number, zero or more.
    NonNegative,
    /// A number from 0 to 1.
    Unit,
    /// 0 or 1.
    Binary,
}

impl Range {
    /// Whether `value` lies in it.
    pub fn contains(self, value: f64) -> bool {
        match self {
            Self::Any => true,
            Self::NonNegative => value >= 0.0,
            Self::Unit => (0.0..=1.0).contains(&value),
            Self::Binary => value == 0.0 || value == 1.0,
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any number",
            Self::NonNegative => "a number, zero or more",
            Self::Unit => "a number from 0 to 1",
            Self::Binary => "0 or 1",
        })
    }
}
