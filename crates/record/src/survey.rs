use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;

use crate::lines::Lines;
use crate::{Error, Row};

/// What the lines of a records file are, found out by reading them once. Memory grows with what is wrong, not with the steps.
///
/// A line counts if it is a record and no later line is of the same step or an earlier one: a run that went on from a checkpoint may
/// have taken steps again, and of one step the last record counts. The last line may be torn, by a kill or a full disk. Any
/// other line that is no record is damaged, unless a later record is of its step or an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    expected: Option<Expected>,
    kept: Vec<Stretch>,
    damaged: Vec<Damage>,
    lines: usize,
    torn: bool,
}

/// Which steps have a record unless it is lost: from a step on, those of every so many. Others may have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// From this step on.
    pub from: u64,
    /// Its multiples; 1 or more.
    pub every: u64,
}

/// Records of later and later steps on successive lines, of which none is missing as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    /// The step of its first line.
    step: u64,
    /// Counted from 1.
    line: usize,
    /// In lines.
    length: usize,
    /// The step of its last line.
    last: u64,
    /// Records of steps below this one count: the others were taken again.
    below: u64,
}

/// A line that is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Damage {
    line: usize,
    /// The step that it was of, if it was one more than the record before.
    step: u64,
}

impl Survey {
    /// Of a file; of none, there are no records.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn of_file(path: &Path) -> Result<Self, Error> {
        Self::of_file_with(path, None)
    }

    /// The same with what is [missing](Self::missing) of the records that are `expected`.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn of_file_with(path: &Path, expected: Option<Expected>) -> Result<Self, Error> {
        if !path.exists() {
            return Ok(Self { expected, ..Self::default() });
        }
        let file = File::open(path).map_err(Error::read(path))?;
        Self::of(BufReader::with_capacity(1 << 17, file), path, expected)
    }

    /// Of lines that come from anywhere; `path` names them in errors.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn of(input: impl BufRead, path: &Path, expected: Option<Expected>) -> Result<Self, Error> {
        let (mut lines, mut survey) = (Lines::of(input), Self { expected, ..Self::default() });
        while lines.advance().map_err(Error::read(path))? {
            let line = lines.number();
            match Row::step_of(lines.line()) {
                Some(step) => survey.add(step, line),
                None => survey.damaged.push(Damage { line, step: survey.reached() }),
            }
            survey.lines = line;
        }
        survey.torn = survey.damaged.pop_if(|damage| damage.line == survey.lines).is_some();
        Ok(survey)
    }

    fn add(&mut self, step: u64, line: usize) {
        while self.kept.pop_if(|last| last.step >= step).is_some() {}
        while self.damaged.pop_if(|damage| damage.step >= step).is_some() {}
        let expected = self.expected;
        match self.kept.last_mut() {
            Some(last)
                if last.line + last.length == line && last.last < step && !misses(expected, last.end(), step) =>
            {
                (last.length, last.last) = (last.length + 1, step);
            }
            last => {
                if let Some(last) = last {
                    last.below = last.below.min(step);
                }
                self.kept.push(Stretch { step, line, length: 1, last: step, below: u64::MAX });
            }
        }
    }

    /// The step after the last one that is recorded; 0 if none is.
    pub fn reached(&self) -> u64 {
        self.kept.last().map_or(0, Stretch::end)
    }

    /// How many steps are recorded from the first on, before a record is missing.
    pub fn gapless(&self) -> u64 {
        let mut steps = 0;
        for stretch in &self.kept {
            if misses(self.expected, steps, stretch.step) {
                break;
            }
            steps = stretch.end();
        }
        steps
    }

    /// The steps below `end` without a record of which some should have one, in stretches.
    pub fn missing(&self, end: u64) -> Vec<Range<u64>> {
        let (mut missing, mut next) = (Vec::new(), 0);
        for stretch in &self.kept {
            missing.push(next..stretch.step.min(end));
            next = stretch.end();
        }
        missing.push(next..end);
        missing.retain(|gap| misses(self.expected, gap.start, gap.end));
        missing
    }

    /// The numbers of the damaged lines, the last one left out if it is torn.
    pub fn damaged(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.damaged.iter().map(|damage| damage.line)
    }

    /// Whether the last line was cut off.
    pub fn torn(&self) -> bool {
        self.torn
    }

    /// How many lines there are.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// The step of which a line, by its number and its text, is the record that counts.
    pub fn step_on(&self, line: usize, text: &[u8]) -> Option<u64> {
        let stretch = self.stretch_of(line)?;
        Row::step_of(text).filter(|step| *step < stretch.below)
    }

    /// Whether a line, by its number and its text, is the record of a step that counts.
    pub fn counts(&self, line: usize, text: &[u8]) -> bool {
        // Its text matters only where steps were taken again.
        self.stretch_of(line).is_some_and(|stretch| stretch.last < stretch.below) || self.step_on(line, text).is_some()
    }

    /// How many records count of steps below `end`, of the file at `path` that this is of. It is read again only where the lines alone do not tell.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn count_below(&self, path: &Path, end: u64) -> Result<u64, Error> {
        if self.kept.iter().all(|stretch| stretch.last < stretch.below.min(end)) {
            return Ok(self.kept.iter().map(|stretch| stretch.length as u64).sum());
        }
        let file = File::open(path).map_err(Error::read(path))?;
        let (mut lines, mut count) = (Lines::of(BufReader::with_capacity(1 << 17, file)), 0);
        while lines.number() < self.lines && lines.advance().map_err(Error::read(path))? {
            count += u64::from(self.step_on(lines.number(), lines.line()).is_some_and(|step| step < end));
        }
        Ok(count)
    }

    fn stretch_of(&self, line: usize) -> Option<&Stretch> {
        let after = self.kept.partition_point(|stretch| stretch.line <= line);
        self.kept[..after].last().filter(|stretch| line < stretch.line + stretch.length)
    }

    /// Whether a reader is to look at a line: it counts, is damaged, or torn.
    pub(crate) fn shows(&self, line: usize, text: &[u8]) -> bool {
        self.counts(line, text)
            || (self.torn && line == self.lines)
            || self.damaged.binary_search_by_key(&line, |damage| damage.line).is_ok()
    }
}

impl Stretch {
    /// The step after the last one that counts; where steps were taken again, the one from which they were.
    fn end(&self) -> u64 {
        self.last.saturating_add(1).min(self.below)
    }
}

/// Whether a record is expected of a step from `start` on and below `end`.
fn misses(expected: Option<Expected>, start: u64, end: u64) -> bool {
    let Some(Expected { from, every }) = expected else { return false };
    start.max(from).checked_next_multiple_of(every).is_some_and(|first| first < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of records of these steps; a negative one stands for a line that is none.
    fn text(steps: &[i64]) -> String {
        let line = |&step: &i64| match step {
            0.. => format!("{{\"step\":{step},\"loss\":1,\"learning_rate\":1,\"cost\":1,\"seconds\":1}}\n"),
            _ => "{\"step\":\n".to_owned(),
        };
        steps.iter().map(line).collect()
    }

    fn surveyed(text: &str, every: u64) -> Survey {
        Survey::of(text.as_bytes(), Path::new("steps.jsonl"), Some(Expected { from: 0, every })).unwrap()
    }

    fn survey(steps: &[i64]) -> Survey {
        surveyed(&text(steps), 1)
    }

    /// The lines that count with their steps, by a survey that expects every step and by one that expects none.
    fn counted(steps: &[i64]) -> Vec<(usize, u64)> {
        let text = text(steps);
        let of = |survey: Survey| -> Vec<(usize, u64)> {
            let lines = || (1..).zip(text.lines().map(str::as_bytes));
            let counted: Vec<_> = lines().filter_map(|(n, line)| Some((n, survey.step_on(n, line)?))).collect();
            assert!(
                lines()
                    .filter(|(n, line)| survey.counts(*n, line))
                    .eq(lines().filter(|(n, _)| counted.iter().any(|c| c.0 == *n)))
            );
            counted
        };
        let plain = of(Survey::of(text.as_bytes(), Path::new("steps.jsonl"), None).unwrap());
        assert_eq!(of(surveyed(&text, 1)), plain);
        plain
    }

    fn missing(survey: &Survey, end: u64) -> Vec<(u64, u64)> {
        survey.missing(end).into_iter().map(|gap| (gap.start, gap.end)).collect()
    }

    #[test]
    fn of_one_step_the_last_record_counts() {
        let again = survey(&[0, 1, 2, 3, 2, 3, 4]);
        assert_eq!(counted(&[0, 1, 2, 3, 2, 3, 4]), [(1, 0), (2, 1), (5, 2), (6, 3), (7, 4)]);
        assert_eq!((again.reached(), again.gapless(), missing(&again, 7)), (5, 5, vec![(5, 7)]));
        let anew = survey(&[3, 4, 5, 0]);
        assert_eq!((counted(&[3, 4, 5, 0]), anew.reached()), (vec![(4, 0)], 1));
        // Twice, each time from an earlier step.
        let twice = [0, 1, 2, 3, 4, 3, 4, 5, 2, 3];
        assert_eq!(counted(&twice), [(1, 0), (2, 1), (9, 2), (10, 3)]);
        assert_eq!((survey(&twice).gapless(), survey(&twice).reached()), (4, 4));
        // From a step between those that have a record.
        let thinned = [0, 10, 17, 20, 30, 15, 20, 25, 30];
        assert_eq!(counted(&thinned), [(1, 0), (2, 10), (6, 15), (7, 20), (8, 25), (9, 30)]);
    }

    #[test]
    fn gaps_are_told() {
        let gaps = survey(&[2, 3, 7, 9, 10]);
        assert_eq!(gaps.missing(12), [0..2, 4..7, 8..9, 11..12]);
        assert_eq!(gaps.missing(6), [0..2, 4..6]);
        assert_eq!((gaps.reached(), gaps.gapless()), (11, 0));
        assert_eq!(survey(&[0, 1, 3]).gapless(), 2);
        let none = survey(&[]);
        assert_eq!((none.reached(), none.gapless(), missing(&none, 2)), (0, 0, vec![(0, 2)]));
        // What a step far off claims fits no memory, and needs none.
        let far = survey(&[0, i64::MAX]);
        assert_eq!(far.missing(u64::MAX), [1..i64::MAX as u64, i64::MAX as u64 + 1..u64::MAX]);
    }

    /// Of thinned records those are missing that are expected; others may be there, and memory is that of one stretch.
    #[test]
    fn thinned_records_have_gaps_only_where_one_is_expected() {
        let thinned = surveyed(&text(&[0, 7, 10, 14, 20, 21, 28, 30]), 10);
        assert_eq!((thinned.kept.len(), thinned.gapless(), thinned.reached()), (1, 31, 31));
        assert_eq!((missing(&thinned, 40), missing(&thinned, 41)), (vec![], vec![(31, 41)]));
        let lost = surveyed(&text(&[0, 7, 28, 30, 60]), 10);
        assert_eq!((missing(&lost, 61), lost.gapless()), (vec![(8, 28), (31, 60)], 8));
        let text = text(&[0, 10, 20, 21, 22, 24, 25]);
        let from = |from| Survey::of(text.as_bytes(), Path::new("a"), Some(Expected { from, every: 1 })).unwrap();
        assert_eq!((missing(&from(20), 26), from(20).gapless()), (vec![(23, 24)], 23));
        assert_eq!(from(20).kept.len(), 2);
        let none = Survey::of(text.as_bytes(), Path::new("a"), None).unwrap();
        assert_eq!((missing(&none, 99), none.kept.len(), none.reached()), (vec![], 1, 26));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        std::fs::write(&path, &text).unwrap();
        for (end, count) in [(0, 0), (10, 1), (21, 3), (22, 4), (26, 7), (99, 7)] {
            assert_eq!(none.count_below(&path, end).unwrap(), count, "{end}");
        }
        // Nothing overflows.
        assert!(misses(Some(Expected { from: 0, every: 10 }), 3, u64::MAX));
        assert!(!misses(Some(Expected { from: 0, every: u64::MAX }), 3, u64::MAX));
        assert!(!misses(Some(Expected { from: 0, every: 10 }), u64::MAX - 3, u64::MAX));
    }

    #[test]
    fn a_line_that_is_none_is_torn_damaged_or_made_up_for() {
        let torn = survey(&[0, 1, -1]);
        assert!(torn.torn() && torn.damaged().len() == 0 && torn.shows(3, b"{"));
        let damaged = survey(&[0, -1, 2, -1, 4, -1]);
        assert_eq!(damaged.damaged().collect::<Vec<_>>(), [2, 4]);
        assert!(damaged.torn() && damaged.shows(4, b"{"));
        let made_up_for = survey(&[0, 1, -1, -1, 2, -1, 2, 3]);
        assert!(!made_up_for.torn() && made_up_for.damaged().len() == 0);
        let lines = text(&[0, 1, -1, -1, 2, -1, 2, 3]);
        let shown = (1..).zip(lines.lines()).filter(|(n, line)| made_up_for.shows(*n, line.as_bytes())).map(|(n, _)| n);
        assert_eq!(shown.collect::<Vec<_>>(), [1, 2, 7, 8]);
        // The steps before the damage are no later than it.
        assert_eq!(survey(&[0, 1, -1, 3, 3]).damaged().collect::<Vec<_>>(), [3]);
    }
}
