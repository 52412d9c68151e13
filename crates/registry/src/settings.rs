use std::collections::BTreeMap;

use crate::{Default, Entry, Error, Kind, PRESET, Setting, Value, nearest};

/// The settings of one entry, complete and of the right types: what its builder reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    owner: String,
    values: BTreeMap<String, Value>,
}

impl Settings {
    /// Checks `given` against the settings that `entry` takes and fills in the defaults.
    ///
    /// # Errors
    /// An unknown key, a missing required key or a value of the wrong type.
    pub fn resolve<B>(entry: &Entry<B>, given: BTreeMap<String, Value>) -> Result<Self, Error> {
        Self::resolve_section(entry.name, entry.settings, given)
    }

    /// The same for a section that is no entry: `owner` names it in errors.
    pub fn resolve_section(
        owner: &str,
        settings: &[Setting],
        mut given: BTreeMap<String, Value>,
    ) -> Result<Self, Error> {
        if let Some(key) = given.keys().find(|key| settings.iter().all(|s| s.key != **key)) {
            let known: Vec<&str> = settings.iter().map(|s| s.key).collect();
            let nearest = nearest(key, &known);
            return Err(Error::UnknownKey { owner: owner.to_owned(), key: key.clone(), nearest });
        }
        let usual = settings.iter().find(|setting| setting.key == PRESET).and_then(|setting| setting.default.under(""));
        let preset = match given.get(PRESET) {
            Some(Value::Text(preset)) => preset.clone(),
            _ => usual.unwrap_or_default().to_owned(),
        };
        if let Some(expected) = other_presets(settings, &preset) {
            let (key, got) = (PRESET.to_owned(), Value::Text(preset).to_string());
            return Err(Error::OutOfRange { owner: owner.to_owned(), key, expected, got });
        }
        let mut values = BTreeMap::new();
        for setting in settings {
            let (owner, key) = (owner.to_owned(), setting.key.to_owned());
            let value = match (given.remove(setting.key), setting.default.under(&preset)) {
                (Some(value), _) => value,
                (None, Some(text)) => Value::parse(text),
                (None, None) if setting.default == Default::Required => {
                    return Err(Error::MissingKey { owner, key, expected: setting.kind });
                }
                (None, None) => continue,
            };
            let got = value.to_string();
            let value =
                value.into_kind(setting.kind).ok_or(Error::WrongType { owner, key, expected: setting.kind, got })?;
            values.insert(setting.key.to_owned(), value);
        }
        Ok(Self { owner: owner.to_owned(), values })
    }

    /// The same with another value at `key`, which must be of the kind that it is declared with.
    pub fn with(&self, key: &str, value: Value) -> Self {
        let mut settings = self.clone();
        settings.values.insert(key.to_owned(), value);
        settings
    }

    /// Every resolved key with its value, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The number at `key`.
    ///
    /// # Panics
    /// Here and below: if the entry does not declare `key` with that type, which is a mistake in the program.
    pub fn number(&self, key: &str) -> f64 {
        self.optional_number(key).unwrap_or_else(|| self.undeclared(key))
    }

    /// The number at `key`, if it was given.
    pub fn optional_number(&self, key: &str) -> Option<f64> {
        self.values.get(key).map(|value| match value {
            Value::Number(number) => *number,
            _ => self.undeclared(key),
        })
    }

    /// The number at `key`, checked by `holds`; `expected` says in words what it must be.
    pub fn number_where(&self, key: &str, expected: &str, holds: fn(f64) -> bool) -> Result<f64, Error> {
        let number = self.number(key);
        if holds(number) { Ok(number) } else { Err(self.out_of_range(key, expected)) }
    }

    /// The whole number at `key`, which must not be negative.
    pub fn count(&self, key: &str) -> Result<usize, Error> {
        self.optional_count(key).map(|count| count.unwrap_or_else(|| self.undeclared(key)))
    }

    /// The whole number at `key`, if it was given; it must not be negative.
    pub fn optional_count(&self, key: &str) -> Result<Option<usize>, Error> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Integer(integer)) => match usize::try_from(*integer) {
                Ok(count) => Ok(Some(count)),
                Err(_) => Err(self.out_of_range(key, "a whole number, zero or more")),
            },
            Some(_) => self.undeclared(key),
        }
    }

    /// The list of whole numbers at `key`; none may be negative.
    pub fn counts(&self, key: &str) -> Result<Vec<usize>, Error> {
        self.optional_counts(key).map(|counts| counts.unwrap_or_else(|| self.undeclared(key)))
    }

    /// The list of whole numbers at `key`, if it was given; none may be negative.
    pub fn optional_counts(&self, key: &str) -> Result<Option<Vec<usize>>, Error> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        let Value::List(items) = value else { self.undeclared(key) };
        let counts = items
            .iter()
            .map(|item| match item {
                Value::Integer(i) => {
                    usize::try_from(*i).map_err(|_| self.out_of_range(key, "whole numbers, zero or more"))
                }
                _ => self.undeclared(key),
            })
            .collect::<Result<_, _>>()?;
        Ok(Some(counts))
    }

    /// The list of numbers at `key`.
    pub fn numbers(&self, key: &str) -> Vec<f64> {
        self.optional_numbers(key).unwrap_or_else(|| self.undeclared(key))
    }

    /// The list of numbers at `key`, if a list was given.
    pub fn optional_numbers(&self, key: &str) -> Option<Vec<f64>> {
        let items = match self.values.get(key)? {
            Value::List(items) => items,
            Value::Text(_) => return None,
            _ => self.undeclared(key),
        };
        items
            .iter()
            .map(|item| match item {
                Value::Number(number) => *number,
                _ => self.undeclared(key),
            })
            .collect::<Vec<f64>>()
            .into()
    }

    /// The list of texts at `key`, if it was given.
    pub fn optional_texts(&self, key: &str) -> Option<Vec<String>> {
        let Value::List(items) = self.values.get(key)? else { self.undeclared(key) };
        let text = |item: &Value| match item {
            Value::Text(text) => text.clone(),
            _ => self.undeclared(key),
        };
        Some(items.iter().map(text).collect())
    }

    /// The flag at `key`, if it was given.
    pub fn optional_flag(&self, key: &str) -> Option<bool> {
        match self.values.get(key)? {
            Value::Flag(flag) => Some(*flag),
            _ => self.undeclared(key),
        }
    }

    /// The flag at `key`.
    pub fn flag(&self, key: &str) -> bool {
        match self.values.get(key) {
            Some(Value::Flag(flag)) => *flag,
            _ => self.undeclared(key),
        }
    }

    /// The text at `key`.
    pub fn text(&self, key: &str) -> &str {
        self.optional_text(key).unwrap_or_else(|| self.undeclared(key))
    }

    /// The text at `key`, if it was given, and not a list in its place.
    pub fn optional_text(&self, key: &str) -> Option<&str> {
        self.values.get(key).and_then(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            Value::List(_) => None,
            _ => self.undeclared(key),
        })
    }

    /// The error for a value outside its range; `expected` says in words what it must be.
    pub fn out_of_range(&self, key: &str, expected: &str) -> Error {
        let got = self.values.get(key).map_or_else(|| "nothing".to_owned(), ToString::to_string);
        Error::OutOfRange { owner: self.owner.clone(), key: key.to_owned(), expected: expected.to_owned(), got }
    }

    fn undeclared(&self, key: &str) -> ! {
        panic!("{}: `{key}` is not declared with the type that its builder reads", self.owner)
    }
}

/// The presets that `settings` have defaults under, in words, if `preset` is none of them.
fn other_presets(settings: &[Setting], preset: &str) -> Option<String> {
    let known = settings.iter().filter_map(|setting| match setting.default {
        Default::Presets(known) => Some(known),
        _ => None,
    });
    // A setting may be absent under one of them.
    let known = known.max_by_key(|known| known.len())?;
    let named: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
    known.iter().all(|(name, _)| *name != preset).then(|| named.join(" or "))
}

/// One [`Setting`], on one line of a table.
pub const fn setting(key: &'static str, kind: Kind, default: Default, help: &'static str) -> Setting {
    Setting { key, kind, default, help }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ENTRY: Entry<()> = Entry {
        name: "cdat",
        summary: "",
        doc: "",
        settings: &[
            setting("sigma", Kind::Number, Default::Is("2.0"), "scaling"),
            setting("cap", Kind::Number, Default::Absent, "largest rate"),
            setting("width", Kind::Integer, Default::Required, "width"),
            setting("drop", Kind::Texts, Default::Absent, "columns"),
            setting("loud", Kind::Flag, Default::Absent, "loudly"),
        ],
        build: (),
    };

    fn given(text: &[(&str, &str)]) -> BTreeMap<String, Value> {
        text.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect()
    }

    #[test]
    fn fills_defaults_and_converts() {
        let settings = Settings::resolve(&ENTRY, given(&[("width", "3")])).unwrap();
        assert_eq!(settings.number("sigma"), 2.0);
        assert_eq!(settings.optional_number("cap"), None);
        assert_eq!(settings.count("width").unwrap(), 3);
        let settings = Settings::resolve(&ENTRY, given(&[("width", "3"), ("sigma", "1")])).unwrap();
        assert_eq!(settings.number("sigma"), 1.0);
        assert_eq!((settings.optional_texts("drop"), settings.optional_flag("loud")), (None, None));
        let all = given(&[("width", "3"), ("drop", "[a, b c]"), ("loud", "true")]);
        let settings = Settings::resolve(&ENTRY, all).unwrap();
        assert_eq!(settings.optional_texts("drop").unwrap(), ["a", "b c"]);
        assert_eq!(settings.optional_flag("loud"), Some(true));
    }

    #[test]
    fn presets_say_what_is_not_given() {
        static ENTRY: Entry<()> = Entry {
            name: "adamw",
            summary: "",
            doc: "",
            settings: &[
                setting("preset", Kind::Text, Default::Is("package"), "whose defaults"),
                setting("decay", Kind::Number, Default::Presets(&[("package", "0.01"), ("paper", "1e-5")]), ""),
                setting("more", Kind::Number, Default::Presets(&[("paper", "7")]), ""),
            ],
            build: (),
        };
        let decay = |text: &[(&str, &str)]| Settings::resolve(&ENTRY, given(text)).map(|all| all.number("decay"));
        assert_eq!(decay(&[]).unwrap(), 0.01);
        assert_eq!(decay(&[("preset", "package")]).unwrap(), 0.01);
        assert_eq!(decay(&[("preset", "paper")]).unwrap(), 1e-5);
        assert_eq!(decay(&[("preset", "paper"), ("decay", "3")]).unwrap(), 3.0);
        let unknown = decay(&[("preset", "papr"), ("decay", "3")]).unwrap_err().to_string();
        assert_eq!(unknown, "adamw.preset: expected `package` or `paper`, got \"papr\"");
        assert_eq!(
            decay(&[("preset", "3")]).unwrap_err().to_string(),
            "adamw.preset: expected text, got 3; try it in quotes"
        );
        assert_eq!(ENTRY.settings[1].default.under("papr"), None);
        let more = |text: &[(&str, &str)]| Settings::resolve(&ENTRY, given(text)).unwrap().optional_number("more");
        assert_eq!(
            (more(&[]), more(&[("preset", "paper")])),
            (None, Some(7.0)),
            "absent under the preset that is usual"
        );
    }

    #[test]
    fn says_what_is_wrong() {
        let message = |text: &[(&str, &str)]| Settings::resolve(&ENTRY, given(text)).unwrap_err().to_string();
        assert_eq!(
            message(&[("width", "3"), ("sgma", "1")]),
            "cdat: unknown key `sgma`, expected one of its settings; try `sigma`"
        );
        assert_eq!(message(&[]), "cdat: `width` is not set, expected a whole number; try `width = ...`");
        assert_eq!(message(&[("width", "relu")]), "cdat.width: expected a whole number, got \"relu\"");
        let negative = Settings::resolve(&ENTRY, given(&[("width", "-3")])).unwrap();
        assert_eq!(
            negative.count("width").unwrap_err().to_string(),
            "cdat.width: expected a whole number, zero or more, got -3"
        );
    }
}
