//! Records that leave their file as a run goes on from an earlier step: nothing written is ever lost.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use crate::lines::Lines;
use crate::writer::open_at_end;
use crate::{Error, Survey, write_whole_by};

/// Leaves in the file at `path` the records below `step` that count, and appends every other line to `aside`.
///
/// What goes is on the disk in its new place before the file is changed, and that happens in one step: a kill in between leaves
/// lines in both places, and the file as it was. Returns how many records stay.
pub(crate) fn cut_back(path: &Path, aside: &Path, step: u64) -> Result<u64, Error> {
    let survey = Survey::of_file(path)?;
    let stays = |line: usize, text: &[u8]| survey.step_on(line, text).is_some_and(|of| of < step);
    let staying = survey.count_below(path, step)?;
    if staying == survey.lines() as u64 {
        return Ok(staying);
    }
    match set_aside(path, aside, &stays).map_err(Error::write(aside))? {
        Some(length) => {
            let cut = || {
                let file = OpenOptions::new().write(true).open(path)?;
                file.set_len(length)?;
                file.sync_data()
            };
            cut().map_err(Error::write(path))?;
        }
        None => {
            let mut lines = lines_of(path)?;
            write_whole_by(path, |file| copy(&mut lines, file, &stays).map(drop))?;
        }
    }
    Ok(staying)
}

/// Makes the file `to` with the records of `from` below `step` that count. Returns how many these are.
pub(crate) fn copy_below(from: &Path, to: &Path, step: u64) -> Result<u64, Error> {
    let survey = Survey::of_file(from)?;
    if survey.lines() == 0 {
        return write_whole_by(to, |_| Ok(())).map(|()| 0);
    }
    let (mut lines, mut copied) = (lines_of(from)?, 0);
    let stays = |line: usize, text: &[u8]| survey.step_on(line, text).is_some_and(|of| of < step);
    write_whole_by(to, |file| {
        copied = copy(&mut lines, file, &stays)?;
        Ok(())
    })?;
    Ok(copied)
}

/// Whether a line, by its number and its text, stays.
type Stays<'a> = &'a dyn Fn(usize, &[u8]) -> bool;

/// Appends the lines of `path` that do not stay to `aside`, and waits for the disk. Returns how many bytes those have that stay, if they are
/// the first of the file.
fn set_aside(path: &Path, aside: &Path, stays: Stays<'_>) -> io::Result<Option<u64>> {
    let mut lines = Lines::of(BufReader::with_capacity(1 << 17, File::open(path)?));
    let mut out = BufWriter::new(open_at_end(aside)?);
    let (mut length, mut all, mut are_first) = (0, true, true);
    while lines.advance()? {
        if stays(lines.number(), lines.line()) {
            are_first &= all;
            length += lines.line().len() as u64 + 1;
        } else {
            all = false;
            out.write_all(lines.line())?;
            out.write_all(b"\n")?;
        }
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(are_first.then_some(length))
}

/// Copies the lines that stay. Returns how many they are.
fn copy(lines: &mut Lines<BufReader<File>>, file: &mut File, stays: Stays<'_>) -> io::Result<u64> {
    let (mut out, mut copied) = (BufWriter::with_capacity(1 << 17, file), 0);
    while lines.advance()? {
        if stays(lines.number(), lines.line()) {
            out.write_all(lines.line())?;
            out.write_all(b"\n")?;
            copied += 1;
        }
    }
    out.flush().map(|()| copied)
}

fn lines_of(path: &Path) -> Result<Lines<BufReader<File>>, Error> {
    let file = File::open(path).map_err(Error::read(path))?;
    Ok(Lines::of(BufReader::with_capacity(1 << 17, file)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TORN: i64 = -1;

    fn line(step: i64, seconds: u32) -> String {
        match step {
            TORN => "{\"step\":7,\"lo\n".to_owned(),
            _ => format!("{{\"step\":{step},\"loss\":1,\"learning_rate\":1,\"cost\":1,\"seconds\":{seconds}}}\n"),
        }
    }

    fn text(steps: &[(i64, u32)]) -> String {
        steps.iter().map(|&(step, seconds)| line(step, seconds)).collect()
    }

    /// What stays and what is set aside of these lines as the run goes on from `step`.
    #[track_caller]
    fn check(there: &[(i64, u32)], step: u64, stays: &[(i64, u32)], aside: &[(i64, u32)]) {
        let root = tempfile::tempdir().unwrap();
        let (path, to) = (root.path().join("steps.jsonl"), root.path().join("superseded.jsonl"));
        fs::write(&path, text(there)).unwrap();
        assert_eq!(cut_back(&path, &to, step).unwrap(), stays.len() as u64);
        assert_eq!(fs::read_to_string(&path).unwrap(), text(stays));
        assert_eq!(fs::read_to_string(&to).unwrap_or_default(), text(aside));
        // Again it changes nothing.
        cut_back(&path, &to, step).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap(), to.exists()), (text(stays), !aside.is_empty()));
    }

    #[test]
    fn what_is_taken_again_is_set_aside() {
        check(&[(0, 1), (1, 2), (2, 3)], 3, &[(0, 1), (1, 2), (2, 3)], &[]);
        check(&[(0, 1), (1, 2), (2, 3), (TORN, 0)], 1, &[(0, 1)], &[(1, 2), (2, 3), (TORN, 0)]);
        check(&[(0, 1), (1, 2)], 0, &[], &[(0, 1), (1, 2)]);
        // Of an earlier version, which left both: the last one counts.
        check(
            &[(0, 1), (1, 2), (2, 3), (1, 4), (2, 5), (3, 6)],
            3,
            &[(0, 1), (1, 4), (2, 5)],
            &[(1, 2), (2, 3), (3, 6)],
        );
        // Damaged in the middle.
        check(&[(0, 1), (TORN, 0), (2, 3), (3, 4)], 9, &[(0, 1), (2, 3), (3, 4)], &[(TORN, 0)]);
        check(&[(4, 1), (5, 2)], 5, &[(4, 1)], &[(5, 2)]);
        // Of every tenth step, and of some between.
        check(&[(0, 1), (7, 2), (10, 3), (20, 4)], 11, &[(0, 1), (7, 2), (10, 3)], &[(20, 4)]);
        check(&[(0, 1), (10, 2), (20, 3), (10, 4), (20, 5)], 20, &[(0, 1), (10, 4)], &[(10, 2), (20, 3), (20, 5)]);
    }

    #[test]
    fn the_last_line_may_lack_its_end_and_bytes_may_be_none_of_a_text() {
        let root = tempfile::tempdir().unwrap();
        let (path, to) = (root.path().join("steps.jsonl"), root.path().join("superseded.jsonl"));
        let (whole, bytes) = (text(&[(0, 1), (1, 2)]), b"\xff\0{\"st");
        fs::write(&path, whole.trim_end()).unwrap();
        cut_back(&path, &to, 2).unwrap();
        assert!(!to.exists());
        fs::write(&to, "cut").unwrap();
        fs::write(&path, [whole.as_bytes(), bytes].concat()).unwrap();
        cut_back(&path, &to, 2).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
        assert_eq!(fs::read(&to).unwrap(), [b"cut\n", &bytes[..], b"\n"].concat());
        cut_back(&root.path().join("missing.jsonl"), &to, 2).unwrap();
    }

    #[test]
    fn what_cannot_be_set_aside_stays() {
        let root = tempfile::tempdir().unwrap();
        let (path, to) = (root.path().join("steps.jsonl"), root.path().join("missing/superseded.jsonl"));
        let there = text(&[(0, 1), (1, 2)]);
        fs::write(&path, &there).unwrap();
        let message = cut_back(&path, &to, 1).unwrap_err().to_string();
        assert!(message.contains("superseded.jsonl: cannot write: "), "{message}");
        assert_eq!(fs::read_to_string(&path).unwrap(), there);
    }

    #[test]
    fn a_copy_has_what_counts() {
        let root = tempfile::tempdir().unwrap();
        let (path, to) = (root.path().join("a"), root.path().join("b"));
        fs::write(&path, text(&[(0, 1), (1, 2), (1, 3), (2, 4), (TORN, 0)])).unwrap();
        assert_eq!(copy_below(&path, &to, 2).unwrap(), 2);
        assert_eq!(fs::read_to_string(&to).unwrap(), text(&[(0, 1), (1, 3)]));
        assert_eq!(copy_below(&root.path().join("missing"), &to, 2).unwrap(), 0);
        assert_eq!(fs::read_to_string(&to).unwrap(), "");
    }
}
