//! The settings of a document that are lists where one value is needed: the axes of a grid.

use onedge_registry::{Error as RegistryError, Kind, Setting, Value};

use crate::meant;
use crate::{Document, Error, sections};

/// A setting that was given as a list although it holds one value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// Empty for a key outside of any section.
    pub(crate) section: String,
    pub(crate) key: String,
    pub(crate) values: Vec<Value>,
}

impl Axis {
    pub(crate) fn dotted(&self) -> String {
        if self.section.is_empty() { self.key.clone() } else { format!("{}.{}", self.section, self.key) }
    }
}

/// The settings given as lists that hold one value. Unknown keys are left for [`Spec::resolve`] to report.
pub(crate) fn axes(document: &Document) -> Result<Vec<Axis>, Error> {
    let mut axes = Vec::new();
    for (section, settings) in settings(document)? {
        for setting in settings {
            let axis = Axis { section: section.to_owned(), key: setting.key.to_owned(), values: Vec::new() };
            let Some(Value::List(values)) = document.get(&axis.dotted()) else { continue };
            let one = match setting.kind {
                Kind::Integers | Kind::Numbers | Kind::NumbersOr(_) | Kind::Texts => {
                    values.iter().any(|value| matches!(value, Value::List(_)))
                }
                _ => true,
            };
            if one {
                axes.push(Axis { values: values.clone(), ..axis });
            }
        }
    }
    Ok(axes)
}

/// The settings of each section, that outside of sections under the empty name first.
pub(crate) fn settings(document: &Document) -> Result<Vec<(&'static str, Vec<Setting>)>, Error> {
    let mut tables = vec![("", crate::ROOT.to_vec())];
    for section in sections::ALL {
        let name = document.sections.get(section.key).and_then(|given| given.get("name"));
        let name = entry_name(document, section.key, name)?;
        tables.push((
            section.key,
            (section.settings)(document.catalogue(), &name)
                .map_err(|source| document.error(section.key, meant::name(document, source)))?,
        ));
    }
    Ok(tables)
}

/// The entry that a section names, or its default; empty for a section that chooses none.
pub(crate) fn entry_name(document: &Document, section: &str, given: Option<&Value>) -> Result<String, Error> {
    match (given, sections::default_name(section)) {
        (_, None) => Ok(String::new()),
        (None, Some(default)) => Ok(default.to_owned()),
        (Some(Value::Text(name)), _) => Ok(name.clone()),
        (Some(other), _) => {
            let (owner, key, got) = (section.to_owned(), "name".to_owned(), other.to_string());
            Err(document.error(section, RegistryError::WrongType { owner, key, expected: Kind::Text, got }))
        }
    }
}
