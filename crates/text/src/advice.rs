//! What messages say beside the fields of an error.

use std::io;

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

/// The names, each in backquotes, as alternatives: `` `a` or `b` ``.
pub fn nearest_names(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(" or ")
}

/// The first three names, with dots if there are more.
pub fn first_of(names: &[String]) -> String {
    let more = if names.len() > 3 { ", ..." } else { "" };
    format!("{}{more}", nearest_names(&names[..names.len().min(3)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alternatives_and_few() {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(nearest_names(&names[..2]), "`a` or `b`");
        assert_eq!(first_of(&names), "`a` or `b` or `c`, ...");
    }
}
