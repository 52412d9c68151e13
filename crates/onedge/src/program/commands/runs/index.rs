use onedge_store::Store;

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::root::{Root, tell};

pub fn run(root: &Root, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let (store, runs) = Store::rebuild(root.path(), catalogue)?;
    tell(&store);
    console::result(&format!("{runs} runs below {}\n", root.path().display()));
    Ok(if store.has_index() { Code::Done } else { Code::Failed })
}
