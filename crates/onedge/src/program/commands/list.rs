use onedge_registry::{Error, nearest};

use onedge_spec::Catalogue;

use crate::program::code::Code;
use crate::program::console;
use crate::program::named::{Kind, full, kinds, overview};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// tuners, optimizers, diagnostics, models, activations, initialisations, losses, datasets, theories, figures,
    /// sections, settings, quantities, outcomes, panels, operations or terms
    kind: Option<String>,
    /// One of them, in full
    name: Option<String>,
}

/// Kinds that are listed only when asked for: no spec names what is in them.
const LATER: [&str; 7] = ["terms", "figures", "settings", "quantities", "outcomes", "panels", "operations"];

pub fn run(args: &Args, catalogue: &Catalogue) -> anyhow::Result<Code> {
    let (kinds, width) = (kinds(catalogue), console::width());
    let text = match (&args.kind, &args.name) {
        (None, _) => {
            let shown = kinds.iter().filter(|kind| !LATER.contains(&kind.plural));
            shown.map(|kind| overview(kind, width)).collect::<Vec<_>>().join("\n")
        }
        (Some(kind), None) => {
            let kind = pick(&kinds, kind)?;
            kind.rows.iter().map(|row| full(row, width)).collect::<Vec<_>>().join("\n")
        }
        (Some(kind), Some(name)) => {
            let kind = pick(&kinds, kind)?;
            let known: Vec<&str> = kind.rows.iter().map(|row| &*row.name).collect();
            let row = kind.rows.iter().find(|row| row.name == *name);
            let unknown =
                || Error::UnknownName { what: kind.singular, name: name.clone(), nearest: nearest(name, &known) };
            full(row.ok_or_else(unknown)?, width)
        }
    };
    console::result(&text);
    Ok(Code::Done)
}

/// What `onedge theory` knows, one line each.
pub fn theories() -> String {
    of_kind("theory")
}

/// The figures of the paper, one line each.
pub fn figures() -> String {
    of_kind("figure")
}

pub fn studies() -> String {
    of_kind("study")
}

fn of_kind(singular: &str) -> String {
    let kinds = kinds(&Catalogue::standard());
    kinds.iter().filter(|kind| kind.singular == singular).map(|kind| overview(kind, console::width())).collect()
}

fn pick<'a>(kinds: &'a [Kind], name: &str) -> Result<&'a Kind, Error> {
    kinds.iter().find(|kind| kind.plural == name || kind.singular == name).ok_or_else(|| {
        let known: Vec<&str> = kinds.iter().map(|kind| kind.plural).collect();
        Error::UnknownName { what: "kind", name: name.to_owned(), nearest: nearest(name, &known) }
    })
}
