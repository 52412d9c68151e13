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
/// lines in both places, and the file as it was.
pub(crate) fn cut_back(path: &Path, aside: &Path, step: u64) -> Result<(), Error> {
    let survey = Survey::of_file(path)?;
    let stays = |line: usize| survey.step_on(line).is_some_and(|of| of < step);
    let staying = (1..=survey.lines()).filter(|&line| stays(line)).count();
    if staying == survey.lines() {
        return Ok(());
    }
    let length = set_aside(path, aside, &stays).map_err(Error::write(aside))?;
    if (1..=staying).all(stays) {
        let cut = || {
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(length)?;
            file.sync_data()
        };
        cut().map_err(Error::write(path))
    } else {
        let mut lines = lines_of(path)?;
        write_whole_by(path, |file| copy(&mut lines, file, &stays))
    }
}

/// Makes the file `to` with the records of `from` below `step` that count.
pub(crate) fn copy_below(from: &Path, to: &Path, step: u64) -> Result<(), Error> {
    let survey = Survey::of_file(from)?;
    if survey.lines() == 0 {
        return write_whole_by(to, |_| Ok(()));
    }
    let mut lines = lines_of(from)?;
    write_whole_by(to, |file| copy(&mut lines, file, &|line| survey.step_on(line).is_some_and(|of| of < step)))
}

/// Appends the lines of `path` that do not stay to `aside`, and waits for the disk. Returns how many bytes the first line that
/// does not stay comes after.
fn set_aside(path: &Path, aside: &Path, stays: &dyn Fn(usize) -> bool) -> io::Result<u64> {
    let mut lines = Lines::of(BufReader::with_capacity(1 << 17, File::open(path)?));
    let mut out = BufWriter::new(open_at_end(aside)?);
    let (mut length, mut whole) = (0, true);
    while lines.advance()? {
        whole &= stays(lines.number());
        if whole {
            length += lines.line().len() as u64 + 1;
        }
        if !stays(lines.number()) {
            out.write_all(lines.line())?;
            out.write_all(b"\n")?;
        }
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(length)
}

fn copy(lines: &mut Lines<BufReader<File>>, file: &mut File, stays: &dyn Fn(usize) -> bool) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 17, file);
    while lines.advance()? {
        if stays(lines.number()) {
            out.write_all(lines.line())?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
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
        cut_back(&path, &to, step).unwrap();
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
        copy_below(&path, &to, 2).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), text(&[(0, 1), (1, 3)]));
        copy_below(&root.path().join("missing"), &to, 2).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "");
    }
}
