use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::index::{Index, Keys};
use super::{FieldValue, Filter, Store, canonical, keys};
use onedge_spec::Catalogue;

use crate::Error;

/// Which runs to list, in which order, and what of each.
#[derive(Debug, Default)]
pub struct Selection<'a> {
    /// Those that fit; all if absent.
    pub filter: Option<&'a Filter>,
    /// In which order; the latest first if absent.
    pub sort: Option<&'a Sort>,
    /// The first so many; all if absent.
    pub limit: Option<usize>,
    /// What to tell of each, by key; everything if absent.
    pub columns: Option<&'a [String]>,
}

/// An order of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: String,
    /// Whether the largest come first.
    pub descending: bool,
}

impl Sort {
    /// `final_loss`, or `-final_loss` with the largest first.
    pub fn parse(text: &str) -> Self {
        let (key, descending) = text.strip_prefix('-').map_or((text, false), |key| (key, true));
        Self { key: canonical(key).to_owned(), descending }
    }
}

impl Store {
    /// The runs that fit: what is known of each, by key. Equal runs, and those without the key, come in the order in which
    /// they became known, the latter last.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] for a key that no run has or could have, [`Error::Filter`] for text that is compared with
    /// numbers.
    pub fn list(&mut self, selection: &Selection<'_>) -> Result<Vec<BTreeMap<String, FieldValue>>, Error> {
        let catalogue = self.catalogue().clone();
        self.attempt(|index| list(index, selection, &catalogue))
    }

    /// Every key that some run has, in alphabetical order.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn keys(&mut self) -> Result<Vec<String>, Error> {
        self.attempt(|index| Ok(index.keys()?.names()))
    }
}

/// A column: what each run has, by its place among the runs.
type Column = Vec<Option<FieldValue>>;

fn list(
    index: &mut Index,
    selection: &Selection<'_>,
    catalogue: &Catalogue,
) -> Result<Vec<BTreeMap<String, FieldValue>>, Error> {
    let keys = index.keys()?;
    let there = keys.names();
    let latest = Sort { key: "started".to_owned(), descending: true };
    let sort = selection.sort.unwrap_or(&latest);
    let known = |origin: &str, key: &str| match there.is_empty() {
        true => Ok(()),
        false => keys::check(origin, key, &there, catalogue),
    };
    if selection.sort.is_some() {
        known("sort", &sort.key)?;
    }
    for (key, column) in selection.filter.iter().flat_map(|filter| filter.keys()) {
        known(&format!("where: column {column}"), key)?;
    }
    let shown: Vec<&str> = match selection.columns {
        None => there.iter().map(String::as_str).collect(),
        Some(columns) => columns.iter().map(|key| canonical(key)).collect(),
    };
    shown.iter().try_for_each(|key| known("columns", key))?;

    let runs: Vec<i64> = index.runs()?.into_iter().map(|run| run.id).collect();
    let of_filter = selection.filter.iter().flat_map(|filter| filter.keys()).map(|(key, _)| key);
    let needed: BTreeSet<&str> = of_filter.chain([sort.key.as_str()]).chain(shown.iter().copied()).collect();
    let read = |key: &str| Ok((key.to_owned(), column(index, &keys, key, &runs)?));
    let mut columns: BTreeMap<String, Column> = needed.into_iter().map(read).collect::<Result<_, Error>>()?;

    if let Some(filter) = selection.filter {
        filter.check_kinds(|key| {
            let mut facts = columns.get(key).into_iter().flatten().flatten().peekable();
            facts.peek().is_some() && facts.all(|fact| fact.number().is_some())
        })?;
    }
    let fits = |&run: &usize| selection.filter.is_none_or(|filter| filter.fits(&|key| columns.get(key)?[run].as_ref()));
    let mut chosen: Vec<usize> = (0..runs.len()).filter(fits).collect();
    if let Some(by) = columns.get(&sort.key) {
        chosen.sort_by(|&a, &b| order(by[a].as_ref(), by[b].as_ref(), sort.descending));
    }
    chosen.truncate(selection.limit.unwrap_or(usize::MAX));
    let shown: BTreeSet<&str> = shown.into_iter().collect();
    let mut rows: Vec<BTreeMap<String, FieldValue>> = vec![BTreeMap::new(); chosen.len()];
    for key in shown {
        let Some(column) = columns.get_mut(key) else { continue };
        for (row, &run) in rows.iter_mut().zip(&chosen) {
            row.extend(column[run].take().map(|fact| (key.to_owned(), fact)));
        }
    }
    Ok(rows)
}

fn column(index: &Index, keys: &Keys, key: &str, runs: &[i64]) -> Result<Column, Error> {
    let mut facts = index.column(keys, key)?.into_iter().peekable();
    // Both are in the order of the runs' numbers.
    let of = |&run: &i64| {
        while facts.next_if(|(of, _)| *of < run).is_some() {}
        facts.next_if(|(of, _)| *of == run).map(|(_, fact)| fact)
    };
    Ok(runs.iter().map(of).collect())
}

/// Numbers by size, then text by its letters; what is absent or no number comes last either way.
fn order(a: Option<&FieldValue>, b: Option<&FieldValue>, descending: bool) -> Ordering {
    let rank = |fact: Option<&FieldValue>| match fact {
        Some(fact) => fact.number().map_or(1, |number| if number.is_nan() { 2 } else { 0 }),
        None => 2,
    };
    let same = match (a, b) {
        (Some(FieldValue::Integer(a)), Some(FieldValue::Integer(b))) => a.cmp(b),
        (Some(a), Some(b)) => match (a.text(), b.text()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.number().partial_cmp(&b.number()).unwrap_or(Ordering::Equal),
        },
        _ => Ordering::Equal,
    };
    rank(a).cmp(&rank(b)).then(if descending { same.reverse() } else { same })
}
