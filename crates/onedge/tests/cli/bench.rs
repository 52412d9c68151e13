//! A folder to run the program in, and a problem that takes no time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Thirty examples, 26 parameters.
pub const SPEC: &str = "\
steps = 12
seed = 3
[data]
name = \"mixture\"
examples = 30
features = 3
classes = 2
[model]
name = \"mlp\"
hidden = [4]
[tuner]
name = \"constant\"
rate = 0.1
[diagnostics]
sharpness_every = 5
";

pub struct Bench {
    folder: tempfile::TempDir,
}

pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Bench {
    /// A folder with `a.toml` in it.
    pub fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        bench.write("a.toml", SPEC);
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        output(&mut self.command(args))
    }

    /// Runs and expects success.
    #[track_caller]
    pub fn done(&self, args: &[&str]) -> Output {
        let output = self.run(args);
        assert_eq!(output.code, Some(0), "{args:?}: {}", output.stderr);
        output
    }
}

pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_onedge"))
}

pub fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
