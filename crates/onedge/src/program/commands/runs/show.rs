use onedge_store::{Entry, FieldValue, path_of};

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::root::Root;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run
    run: String,
    /// As JSON; numbers that it lacks are the text inf, -inf and NaN
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, root: &Root, catalogue: &Catalogue) -> anyhow::Result<Code> {
    // Of a run that lies elsewhere everything is known, too.
    let entry = Entry::at(&path_of(root.path(), &args.run, catalogue)?, catalogue)?;
    let files = entry.files();
    if args.json {
        let facts = entry.facts.iter().map(|(key, fact)| (key.clone(), fact.to_json()));
        let mut all: serde_json::Map<_, _> = facts.collect();
        let files: serde_json::Map<_, _> = files.into_iter().map(|(name, bytes)| (name, bytes.into())).collect();
        all.insert("files".to_owned(), files.into());
        console::data(&(serde_json::to_string_pretty(&all)? + "\n"));
        return Ok(Code::Done);
    }
    let hidden = ["files", "bytes"];
    let run = entry.of_the_run().filter(|(key, _)| !hidden.contains(key)).map(line);
    let files = files.into_iter().map(|(name, bytes)| (name, format!("{bytes} bytes")));
    let parts: [(&str, Vec<(String, String)>); 4] = [
        ("run", run.collect()),
        ("results", entry.outcomes().map(line).collect()),
        ("settings", entry.settings().map(line).collect()),
        ("files", files.collect()),
    ];
    let width = parts.iter().flat_map(|(_, lines)| lines).map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    let mut text = Vec::new();
    for (heading, lines) in parts.iter().filter(|(_, lines)| !lines.is_empty()) {
        let lines = lines.iter().map(|(key, value)| format!("  {key:<width$}  {value}\n"));
        text.push(format!("{heading}\n{}", lines.collect::<String>()));
    }
    console::result(&text.join("\n"));
    Ok(Code::Done)
}

fn line((key, fact): (&str, &FieldValue)) -> (String, String) {
    (key.to_owned(), fact.to_string())
}
