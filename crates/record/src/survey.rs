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
    kept: Vec<Stretch>,
    damaged: Vec<Damage>,
    lines: usize,
    torn: bool,
}

/// Records of successive steps on successive lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    step: u64,
    /// Counted from 1.
    line: usize,
    length: usize,
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
        if !path.exists() {
            return Ok(Self::default());
        }
        let file = File::open(path).map_err(Error::read(path))?;
        Self::of(BufReader::with_capacity(1 << 17, file), path)
    }

    /// Of lines that come from anywhere; `path` names them in errors.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn of(input: impl BufRead, path: &Path) -> Result<Self, Error> {
        let (mut lines, mut survey) = (Lines::of(input), Self::default());
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
        while let Some(last) = self.kept.last_mut() {
            if last.step >= step {
                self.kept.pop();
                continue;
            }
            last.length = last.length.min(usize::try_from(step - last.step).unwrap_or(usize::MAX));
            break;
        }
        while self.damaged.pop_if(|damage| damage.step >= step).is_some() {}
        match self.kept.last_mut() {
            Some(last) if last.next() == step && last.line + last.length == line => last.length += 1,
            _ => self.kept.push(Stretch { step, line, length: 1 }),
        }
    }

    /// The step after the last one that is recorded; 0 if none is.
    pub fn reached(&self) -> u64 {
        self.kept.last().map_or(0, Stretch::next)
    }

    /// How many steps are recorded from the first on, before there is a gap.
    pub fn gapless(&self) -> u64 {
        let mut steps = 0;
        for stretch in &self.kept {
            if stretch.step != steps {
                break;
            }
            steps = stretch.next();
        }
        steps
    }

    /// The steps below `end` without a record, in stretches.
    pub fn missing(&self, end: u64) -> Vec<Range<u64>> {
        let (mut missing, mut next) = (Vec::new(), 0);
        for stretch in &self.kept {
            missing.push(next..stretch.step.min(end));
            next = stretch.next();
        }
        missing.push(next..end);
        missing.retain(|gap| !gap.is_empty());
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

    /// The step of which a line, by its number, is the record that counts.
    pub fn step_on(&self, line: usize) -> Option<u64> {
        let after = self.kept.partition_point(|stretch| stretch.line <= line);
        let stretch = self.kept[..after].last()?;
        (line < stretch.line + stretch.length).then(|| stretch.step + (line - stretch.line) as u64)
    }

    /// Whether a reader is to look at a line: it counts, is damaged, or torn.
    pub(crate) fn shows(&self, line: usize) -> bool {
        self.step_on(line).is_some()
            || (self.torn && line == self.lines)
            || self.damaged.binary_search_by_key(&line, |damage| damage.line).is_ok()
    }
}

impl Stretch {
    fn next(&self) -> u64 {
        self.step.saturating_add(self.length as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of records of these steps; a negative one stands for a line that is none.
    fn survey(steps: &[i64]) -> Survey {
        let line = |&step: &i64| match step {
            0.. => format!("{{\"step\":{step},\"loss\":1,\"learning_rate\":1,\"cost\":1,\"seconds\":1}}\n"),
            _ => "{\"step\":\n".to_owned(),
        };
        let text: String = steps.iter().map(line).collect();
        Survey::of(text.as_bytes(), Path::new("steps.jsonl")).unwrap()
    }

    fn counted(survey: &Survey) -> Vec<(usize, u64)> {
        (1..=survey.lines()).filter_map(|line| Some((line, survey.step_on(line)?))).collect()
    }

    fn missing(survey: &Survey, end: u64) -> Vec<(u64, u64)> {
        survey.missing(end).into_iter().map(|gap| (gap.start, gap.end)).collect()
    }

    #[test]
    fn of_one_step_the_last_record_counts() {
        let again = survey(&[0, 1, 2, 3, 2, 3, 4]);
        assert_eq!(counted(&again), [(1, 0), (2, 1), (5, 2), (6, 3), (7, 4)]);
        assert_eq!((again.reached(), again.gapless(), missing(&again, 7)), (5, 5, vec![(5, 7)]));
        let anew = survey(&[3, 4, 5, 0]);
        assert_eq!((counted(&anew), anew.reached()), (vec![(4, 0)], 1));
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

    #[test]
    fn a_line_that_is_none_is_torn_damaged_or_made_up_for() {
        let torn = survey(&[0, 1, -1]);
        assert!(torn.torn() && torn.damaged().len() == 0 && torn.shows(3));
        let damaged = survey(&[0, -1, 2, -1, 4, -1]);
        assert_eq!(damaged.damaged().collect::<Vec<_>>(), [2, 4]);
        assert!(damaged.torn() && damaged.shows(4));
        let made_up_for = survey(&[0, 1, -1, -1, 2, -1, 2, 3]);
        assert!(!made_up_for.torn() && made_up_for.damaged().len() == 0);
        assert_eq!((1..=8).filter(|&line| made_up_for.shows(line)).collect::<Vec<_>>(), [1, 2, 7, 8]);
        // The steps before the damage are no later than it.
        assert_eq!(survey(&[0, 1, -1, 3, 3]).damaged().collect::<Vec<_>>(), [3]);
    }
}
