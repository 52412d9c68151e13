use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use onedge_record::Row;

/// Records picked here and there from a part of a file that was not read yet, so that something can be shown at once.
pub struct Sampler {
    input: BufReader<File>,
    line: Vec<u8>,
    from: u64,
    to: u64,
}

impl Sampler {
    /// Of the bytes `from` to `to`, where `from` is the beginning of a line.
    pub fn new(path: &Path, from: u64, to: u64) -> io::Result<Self> {
        Ok(Self { input: BufReader::with_capacity(1 << 12, File::open(path)?), line: Vec::new(), from, to })
    }

    /// The first whole record that begins at `at` or later.
    pub fn at<V>(&mut self, at: u64, read: impl FnOnce(&Row<'_>) -> V) -> io::Result<Option<V>> {
        if at <= self.from {
            self.input.seek(SeekFrom::Start(self.from))?;
        } else {
            self.input.seek(SeekFrom::Start(at - 1))?;
            self.input.skip_until(b'\n')?;
        }
        self.line.clear();
        self.input.read_until(b'\n', &mut self.line)?;
        if self.line.pop() != Some(b'\n') {
            return Ok(None);
        }
        Ok(Row::read(&self.line).ok().map(|row| read(&row)))
    }

    /// Where about the records begin at which something that grows reaches `value`.
    pub fn find(&mut self, value: f64, of: &dyn Fn(&Row<'_>) -> Option<f64>) -> io::Result<u64> {
        let (mut low, mut high) = (self.from, self.to);
        while high - low > 1 << 12 {
            let middle = low + (high - low) / 2;
            match self.at(middle, |row| of(row))?.flatten() {
                Some(there) if there < value => low = middle,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// So many records, evenly spread over the bytes `from` to `to`.
    pub fn spread(&mut self, from: u64, to: u64, count: u64, mut see: impl FnMut(&Row<'_>)) -> io::Result<()> {
        let (from, to) = (from.max(self.from), to.min(self.to));
        for place in 0..count {
            self.at(from + (to.saturating_sub(from)) * place / count, &mut see)?;
        }
        Ok(())
    }
}
