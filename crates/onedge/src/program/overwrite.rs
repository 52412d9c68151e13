//! What a command may write over: nothing that is there, unless it is told to, and nothing of a run, whatever it is told.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use onedge_record::{RunDirectory, write_whole};

use crate::program::exit::Misuse;

/// What every command that writes where it is told to shares.
#[derive(Debug, clap::Args)]
pub struct Force {
    /// Write over a file that is there, but never over one of a run
    #[arg(long)]
    force: bool,
}

/// The file in which a folder says what was made there.
const MADE: &str = "made-by-onedge.txt";
const HEAD: &str = "# Made here by onedge, which replaces these files when it makes them again.\n\
                    # Take a line out, and it asks before it writes over that file.\n";

impl Force {
    /// Whether the file `path`, which `option` names, may be written.
    ///
    /// # Errors
    /// [`Misuse`] for a file that is there, and for one that a run has or could have.
    pub fn check(&self, option: &'static str, path: &Path) -> anyhow::Result<()> {
        require_not_of_a_run(option, path)?;
        if self.force || !is_file(path) {
            return Ok(());
        }
        let expected = "a new file, or `--force` to write over one".to_owned();
        Err(Misuse { option, expected, got: format!("{}, which is there", path.display()) }.into())
    }

    /// The same for files in a folder that a command makes again and again, which it marks as its own.
    ///
    /// # Errors
    /// [`Misuse`] for a file that is there and was not made so, and for one of a run; what is wrong with the folder.
    pub fn claim<N: AsRef<str>>(&self, option: &'static str, folder: &Path, names: &[N]) -> anyhow::Result<()> {
        let path = folder.join(MADE);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut made: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        for name in names.iter().map(AsRef::as_ref) {
            let file = folder.join(name);
            require_not_of_a_run(option, &file)?;
            if made.contains(&name) {
                continue;
            }
            self.check(option, &file)?;
            made.push(name);
        }
        made.sort_unstable();
        // Before the files are, so that others who make them at the same time find them claimed.
        fs::create_dir_all(folder).map_err(onedge_record::Error::write(folder))?;
        let list: String = made.iter().map(|name| format!("{name}\n")).collect();
        if text != format!("{HEAD}{list}") {
            write_whole(&path, format!("{HEAD}{list}").as_bytes())?;
        }
        Ok(())
    }
}

/// Whether something is there that would be lost; a device or a pipe would not. A link counts, wherever it leads.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_file() || there.is_symlink())
        && fs::metadata(path).map_or(true, |there| there.is_file())
}

fn require_not_of_a_run(option: &'static str, path: &Path) -> anyhow::Result<()> {
    let Some(run) = run_of(path) else { return Ok(()) };
    let expected = "a file that is none of a run's own; try another name".to_owned();
    let got = format!("{}, of the run in {}", path.display(), run.display());
    Err(Misuse { option, expected, got }.into())
}

/// The folder of the run whose file `path` is or could be, however the path gets there.
fn run_of(path: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok().or_else(|| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // What of the way there is not made yet holds no run.
        let there = folder.ancestors().find(|folder| folder.exists())?;
        Some(there.canonicalize().ok()?.join(folder.strip_prefix(there).ok()?).join(path.file_name()?))
    })?;
    let holds = |folder: &&Path| {
        let own = real.strip_prefix(folder).ok().and_then(|path| path.components().next());
        own.is_some_and(|own| RunDirectory::owns(own.as_os_str())) && is_run(folder)
    };
    real.ancestors().skip(1).find(holds).map(Path::to_owned)
}

/// Whether a folder is that of a run: one file could be called so by anybody.
fn is_run(folder: &Path) -> bool {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter(|name| RunDirectory::owns(OsStr::new(name))).take(2).count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKS: Force = Force { force: false };
    const FORCES: Force = Force { force: true };

    fn run(root: &Path) -> PathBuf {
        let run = root.join("run");
        fs::create_dir_all(run.join("checkpoints")).unwrap();
        for name in ["spec.toml", "steps.jsonl", "checkpoints/5.safetensors", "picture.svg"] {
            fs::write(run.join(name), name).unwrap();
        }
        run
    }

    #[test]
    fn what_is_there_is_asked_for() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("table.csv");
        ASKS.check("-o", &path).unwrap();
        fs::write(&path, "mine").unwrap();
        let message = ASKS.check("-o", &path).unwrap_err().to_string();
        let expected = "-o: expected a new file, or `--force` to write over one, got ";
        assert!(message.starts_with(expected) && message.ends_with("table.csv, which is there"), "{message}");
        FORCES.check("-o", &path).unwrap();
        // A folder is for whoever writes to complain of, as is a path that leads nowhere.
        ASKS.check("-o", root.path()).unwrap();
        ASKS.check("-o", &root.path().join("no/such/folder")).unwrap();
        ASKS.check("-o", Path::new("/dev/null")).unwrap();
    }

    #[test]
    fn files_of_runs_are_never_written_over() {
        let root = tempfile::tempdir().unwrap();
        let run = run(root.path());
        let beside = root.path().join("beside");
        fs::create_dir(&beside).unwrap();
        for path in [
            run.join("steps.jsonl"),
            run.join("../run/steps.jsonl"),
            beside.join("../run/./checkpoints/5.safetensors"),
            // Not there yet, but a run could leave them.
            run.join("params.safetensors"),
            run.join("summary.before-7.json"),
            run.join("checkpoints/6.safetensors"),
            run.join("checkpoints/new/6.safetensors"),
            run.join("tags"),
        ] {
            let message = FORCES.check("--out", &path).unwrap_err().to_string();
            assert!(message.contains("expected a file that is none of a run's own"), "{message}");
            assert!(message.contains(", of the run in ") && message.ends_with("run"), "{message}");
        }
        ASKS.check("-o", &run.join("new.svg")).unwrap();
        assert!(ASKS.check("-o", &run.join("picture.svg")).is_err());
        FORCES.check("-o", &run.join("picture.svg")).unwrap();
        // A single file may be called as one of a run's is.
        fs::write(beside.join("spec.toml"), "").unwrap();
        ASKS.check("-o", &beside.join("tags")).unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed() {
        let root = tempfile::tempdir().unwrap();
        let run = run(root.path());
        let link = |to: &Path, name: &str| {
            let path = root.path().join(name);
            std::os::unix::fs::symlink(to, &path).unwrap();
            path
        };
        let records = link(&run.join("steps.jsonl"), "records");
        assert!(FORCES.check("-o", &records).unwrap_err().to_string().contains("of the run in"));
        let folder = link(&run, "folder");
        assert!(FORCES.check("-o", &folder.join("steps.jsonl")).is_err());
        // One that leads nowhere is something that is there.
        let nowhere = link(&root.path().join("nowhere"), "dangling");
        assert!(ASKS.check("-o", &nowhere).is_err());
    }

    #[test]
    fn what_was_made_there_is_made_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("figures");
        ASKS.claim("figure", &folder, &["a.svg", "a.csv"]).unwrap();
        fs::write(folder.join("a.svg"), "made").unwrap();
        fs::write(folder.join("b.svg"), "mine").unwrap();
        ASKS.claim("figure", &folder, &["a.csv", "a.svg"]).unwrap();
        assert!(ASKS.claim("figure", &folder, &["a.svg", "b.svg"]).is_err());
        let list = fs::read_to_string(folder.join(MADE)).unwrap();
        assert_eq!(list, format!("{HEAD}a.csv\na.svg\n"));
        FORCES.claim("figure", &folder, &["b.svg"]).unwrap();
        ASKS.claim("figure", &folder, &["b.svg"]).unwrap();
        // Somebody took the line out.
        fs::write(folder.join(MADE), "a.csv\n").unwrap();
        assert!(ASKS.claim("figure", &folder, &["a.svg"]).is_err());
        assert!(FORCES.claim("figure", &run(root.path()), &["steps.jsonl"]).is_err());
    }
}
