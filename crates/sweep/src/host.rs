//! Which machine this is, and which processes run on it.

use serde::{Deserialize, Serialize};

/// A place where process numbers mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Host {
    /// The machine; empty if it has no name that is known.
    #[serde(rename = "host")]
    pub(crate) name: String,
    /// Where containers of one name count processes of their own, which count; empty elsewhere.
    pub(crate) space: String,
}

impl Host {
    /// Whether it can be told from others.
    pub(crate) fn is_known(&self) -> bool {
        !self.name.is_empty()
    }
}

/// This one.
pub(crate) fn this() -> Host {
    let space = std::fs::read_link("/proc/self/ns/pid").map_or(String::new(), |link| link.display().to_string());
    Host { name: name(), space }
}

#[cfg(unix)]
fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn name() -> String {
    String::new()
}

/// Whether this machine has a process of that number. Where that cannot be asked, it has.
#[cfg(unix)]
pub(crate) fn is_running(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
pub(crate) fn is_running(_: u32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs() {
        assert!(is_running(std::process::id()));
        assert!(cfg!(not(unix)) || this().is_known());
    }
}
