use std::collections::BTreeSet;

use super::entry::Entry;
use super::tag_file::{FILE, read};
use super::{Found, Store};
use crate::Error;
use onedge_record::write_whole;

/// Checks that a tag can be written on a line, in a column and in a filter.
fn check(tag: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_alphanumeric() || "._-+:/@#".contains(c);
    if tag.chars().all(fits) && tag.starts_with(char::is_alphanumeric) {
        Ok(())
    } else {
        Err(Error::Tag(tag.to_owned()))
    }
}

impl Store {
    /// Gives a run some tags and takes others away, in its folder and in the index. Returns the tags that it then has.
    ///
    /// # Errors
    /// [`Error::Tag`], [`Read`](onedge_record::Error::Read), [`Write`](onedge_record::Error::Write).
    pub fn tag(&mut self, run: &Found, more: &[String], fewer: &[String]) -> Result<BTreeSet<String>, Error> {
        more.iter().chain(fewer).try_for_each(|tag| check(tag))?;
        // Whoever has the index open is alone, so nobody else's tags are overwritten.
        let mut tags = read(&run.path)?;
        tags.extend(more.iter().cloned());
        tags.retain(|tag| !fewer.contains(tag));
        let text: String = tags.iter().map(|tag| format!("{tag}\n")).collect();
        write_whole(&run.path.join(FILE), text.as_bytes())?;
        let entry = Entry::read(self.root(), &run.folder, self.catalogue());
        self.attempt(|index| index.change(|change| change.put(&entry)))?;
        Ok(tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_plain_words() {
        for good in ["good", "σ2", "v1.2", "a/b", "2024"] {
            check(good).unwrap();
        }
        for bad in ["", " ", "a b", "-a", "a,b", "a\"", "a\nb"] {
            assert!(check(bad).unwrap_err().to_string().starts_with(&format!("tag `{bad}`: ")), "{bad}");
        }
    }
}
