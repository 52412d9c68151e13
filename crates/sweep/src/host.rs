//! Which machine this is, and which processes run on it.

use serde::{Deserialize, Serialize};

use super::claims::Owner;

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
    /// Whether it is known that the process of a claim is no more. Only of processes of this machine can that be known: the numbers of another
    /// one's say nothing here.
    pub(crate) fn has_ended(&self, owner: Option<&Owner>) -> bool {
        owner.is_some_and(|owner| !self.name.is_empty() && owner.host == *self && !is_running(owner.pid))
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
        assert!(cfg!(not(unix)) || !this().name.is_empty());
    }
}
