//! Where the real data lies, and the folder of photographs that is written from it.

use std::error::Error;
use std::path::{Path, PathBuf};

use onedge_spec::Document;

use crate::cells::Suite;
use crate::photographs;

/// The folder of data sets, each in a folder of its own.
pub struct Sources {
    data: Option<PathBuf>,
    photographs: Option<PathBuf>,
}

impl Sources {
    /// `data` holds `cifar-10`, `fashion-mnist` and `tiny-shakespeare`; without it only cells with built-in data run.
    /// Photographs are written into `work`.
    ///
    /// # Errors
    /// Photographs that cannot be written.
    pub fn new(data: Option<&Path>, work: &Path) -> Result<Self, Box<dyn Error>> {
        let photographs =
            data.map(|data| photographs::write(&data.join("cifar-10"), &work.join("photographs"))).transpose()?;
        Ok(Self { data: data.map(Path::to_owned), photographs })
    }

    /// Whether the data of a problem is at hand.
    pub fn has(&self, problem: &str, suite: &Suite) -> bool {
        self.data.is_some() || matches!(name(problem, suite).as_str(), "digits" | "red-wine" | "cicero")
    }

    /// Assignments that say where the data of a problem lies.
    ///
    /// # Errors
    /// Data that is not at hand.
    pub fn assignments(&self, problem: &str, suite: &Suite) -> Result<Vec<String>, Box<dyn Error>> {
        let name = name(problem, suite);
        let at = |path: &Path| Ok(vec![format!("data.path={}", path.display())]);
        match (name.as_str(), &self.data, &self.photographs) {
            ("digits" | "red-wine" | "cicero", ..) => Ok(Vec::new()),
            ("image-folder", _, Some(photographs)) => at(photographs),
            ("tiny-shakespeare", Some(data), _) => at(&data.join("tiny-shakespeare/input.txt")),
            (_, Some(data), _) => at(&data.join(&name)),
            _ => Err(format!("{problem}: its data is not built in; say where it lies with --data FOLDER").into()),
        }
    }
}

fn name(problem: &str, suite: &Suite) -> String {
    let document =
        Document::from_table(problem, suite.problems[problem].clone()).expect("cells.toml is part of the program");
    document.get("data.name").map(ToString::to_string).unwrap_or_default().trim_matches('"').to_owned()
}
