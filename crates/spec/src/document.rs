use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use onedge_registry::{Error as RegistryError, Value};

use crate::{Catalogue, Error, sections};

/// A spec as it was written: keys and values, not checked yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    origin: String,
    /// Keys outside of any section.
    pub root: BTreeMap<String, Value>,
    /// The keys of each section.
    pub sections: BTreeMap<String, BTreeMap<String, Value>>,
    /// Dotted keys that came from [`set`](Self::set).
    overridden: BTreeSet<String>,
    /// Where it lies, if it is a file.
    folder: Option<PathBuf>,
    /// Whether that is the folder of the run that wrote it.
    in_run: bool,
    /// Where files that it names were found later, by dotted key.
    moved: BTreeMap<String, Vec<PathBuf>>,
    catalogue: Catalogue,
}

impl Document {
    /// Nothing but defaults; `origin` names it in errors.
    pub fn empty(origin: &str) -> Self {
        let (root, sections, overridden, folder, in_run, moved) = Default::default();
        let catalogue = Catalogue::standard();
        Self { origin: origin.to_owned(), root, sections, overridden, folder, in_run, moved, catalogue }
    }

    /// The same, with names looked up in `catalogue`, where they are in the standard one else.
    pub fn with_catalogue(self, catalogue: &Catalogue) -> Self {
        Self { catalogue: catalogue.clone(), ..self }
    }

    /// The same, with files that it names looked for in `folder` too, as that of a spec is.
    pub fn in_folder(self, folder: Option<&Path>) -> Self {
        Self { folder: folder.map(Path::to_owned), ..self }
    }

    /// The same as what a run wrote, read in the folder of that run: places that it noted as seen from there can be found.
    pub fn in_run(self) -> Self {
        Self { in_run: true, ..self }
    }

    /// Whether it is known to lie in the folder of its run.
    pub(crate) fn is_in_run(&self) -> bool {
        self.in_run
    }

    /// The folder of its file.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Has the file at the dotted key `key` looked for at `places` before any other place.
    pub fn look_first(&mut self, key: &str, places: Vec<PathBuf>) {
        self.moved.insert(key.to_owned(), places);
    }

    /// What [`look_first`](Self::look_first) said.
    pub(crate) fn moved_to(&self, key: &str) -> &[PathBuf] {
        self.moved.get(key).map_or(&[], Vec::as_slice)
    }

    /// Whether [`set`](Self::set) gave the dotted key its value.
    pub fn is_overridden(&self, key: &str) -> bool {
        self.overridden.contains(key)
    }

    /// Where names are looked up.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Reads a TOML file.
    ///
    /// # Errors
    /// [`Error::Read`], and those of [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::read(path))?;
        Ok(Self::parse(&path.display().to_string(), &text)?.in_folder(path.parent()))
    }

    /// Reads TOML text: keys, and one level of sections. The name of a section as a key chooses its entry.
    ///
    /// # Errors
    /// [`Error::Toml`] with line and column, or for a date or a nested table.
    pub fn parse(origin: &str, text: &str) -> Result<Self, Error> {
        Self::from_table(origin, parse_table(origin, text)?)
    }

    /// The same from TOML that was read already.
    ///
    /// # Errors
    /// [`Error::Toml`] for a date or a nested table.
    pub fn from_table(origin: &str, table: toml::Table) -> Result<Self, Error> {
        let mut document = Self::empty(origin);
        for (key, value) in table {
            match value {
                toml::Value::Table(_) if key == "sweep" => {
                    let message =
                        "[sweep]: expected one spec, got a sweep of many runs; try running it as a sweep".to_owned();
                    return Err(Error::Toml { origin: origin.to_owned(), message });
                }
                toml::Value::Table(section) => {
                    let values = section.into_iter().map(|(inner, value)| {
                        let value = plain(origin, &format!("{key}.{inner}"), value)?;
                        Ok((inner, value))
                    });
                    document.sections.insert(key.clone(), values.collect::<Result<_, Error>>()?);
                }
                // `tuner = "greedy"` chooses as `--set tuner=greedy` does.
                toml::Value::String(name) if sections::is_choice(&key) => {
                    document.sections.entry(key).or_default().insert("name".to_owned(), Value::Text(name));
                }
                value => {
                    let value = plain(origin, &key, value)?;
                    document.root.insert(key, value);
                }
            }
        }
        Ok(document)
    }

    /// Applies `key=value` with a dotted key: `steps=100`, `tuner.sigma=2.06`, `data.path=images`. Text needs no quotes.
    /// The name of a section alone chooses its entry: `tuner=greedy` is `tuner.name=greedy`. Choosing another entry
    /// drops the settings that belonged to the one before. `~key` removes a key, so that its default counts.
    ///
    /// # Errors
    /// [`Error::Toml`] if there is no `=`, no key or no value, or the key has more than one dot.
    pub fn set(&mut self, assignment: &str) -> Result<(), Error> {
        let fail = |message: &str| Error::Toml { origin: format!("set {assignment}"), message: message.to_owned() };
        let (key, value) = match (assignment.strip_prefix('~'), assignment.split_once('=')) {
            (Some(key), None) => (key.trim(), None),
            (Some(_), Some(_)) => {
                return Err(fail("expected no value after `~key`, which removes a key; try it without"));
            }
            (None, None) => return Err(fail("expected `key=value`, got no `=`; try `tuner.sigma=2.06`")),
            // An empty variable of a shell, most likely.
            (None, Some((key, value))) if value.trim().is_empty() => {
                let key = key.trim();
                return Err(fail(&format!("expected a value after `=`, got none; try `~{key}` to remove the key")));
            }
            (None, Some((key, value))) => (key.trim(), Some(Value::parse(value))),
        };
        if key.is_empty() {
            return Err(fail("expected a key, got none; try `tuner.sigma=2.06`"));
        }
        let (section, inner) = match key.split_once('.') {
            Some((_, inner)) if inner.contains('.') => {
                return Err(fail("expected a key with at most one dot; try `tuner.sigma`"));
            }
            Some((section, inner)) => (section, inner),
            None if sections::is_choice(key) => (key, "name"),
            None => ("", key),
        };
        if inner == "name" && sections::is_choice(section) {
            self.choose(section, value.as_ref());
        }
        let dotted = if section.is_empty() { inner.to_owned() } else { format!("{section}.{inner}") };
        match value {
            Some(value) => self.place(&dotted, value),
            None => {
                self.table(section).remove(inner);
            }
        }
        self.overridden.insert(dotted);
        Ok(())
    }

    /// Applies assignments that were given together. Those that choose an entry come before its settings, whichever was written first;
    /// otherwise they keep their order.
    ///
    /// # Errors
    /// Those of [`set`](Self::set).
    pub fn set_all(&mut self, assignments: &[impl AsRef<str>]) -> Result<(), Error> {
        let chooses = |assignment: &str| {
            let key = assignment.split('=').next().unwrap_or_default().trim().trim_start_matches('~');
            sections::is_choice(key.strip_suffix(".name").unwrap_or(key))
        };
        let all = || assignments.iter().map(AsRef::as_ref);
        all().filter(|one| chooses(one)).chain(all().filter(|one| !chooses(one))).try_for_each(|one| self.set(one))
    }

    /// Lays another document over this one: its values win, and where it chooses another entry, the settings that
    /// belonged to the one before are dropped.
    pub fn lay(&mut self, over: &Self) {
        self.root.extend(over.root.clone());
        for (section, values) in &over.sections {
            if let Some(name) = values.get("name").filter(|_| sections::is_choice(section)) {
                self.choose(section, Some(name));
            }
            self.table(section).extend(values.clone());
        }
    }

    /// One of its sections alone.
    pub fn only(&self, section: &str) -> Self {
        let mut document = self.clone();
        document.root.clear();
        document.sections.retain(|key, _| key == section);
        document
    }

    /// The value at a dotted key, as it was written.
    pub fn get(&self, dotted: &str) -> Option<&Value> {
        match dotted.split_once('.') {
            None => self.root.get(dotted),
            Some((section, key)) => self.sections.get(section)?.get(key),
        }
    }

    /// Puts a value at a dotted key.
    pub fn place(&mut self, dotted: &str, value: Value) {
        let (section, key) = dotted.split_once('.').unwrap_or(("", dotted));
        self.table(section).insert(key.to_owned(), value);
    }

    /// Drops the settings of a section if `name` is another entry than was chosen before.
    fn choose(&mut self, section: &str, name: Option<&Value>) {
        let default = sections::default_name(section).map(|name| Value::Text(name.to_owned()));
        let values = self.table(section);
        if values.get("name").or(default.as_ref()) != name.or(default.as_ref()) {
            values.clear();
        }
    }

    fn table(&mut self, section: &str) -> &mut BTreeMap<String, Value> {
        match section {
            "" => &mut self.root,
            section => self.sections.entry(section.to_owned()).or_default(),
        }
    }

    /// What to call this spec in errors.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The same for errors that are found late, when it is forgotten which keys came from flags.
    pub fn described(&self) -> String {
        if self.overridden.is_empty() { self.origin.clone() } else { format!("{} with set", self.origin) }
    }

    /// The error `source` about a setting of `section`, with the flag that set it or the file in front.
    pub fn error(&self, section: &str, mut source: RegistryError) -> Error {
        if let (RegistryError::OutOfRange { owner, .. }, false) = (&mut source, section.is_empty()) {
            // What an entry calls itself; whoever reads a spec looks for the section.
            section.clone_into(owner);
        }
        let key = match &source {
            RegistryError::UnknownName { .. } => "name",
            RegistryError::UnknownKey { key, .. }
            | RegistryError::MissingKey { key, .. }
            | RegistryError::WrongType { key, .. }
            | RegistryError::OutOfRange { key, .. } => key,
        };
        Error::spec(&self.origin_of(section, key))(source)
    }

    /// The flag that set a key, or the file.
    pub fn origin_of(&self, section: &str, key: &str) -> String {
        let dotted = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        if self.overridden.contains(&dotted) { "set".to_owned() } else { self.origin.clone() }
    }
}

/// Reads TOML text.
///
/// # Errors
/// [`Error::Toml`] with line and column.
pub fn parse_table(origin: &str, text: &str) -> Result<toml::Table, Error> {
    text.parse().map_err(|error| toml_error(origin, text, &error))
}

fn toml_error(origin: &str, text: &str, error: &toml::de::Error) -> Error {
    let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let message = error.message().replace('\n', ", ");
    Error::Toml { origin: format!("{origin}:{line}:{column}"), message }
}

/// A value of TOML as a value of a spec; `key` names it in errors.
///
/// # Errors
/// [`Error::Toml`] for a date or a table.
pub fn plain(origin: &str, key: &str, value: toml::Value) -> Result<Value, Error> {
    Ok(match value {
        toml::Value::String(text) => Value::Text(text),
        toml::Value::Integer(integer) => Value::Integer(integer),
        toml::Value::Float(number) => Value::Number(number),
        toml::Value::Boolean(flag) => Value::Flag(flag),
        toml::Value::Array(items) => {
            Value::List(items.into_iter().map(|item| plain(origin, key, item)).collect::<Result<_, _>>()?)
        }
        other => {
            let message = format!("{key}: expected a number, text, flag or list, got a {}", other.type_str());
            return Err(Error::Toml { origin: origin.to_owned(), message });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Document::parse("a.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn broken_toml_is_located() {
        let text = message("steps = 10\n[tuner]\nname = \"cdat\nsigma = 2\n");
        assert!(text.starts_with("a.toml:3:"), "{text}");
        assert_eq!(
            message("[data.deep]\nx = 1"),
            "a.toml: data.deep: expected a number, text, flag or list, got a table"
        );
        assert!(message("steps = 1979-05-27").contains("got a datetime"));
    }

    #[test]
    fn overrides_win_and_choosing_another_entry_drops_old_settings() {
        let mut document = Document::parse("a.toml", "steps = 10\n[tuner]\nname = \"cdat\"\nsigma = 2.0\n").unwrap();
        document.set("steps=20").unwrap();
        document.set("tuner.sigma=2.06").unwrap();
        document.set("data.path = a=b").unwrap();
        assert_eq!(document.root["steps"], Value::Integer(20));
        assert_eq!(document.sections["tuner"]["sigma"], Value::Number(2.06));
        assert_eq!(document.sections["data"]["path"], Value::Text("a=b".to_owned()));
        document.set("tuner=cdat").unwrap();
        assert_eq!(document.sections["tuner"].len(), 2);
        document.set("tuner=constant").unwrap();
        assert_eq!(
            document.sections["tuner"],
            BTreeMap::from([("name".to_owned(), Value::Text("constant".to_owned()))])
        );
        document.set("~steps").unwrap();
        document.set("~tuner.rate").unwrap();
        assert!(document.root.is_empty());
    }

    #[test]
    fn an_entry_is_chosen_before_its_settings() {
        let mut document = Document::parse("a.toml", "[tuner]\nname = \"constant\"\nrate = 0.1\n").unwrap();
        document
            .set_all(&["tuner.sigma=2.5", "steps=3", "data.path=t.csv", "tuner=cdat", "data.name=csv", "steps=4"])
            .unwrap();
        let text = |key: &str| document.get(key).map(ToString::to_string);
        assert_eq!(
            [text("tuner.name"), text("tuner.sigma"), text("tuner.rate")].map(Option::unwrap_or_default),
            ["\"cdat\"", "2.5", ""]
        );
        assert_eq!((text("data.path"), text("steps")), (Some("\"t.csv\"".to_owned()), Some("4".to_owned())));
        assert!(document.set_all(&["tuner"]).is_err());
    }

    #[test]
    fn malformed_overrides_are_refused() {
        let mut document = Document::empty("defaults");
        assert!(document.set("tuner.sigma").unwrap_err().to_string().contains("got no `=`"));
        assert!(document.set("a.b.c=1").unwrap_err().to_string().contains("one dot"));
        for empty in ["steps=", "steps= ", "tuner="] {
            let key = empty.trim_end().trim_end_matches('=');
            assert_eq!(
                document.set(empty).unwrap_err().to_string(),
                format!("set {empty}: expected a value after `=`, got none; try `~{key}` to remove the key")
            );
        }
        assert!(document.set("=3").unwrap_err().to_string().contains("expected a key, got none"));
        assert!(document.set("~steps=3").unwrap_err().to_string().contains("expected no value after"));
        assert_eq!(document, Document::empty("defaults"));
    }

    #[test]
    fn a_section_may_be_chosen_by_a_key() {
        let chosen = Document::parse("a.toml", "tuner = \"greedy\"").unwrap();
        assert_eq!(chosen.sections, Document::parse("a.toml", "[tuner]\nname = \"greedy\"").unwrap().sections);
        assert!(chosen.root.is_empty());
        let mut changed = chosen;
        assert_eq!(changed.described(), "a.toml");
        changed.set("steps=3").unwrap();
        assert_eq!(changed.described(), "a.toml with set");
    }
}
