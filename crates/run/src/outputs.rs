use std::path::{Path, PathBuf};

use onedge_record::{Record, Register, Summary};

/// Where a run leaves its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// In this folder, which must be new or empty.
    At(&'a Path),
    /// In a new folder inside of this one, named for the run.
    Under(&'a Path),
}

/// What a run leaves besides its own folder.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outputs<'a> {
    /// What is told as the run begins and ends.
    pub register: Option<&'a dyn Register>,
    /// Where to write the parameters at the end.
    pub save: Option<&'a Path>,
}

/// A run that came to its end, whatever the reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// Its folder.
    pub folder: PathBuf,
    /// How it went.
    pub summary: Summary,
    /// What was recorded, of long runs as [`Thinned`](onedge_record::Thinned) has it; all of it is in the folder.
    pub records: Vec<Record>,
    /// Where learning rate times sharpness has its edge, for this optimizer, if it has one.
    pub edge: Option<f64>,
}

/// The name with everything replaced that some file system might not take.
pub fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || "._-+=".contains(c) { c } else { '-' };
    let name: String = name.trim().chars().map(safe).collect();
    if name.starts_with('.') { format!("run{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_file_names() {
        assert_eq!(file_name("cdat sigma=2.06"), "cdat-sigma=2.06");
        assert_eq!(file_name("../up/x"), "run..-up-x");
        assert_eq!(file_name("σ = 2"), "σ-=-2");
    }
}
