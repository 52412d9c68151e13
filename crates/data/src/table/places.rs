//! Where cells and rows are, in little memory: a table may have millions of them in a few bytes each.

/// Where each of some cells ends, one after the other: four bytes each while there is less than 4 GiB of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ends {
    Short(Vec<u32>),
    Long(Vec<u64>),
}

impl Ends {
    /// None yet, of at most so many bytes.
    pub(super) fn up_to(bytes: usize) -> Self {
        if u32::try_from(bytes).is_ok() { Self::Short(Vec::new()) } else { Self::Long(Vec::new()) }
    }

    /// The next one, which is at most what [`up_to`](Self::up_to) was told.
    pub(super) fn push(&mut self, end: usize) {
        match self {
            Self::Short(ends) => ends.push(end as u32),
            Self::Long(ends) => ends.push(end as u64),
        }
    }

    /// From where to where a cell goes.
    pub(super) fn range(&self, place: usize) -> std::ops::Range<usize> {
        let end = |place: usize| match self {
            Self::Short(ends) => ends[place] as usize,
            Self::Long(ends) => ends[place] as usize,
        };
        if place == 0 { 0..end(0) } else { end(place - 1)..end(place) }
    }
}

/// The line of each row. Most follow the row before, so only those that do not are kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RowLines {
    rows: usize,
    /// A row with its line, from which on rows are in lines one after the other.
    jumps: Vec<(usize, u64)>,
    last: u64,
}

impl RowLines {
    /// The line of the next row.
    pub(super) fn push(&mut self, line: u64) {
        if self.rows == 0 || line != self.last + 1 {
            self.jumps.push((self.rows, line));
        }
        self.rows += 1;
        self.last = line;
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The line of a row.
    ///
    /// # Panics
    /// For a row that there is not.
    pub(super) fn of(&self, row: usize) -> u64 {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let (first, line) = self.jumps[self.jumps.partition_point(|(first, _)| *first <= row) - 1];
        line + (row - first) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_begin_where_the_one_before_ends() {
        let long = usize::MAX;
        for mut ends in [Ends::up_to(9), Ends::up_to(long)] {
            [2, 2, 7].into_iter().for_each(|end| ends.push(end));
            assert_eq!([0, 1, 2].map(|place| ends.range(place)), [0..2, 2..2, 2..7]);
        }
        assert!(matches!((Ends::up_to(9), Ends::up_to(long)), (Ends::Short(_), Ends::Long(_))));
    }

    #[test]
    fn rows_have_the_lines_that_they_were_given() {
        let given = [2, 3, 4, 9, 10, 30, 31, 32];
        let mut lines = RowLines::default();
        given.into_iter().for_each(|line| lines.push(line));
        assert_eq!((0..lines.rows()).map(|row| lines.of(row)).collect::<Vec<_>>(), given);
        assert_eq!(lines.jumps.len(), 3);
    }
}
