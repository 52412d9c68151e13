use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use onedge_record::{Error, Row, Survey};

use super::column::{Column, Extremes};
use super::identity::{Identity, identity};
use super::lines::{LinesFrom, Next};
use super::readings::{self, FIXED, Key};

/// So many records make a block, until there are too many blocks.
const BLOCK: u64 = 64;
/// Then every two blocks become one, so that memory has a bound: some 2 MB for each quantity.
const MOST_BLOCKS: usize = 1 << 16;
/// So many quantities of a run are followed.
const MOST_COLUMNS: usize = 4096;
/// So many steps with an event are remembered one by one; the others are counted.
const MOST_MARKS: usize = 400;
/// So many records with a density are remembered.
const MOST_DENSITIES: usize = 512;

/// A step at which the tuner's rule had no plain answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Mark {
    /// The step.
    pub step: u64,
    /// What it met.
    pub event: &'static str,
}

/// Where a block begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// Its first step.
    pub step: u64,
    /// Where that record begins in the file.
    pub at: u64,
    /// The number of its line, from 1.
    pub line: usize,
}

/// The records of a run, as far as they were read.
#[derive(Debug, Default)]
pub struct Series {
    pub(super) path: PathBuf,
    identity: Identity,
    /// Counts up whenever records that were read are no longer those of the file: a run went on from an earlier step.
    pub generation: u64,
    /// In bytes.
    pub(super) read: u64,
    pub(super) size: u64,
    /// How many were read.
    pub records: u64,
    /// The last step that was read.
    pub last_step: Option<u64>,
    pub(super) length: u64,
    pub(super) starts: Vec<Start>,
    fixed: Vec<Column>,
    named: BTreeMap<String, Column>,
    /// Lines that are no records.
    pub damaged: u64,
    /// The first steps with an event, and how many there are of each.
    pub marks: Vec<Mark>,
    /// How many steps met what.
    pub met: BTreeMap<&'static str, u64>,
    /// Steps with a density, and where their records begin.
    pub(super) densities: Vec<(u64, u64)>,
    density_every: u64,
    densities_seen: u64,
    /// Of a file in which steps go back: which lines count.
    survey: Option<Survey>,
    line: usize,
    /// Whether the last record was taken before the end of its line was there.
    unended: bool,
}

impl Series {
    /// Of the file at `path`, of which nothing was read.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            length: BLOCK,
            fixed: vec![Column::default(); FIXED],
            density_every: 1,
            ..Self::default()
        }
    }

    /// Whether all was read that was there when the file was looked at.
    pub fn is_complete(&self) -> bool {
        self.read >= self.size
    }

    /// How much of the file was read, 0 to 1.
    pub fn share(&self) -> f64 {
        if self.is_complete() { 1.0 } else { self.read as f64 / self.size as f64 }
    }

    /// How many bytes are yet to be read.
    pub fn left(&self) -> u64 {
        self.size.saturating_sub(self.read)
    }

    /// Whether records were read that have the quantity.
    pub fn names(&self) -> Vec<String> {
        let has = |column: &Column| column.size() > 0;
        let fixed = (0..FIXED).filter(|index| has(&self.fixed[*index])).map(readings::fixed_name).map(str::to_owned);
        fixed.chain(self.named.keys().cloned()).collect()
    }

    /// The quantity of this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        match readings::fixed(name) {
            Some(index) => Some(&self.fixed[index]),
            None => self.named.get(name),
        }
    }

    /// Memory that it takes, in bytes.
    pub fn weight(&self) -> usize {
        self.fixed.iter().chain(self.named.values()).map(Column::size).sum::<usize>()
            + size_of::<Start>() * self.starts.capacity()
            + 4096
    }

    /// Looks whether the file is still the one that was read, and how long it is. Of a file that is gone there are no records.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn look(&mut self) -> Result<(), Error> {
        match std::fs::metadata(&self.path) {
            Ok(file) => {
                let now = identity(&file);
                if self.read > 0 && (now != self.identity || file.len() < self.read) {
                    self.restart();
                }
                (self.identity, self.size) = (now, file.len());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if self.read > 0 {
                    self.restart();
                }
                self.size = 0;
                Ok(())
            }
            Err(error) => Err(Error::read(&self.path)(error)),
        }
    }

    fn restart(&mut self) {
        *self = Self { generation: self.generation + 1, ..Self::new(&self.path) };
    }

    /// Reads on, about so many bytes.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn advance(&mut self, budget: u64) -> Result<(), Error> {
        if self.is_complete() {
            return Ok(());
        }
        let path = self.path.clone();
        match self.go_on(budget).map_err(Error::read(&path))? {
            Order::Forward => Ok(()),
            Order::Back => {
                // Written by an earlier version, or by two processes: of each step the last record counts.
                let survey = Survey::of_file(&path)?;
                let size = self.size;
                self.restart();
                (self.survey, self.size) = (Some(survey), size);
                self.look()?;
                self.go_on(u64::MAX).map(drop).map_err(Error::read(&path))
            }
        }
    }

    fn go_on(&mut self, budget: u64) -> io::Result<Order> {
        let mut lines = LinesFrom::new(File::open(&self.path)?, self.read)?;
        let end = self.read.saturating_add(budget).min(self.size);
        while self.read < end {
            let at = self.read;
            match lines.advance()? {
                Next::Whole => self.read = lines.at,
                // Only its end may be missing; else it is waited for, or was cut off.
                Next::Torn if Row::read(lines.line()).is_ok() => {
                    (self.read, self.unended) = (at + lines.line().len() as u64, true);
                }
                Next::Torn | Next::End => {
                    self.size = self.read;
                    break;
                }
            }
            if lines.line().is_empty() && std::mem::take(&mut self.unended) {
                continue;
            }
            self.line += 1;
            if !self.counts(self.line, lines.line()) {
                continue;
            }
            let Ok(row) = Row::read(lines.line()) else {
                self.damaged += 1;
                continue;
            };
            if let Order::Back = self.push(&row, at, has_density(lines.line())) {
                return Ok(Order::Back);
            }
        }
        Ok(Order::Forward)
    }

    /// Whether a line, by its number and its text, is the last of its step, or damaged.
    pub(super) fn counts(&self, line: usize, text: &[u8]) -> bool {
        self.survey.as_ref().is_none_or(|survey| {
            line > survey.lines() || survey.counts(line, text) || survey.damaged().any(|damaged| damaged == line)
        })
    }

    fn push(&mut self, row: &Row<'_>, at: u64, dense: bool) -> Order {
        let step = row.value("step").unwrap_or(0.0) as u64;
        if self.last_step.is_some_and(|last| step <= last) {
            return Order::Back;
        }
        let (block, place) = (self.records / self.length, self.records % self.length);
        if place == 0 {
            self.starts.push(Start { step, at, line: self.line });
        }
        let (block, place) = (block as usize, (place * 256 / self.length) as u8);
        readings::each(row, |key, value| match key {
            Key::Fixed(index) => self.fixed[index].add(block, value, place),
            Key::Named(name) => {
                if let Some(column) = self.named.get_mut(&*name) {
                    column.add(block, value, place);
                } else if self.named.len() < MOST_COLUMNS {
                    self.named.entry(name.into_owned()).or_default().add(block, value, place);
                }
            }
        });
        if let Some(event) = readings::event(row) {
            *self.met.entry(event).or_default() += 1;
            if self.marks.len() < MOST_MARKS {
                self.marks.push(Mark { step, event });
            }
        }
        if dense {
            self.remember_density(step, at);
        }
        self.records += 1;
        self.last_step = Some(step);
        if self.starts.len() >= MOST_BLOCKS && self.records.is_multiple_of(2 * self.length) {
            self.length *= 2;
            self.starts = self.starts.iter().copied().step_by(2).collect();
            self.fixed.iter_mut().chain(self.named.values_mut()).for_each(Column::halve);
        }
        Order::Forward
    }

    /// Of many densities every second one is forgotten, again and again.
    fn remember_density(&mut self, step: u64, at: u64) {
        if self.densities_seen.is_multiple_of(self.density_every) {
            self.densities.push((step, at));
        }
        self.densities_seen += 1;
        if self.densities.len() > MOST_DENSITIES {
            self.densities = self.densities.iter().copied().step_by(2).collect();
            self.density_every *= 2;
        }
    }

    /// How many records a block has.
    pub(super) fn records_in(&self, block: usize) -> u64 {
        self.length.min(self.records - (block as u64 * self.length).min(self.records))
    }

    /// What a quantity was in a block.
    pub(super) fn block(&self, name: &str, block: usize) -> Extremes {
        self.column(name).map_or(Extremes::NOTHING, |column| column.block(block))
    }
}

/// Whether steps come one after the other.
enum Order {
    Forward,
    Back,
}

fn has_density(line: &[u8]) -> bool {
    memchr::memmem::find(line, b"\"density\":[").is_some()
}
