use onedge_store::Store;

use crate::code::Code;
use crate::console;
use crate::root::{Root, tell};

pub fn run(root: &Root) -> anyhow::Result<Code> {
    let (store, runs) = Store::rebuild(root.path())?;
    tell(&store);
    console::result(&format!("{runs} runs below {}\n", root.path().display()));
    Ok(if store.has_index() { Code::Done } else { Code::Failed })
}
