use onedge_registry::{Entry, Settings};

use super::build::{Build, Context};
use super::{common, text};
use crate::readers::text_of;
use crate::{Error, Split};

/// The embedded text.
pub static ENTRY: Entry<Build> = Entry {
    name: "cicero",
    summary: "49 kB of Cicero's Latin, character by character; built in",
    doc: "The first book of De finibus bonorum et malorum, Marcus Tullius Cicero, 45 BC (public domain), which lorem ipsum \
          comes from; carried by the crate lipsum.",
    settings: text::SETTINGS,
    build,
};

fn build(settings: &Settings, _: &Context<'_>) -> Result<Split, Error> {
    common::choose(text_of(ENTRY.name, lipsum::LIBER_PRIMUS, &text::how(settings)?)?, settings)
}
