//! What messages say beside the fields of an error.

use std::io;

use super::Error;
use crate::run::Finished;

/// What to try where the system refuses to write.
pub fn advice_on_writing(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "try another place, or make room"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "try another place, or change its permissions"
        }
        io::ErrorKind::NotFound => "try a folder that there is",
        _ => "try another place",
    }
}

pub(super) fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(" or ")
}

pub(super) fn hint(nearest: &[String]) -> String {
    if nearest.is_empty() { "try `onedge runs`".to_owned() } else { format!("try {}", quoted(nearest)) }
}

/// Where the rest of a run is, of which `source` says what could not be written.
pub(super) fn rest(source: &Error, finished: &Finished) -> String {
    if source.is_gone() {
        return String::new();
    }
    format!(" (everything else of this run is in {})", finished.folder.display())
}

/// The first few.
pub(super) fn first(names: &[String]) -> String {
    let more = if names.len() > 3 { ", ..." } else { "" };
    format!("{}{more}", quoted(&names[..names.len().min(3)]))
}
