use onedge_registry::{Entry, Setting, Settings};

use super::build::{Build, Context};
use super::{common, stored, text};
use crate::download::Remote;
use crate::{Error, FileError, Split, readers};

const GROUPS: &[&[Setting]] = &[stored::SETTINGS, text::SETTINGS];
static SETTINGS: [Setting; common::count(GROUPS)] = common::concat(GROUPS);

/// Forty thousand lines of Shakespeare.
pub static ENTRY: Entry<Build> = Entry {
    name: "tiny-shakespeare",
    summary: "1.1 MB of Shakespeare's plays, character by character",
    doc: "W. Shakespeare (public domain), compiled by A. Karpathy, The Unreasonable Effectiveness of Recurrent Neural \
          Networks (2015). One file, `input.txt`; 65 characters. In the paper: the first 2048 blocks of 64.",
    settings: &SETTINGS,
    build,
};

const FILES: [Remote<'_>; 1] = [Remote {
    name: "input.txt",
    url: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    bytes: 1_115_394,
    sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
}];

fn build(settings: &Settings, context: &Context<'_>) -> Result<Split, Error> {
    let place = stored::locate(ENTRY.name, &FILES, settings, context)?;
    let path = if place.is_file() { place } else { place.join(FILES[0].name) };
    if !path.exists() {
        let (expected, advice) = (format!("{} of {}", FILES[0].name, ENTRY.name), stored::ADVICE.to_owned());
        return Err(Error::File(FileError::Missing { path, expected, advice }));
    }
    common::choose(readers::text(&path, &text::how(settings)?)?, settings)
}
