use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use onedge_registry::{Kind, Value};

use super::draw::{Distribution, Drawn};
use super::section::Section;
use crate::{Error, Metric};
use onedge_spec::{self as spec, Catalogue, Document, Placed, ROOT, parse_table, plain, to_toml};

/// Stands in a document for a value that is drawn.
const DRAWN: &str = "\0drawn";

/// A sweep as it was written: a spec in which settings may be lists and distributions, with a section `[sweep]`.
///
/// # Example
/// ```
/// use onedge_run::DataSets;
/// use onedge_spec::Catalogue;
/// use onedge_sweep::Sweep;
///
/// let text = "seed = [0, 1]\n[tuner]\nname = \"cdat\"\nsigma = [1.0, 1.4, 2.0]\n[sweep]\n";
/// let sweep = Sweep::parse("sweep.toml", text, &[], &Catalogue::standard())?;
/// assert_eq!(sweep.trials(&mut DataSets::new(None))?.len(), 6);
/// # Ok::<(), onedge_sweep::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    pub(crate) origin: String,
    pub(crate) section: Section,
    /// The spec, or each of its variants.
    pub(crate) layers: Vec<Layer>,
}

/// A spec of a sweep with its distributions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layer {
    /// [`DRAWN`] stands where a value is to be drawn.
    document: Document,
    /// By dotted key; those whose place in the document holds something else by now count for nothing.
    draws: BTreeMap<String, Distribution>,
}

impl Sweep {
    /// Reads a sweep. `set` holds assignments like those of [`Document::set`], which apply to every variant; keys that
    /// begin with `sweep.` are those of the section.
    ///
    /// # Errors
    /// [`Error::Record`], and those of [`parse`](Self::parse).
    pub fn read(path: &Path, set: &[String], catalogue: &Catalogue) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::read(path))?;
        let mut sweep = Self::parse(&path.display().to_string(), &text, set, catalogue)?;
        for layer in &mut sweep.layers {
            layer.document = layer.document.clone().in_folder(path.parent());
        }
        Ok(sweep)
    }

    /// The same from text; `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::Spec`] for what is no TOML, a wrong distribution, or a wrong key or value in `[sweep]`.
    /// What is wrong with the specs is found by [`trials`](Self::trials).
    pub fn parse(origin: &str, text: &str, set: &[String], catalogue: &Catalogue) -> Result<Self, Error> {
        let mut table = parse_table(origin, text)?;
        let fail = |message: String| Error::from(onedge_spec::Error::Toml { origin: origin.to_owned(), message });
        let own = match table.remove("sweep") {
            None => toml::Table::new(),
            Some(toml::Value::Table(own)) => own,
            Some(other) => return Err(fail(format!("sweep: expected a section, got {other}"))),
        };
        let (own, rest) = assign(own, set);
        let described = if rest.len() < set.len() { format!("{origin} with set") } else { origin.to_owned() };
        let section = Section::read(own).map_err(Error::spec(&described))?;
        let base = Layer::new(origin, table, catalogue)?;
        let variants = section.variants.iter().map(|table| base.with(&Layer::new(origin, table.clone(), catalogue)?));
        let mut layers: Vec<Layer> = variants.collect::<Result<_, Error>>()?;
        if layers.is_empty() {
            layers.push(base);
        }
        layers.iter_mut().try_for_each(|layer| layer.document.set_all(&rest))?;
        if section.random.is_some() && layers.iter().all(|layer| layer.live().next().is_none()) {
            let example = "rate = { log_uniform = { min = 1e-3, max = 1.0 } }";
            return Err(fail(format!("sweep.random: expected a setting to draw, got none; try `{example}`")));
        }
        Ok(Self { origin: origin.to_owned(), section, layers })
    }
}

impl Sweep {
    /// By which the best run of each group is chosen.
    pub fn metric(&self) -> Metric {
        self.section.metric.clone().unwrap_or_else(Metric::final_loss)
    }
}

/// Takes the assignments to keys of `[sweep]`; the others come back.
fn assign(mut own: toml::Table, set: &[String]) -> (toml::Table, Vec<&String>) {
    let mut others = Vec::new();
    for assignment in set {
        if let Some(key) = assignment.strip_prefix("~sweep.") {
            own.remove(key.trim());
            continue;
        }
        match assignment.split_once('=').map(|(key, value)| (key.trim().strip_prefix("sweep."), value.trim())) {
            // One without a value is refused as those of settings are.
            Some((Some(key), value)) if !value.is_empty() => {
                drop(own.insert(key.to_owned(), to_toml(&Value::parse(value))));
            }
            _ => others.push(assignment),
        }
    }
    (own, others)
}

impl Layer {
    /// A spec, or a part of one, whose settings may be distributions.
    fn new(origin: &str, mut table: toml::Table, catalogue: &Catalogue) -> Result<Self, Error> {
        let mut draws = BTreeMap::new();
        take(origin, "", &mut table, &mut draws)?;
        for (section, values) in &mut table {
            if let toml::Value::Table(values) = values {
                take(origin, &format!("{section}."), values, &mut draws)?;
            }
        }
        Ok(Self { document: Document::from_table(origin, table)?.with_catalogue(catalogue), draws })
    }

    /// This one with another laid over it.
    fn with(&self, over: &Self) -> Result<Self, Error> {
        let mut layer = self.clone();
        layer.document.lay(&over.document);
        layer.draws.extend(over.draws.clone());
        Ok(layer)
    }

    /// What is to be drawn.
    fn live(&self) -> impl Iterator<Item = (&String, &Distribution)> {
        let drawn = Value::Text(DRAWN.to_owned());
        self.draws.iter().filter(move |(key, _)| self.document.get(key) == Some(&drawn))
    }

    /// The spec as it was written.
    pub(crate) fn document(&self) -> &Document {
        &self.document
    }

    /// How many values are drawn of each distribution; `None` where there is nothing to draw, or nobody said how many.
    pub(crate) fn draws(&self, Section { random, .. }: &Section) -> Option<u64> {
        self.live().next().and(random.map(u64::from))
    }

    /// So many documents with values drawn, and these values by key; the document itself where there is nothing to
    /// draw.
    ///
    /// # Errors
    /// An unknown name of a tuner, a model, ...; distributions where it is not said how many values to draw.
    pub(crate) fn drawn(&self, origin: &str, Section { random, seed, .. }: &Section) -> Result<Vec<Placed>, Error> {
        let undrawn = Placed { coordinates: Vec::new(), document: self.document.clone() };
        let Some((first, _)) = self.live().next() else { return Ok(vec![undrawn]) };
        let Some(count) = *random else {
            let message = format!("{first}: expected to be told how many values to draw; try `random = 20` in [sweep]");
            return Err(Error::from(onedge_spec::Error::Toml { origin: origin.to_owned(), message }));
        };
        let mut points = vec![undrawn; count as usize];
        for (key, distribution) in self.live() {
            let whole = spec::kind(&self.document, key)? == Some(Kind::Integer);
            let drawn = distribution.draw(*seed, key, whole, count as usize);
            for (point, drawn) in points.iter_mut().zip(drawn) {
                let value = match drawn {
                    Drawn::Chosen(value) => plain(origin, key, value)?,
                    Drawn::Number(value) => value,
                };
                point.coordinates.push((key.clone(), value.clone()));
                point.document.place(key, value);
            }
        }
        Ok(points)
    }
}

/// Takes the distributions out of a table of settings, whose keys have `prefix` before them.
fn take(
    origin: &str,
    prefix: &str,
    table: &mut toml::Table,
    draws: &mut BTreeMap<String, Distribution>,
) -> Result<(), Error> {
    for (key, value) in table {
        let toml::Value::Table(inner) = &*value else { continue };
        if prefix.is_empty() && !ROOT.iter().any(|setting| setting.key == key) {
            continue;
        }
        let dotted = format!("{prefix}{key}");
        let fail = |message: String| {
            Error::from(onedge_spec::Error::Toml { origin: origin.to_owned(), message: format!("{dotted}: {message}") })
        };
        if key == "name" {
            return Err(fail("expected a name, got a distribution; try `variants` in [sweep]".to_owned()));
        }
        let distribution = Distribution::read(inner).map_err(fail)?;
        draws.insert(dotted, distribution);
        *value = DRAWN.into();
    }
    Ok(())
}
