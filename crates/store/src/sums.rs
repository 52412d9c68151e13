use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

/// A checksum over rows in whatever order: one that changes, comes or goes changes it. It is no defence against somebody who
/// means it, but against disks, copies and programs that do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum(u64);

impl Sum {
    /// As it is kept.
    pub(super) fn kept(sum: i64) -> Self {
        Self(sum as u64)
    }

    /// To be kept.
    pub(super) fn keep(self) -> i64 {
        self.0 as i64
    }

    /// With a row more.
    pub(super) fn add(&mut self, row: &[ValueRef<'_>]) {
        self.0 = self.0.wrapping_add(hash(row));
    }

    /// With a row less.
    pub(super) fn remove(&mut self, row: &[ValueRef<'_>]) {
        self.0 = self.0.wrapping_sub(hash(row));
    }
}

/// FNV-1a over the cells, each with its type and length, mixed so that sums of rows do not meet.
fn hash(row: &[ValueRef<'_>]) -> u64 {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    let add = |hash: u64, bytes: &[u8]| {
        bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let cell = |hash: u64, cell: &ValueRef<'_>| match cell {
        // SQLite keeps no NaN, and not every zero has a sign there.
        ValueRef::Null => add(hash, b"n"),
        ValueRef::Real(number) if number.is_nan() => add(hash, b"n"),
        ValueRef::Real(number) => add(add(hash, b"r"), &(number + 0.0).to_bits().to_le_bytes()),
        ValueRef::Integer(integer) => add(add(hash, b"i"), &integer.to_le_bytes()),
        ValueRef::Text(bytes) => add(add(add(hash, b"t"), &(bytes.len() as u64).to_le_bytes()), bytes),
        ValueRef::Blob(bytes) => add(add(add(hash, b"b"), &(bytes.len() as u64).to_le_bytes()), bytes),
    };
    let mut x = row.iter().fold(START, cell);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Shows `see` a value as SQLite keeps it.
pub(super) fn as_kept<V>(value: &impl ToSql, see: impl FnOnce(ValueRef<'_>) -> V) -> rusqlite::Result<V> {
    Ok(match value.to_sql()? {
        ToSqlOutput::Borrowed(value) => see(value),
        ToSqlOutput::Owned(value) => see(ValueRef::from(&value)),
        _ => see(ValueRef::Null),
    })
}

/// A cell of text.
pub(super) fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[&[ValueRef<'_>]]) -> Sum {
        let mut sum = Sum::default();
        rows.iter().for_each(|row| sum.add(row));
        sum
    }

    #[test]
    fn rows_count_and_their_order_does_not() {
        let (a, b) = ([text("a"), ValueRef::Integer(1)], [text("b"), ValueRef::Integer(2)]);
        assert_eq!(sum(&[&a, &b]), sum(&[&b, &a]));
        let swapped = ([text("a"), ValueRef::Integer(2)], [text("b"), ValueRef::Integer(1)]);
        let others = [sum(&[&swapped.0, &swapped.1]), sum(&[&a]), sum(&[&a, &b, &b]), sum(&[&a, &a]), Sum::default()];
        assert!(others.iter().all(|other| *other != sum(&[&a, &b])));
        let mut less = sum(&[&a, &b, &b]);
        less.remove(&b);
        assert_eq!(Sum::kept(less.keep()), sum(&[&a, &b]));
    }

    #[test]
    fn cells_are_told_apart() {
        let cells: [&[ValueRef<'_>]; 9] = [
            &[ValueRef::Null],
            &[ValueRef::Integer(1)],
            &[ValueRef::Real(1.0)],
            &[text("1")],
            &[ValueRef::Blob(b"1")],
            &[text("ab"), text("c")],
            &[text("a"), text("bc")],
            &[text("")],
            &[],
        ];
        for (i, one) in cells.iter().enumerate() {
            assert!(cells[..i].iter().all(|other| sum(&[one]) != sum(&[other])), "{one:?}");
        }
        assert_eq!(sum(&[&[ValueRef::Real(f64::NAN)]]), sum(&[&[ValueRef::Null]]));
        assert_eq!(sum(&[&[ValueRef::Real(-0.0)]]), sum(&[&[ValueRef::Real(0.0)]]));
    }
}
