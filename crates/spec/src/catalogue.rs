use std::fmt;
use std::sync::Arc;

use onedge_data::datasets;
use onedge_nn::{losses, models};
use onedge_registry::{Entry, Error as RegistryError, Setting, find};
use onedge_spectrum::diagnostics;
use onedge_tune::{optimizers, tuners};

use crate::settings::DIAGNOSTICS;

/// All that a spec can name: the entries of this library, and those that a program adds of its own.
///
/// An added entry is known wherever the catalogue is handed: in specs, records, resumed runs, sweeps, listings and
/// explanations. There is no global one; what takes none uses [`standard`](Self::standard).
///
/// # Example
/// ```
/// use onedge_registry::{Default, Entry, Kind, setting};
/// use onedge_spec::{Catalogue, Document, Spec};
/// use onedge_tune::tuners::{self, Constant};
///
/// static TENTH: Entry<tuners::Make> = Entry {
///     name: "tenth",
///     summary: "a tenth of a rate",
///     doc: "rate / 10 at every step.",
///     settings: &[setting("rate", Kind::Number, Default::Is("1.0"), "ten times the rate")],
///     build: |settings| Ok(Box::new(Constant::new(settings.number("rate") / 10.0)?)),
/// };
///
/// let catalogue = Catalogue::standard().with_tuner(&TENTH)?;
/// let document = Document::parse("mine.toml", "[tuner]\nname = \"tenth\"\nrate = 0.5\n")?;
/// assert!(Spec::resolve(&document).is_err());
/// let spec = Spec::resolve(&document.with_catalogue(&catalogue))?;
/// spec.build_tuner()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Catalogue(Arc<Entries>);

#[derive(Clone)]
struct Entries {
    data_sets: Vec<&'static Entry<datasets::Build>>,
    models: Vec<&'static Entry<models::Build>>,
    losses: Vec<&'static Entry<losses::Build>>,
    optimizers: Vec<&'static Entry<optimizers::Make>>,
    tuners: Vec<&'static Entry<tuners::Make>>,
    diagnostics: Vec<&'static Entry<diagnostics::Make>>,
}

/// What keeps an entry from being added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// The name is taken, in the same list.
    #[error("{what} `{name}`: expected a new name, got one that there is already; try another")]
    NameTaken {
        /// "tuner", "model", ...
        what: &'static str,
        /// The name.
        name: &'static str,
    },
    /// The name cannot be written in a spec and on a command line.
    #[error(
        "{what} `{name}`: expected a name of small letters, digits and hyphens that begins with a letter; try `my-{what}`"
    )]
    Name {
        /// "tuner", "model", ...
        what: &'static str,
        /// The name.
        name: &'static str,
    },
    /// A setting whose key has another meaning in its section already.
    #[error("{what} `{name}`: setting `{key}` means something else in this section already; try another key")]
    KeyTaken {
        /// "tuner", "model", ...
        what: &'static str,
        /// The name of the entry.
        name: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A diagnostic that nobody can ask for.
    #[error("diagnostic `{name}`: expected its cadence as the first setting, a key that ends in `_every`")]
    NoCadence {
        /// The name of the entry.
        name: &'static str,
    },
}

impl Catalogue {
    /// The entries of this library.
    pub fn standard() -> Self {
        Self(Arc::new(Entries {
            data_sets: datasets::ALL.to_vec(),
            models: models::ALL.to_vec(),
            losses: losses::ALL.to_vec(),
            optimizers: optimizers::ALL.to_vec(),
            tuners: tuners::ALL.to_vec(),
            diagnostics: diagnostics::ALL.to_vec(),
        }))
    }

    /// With a data set.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn with_data_set(self, entry: &'static Entry<datasets::Build>) -> Result<Self, CatalogueError> {
        self.with("data-set", entry, &["name"], |entries| &mut entries.data_sets)
    }

    /// With a model. Such a model may be one made by `onedge_nn::Model::build`.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn with_model(self, entry: &'static Entry<models::Build>) -> Result<Self, CatalogueError> {
        self.with("model", entry, &["name"], |entries| &mut entries.models)
    }

    /// With a loss.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn with_loss(self, entry: &'static Entry<losses::Build>) -> Result<Self, CatalogueError> {
        self.with("loss", entry, &["name", "l2"], |entries| &mut entries.losses)
    }

    /// With an optimizer.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn with_optimizer(self, entry: &'static Entry<optimizers::Make>) -> Result<Self, CatalogueError> {
        self.with("optimizer", entry, &["name"], |entries| &mut entries.optimizers)
    }

    /// With a tuner.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn with_tuner(self, entry: &'static Entry<tuners::Make>) -> Result<Self, CatalogueError> {
        self.with("tuner", entry, &["name"], |entries| &mut entries.tuners)
    }

    /// With a diagnostic, whose first setting is its cadence. The settings of all diagnostics stand in one section, so no
    /// two may have the same key.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn with_diagnostic(self, entry: &'static Entry<diagnostics::Make>) -> Result<Self, CatalogueError> {
        if !entry.settings.first().is_some_and(|setting| setting.key.ends_with("_every")) {
            return Err(CatalogueError::NoCadence { name: entry.name });
        }
        let taken: Vec<&str> = self.diagnostics_settings().iter().map(|setting| setting.key).collect();
        self.with("diagnostic", entry, &taken, |entries| &mut entries.diagnostics)
    }

    /// Data sets, standard ones first.
    pub fn data_sets(&self) -> &[&'static Entry<datasets::Build>] {
        &self.0.data_sets
    }

    /// Models, standard ones first.
    pub fn models(&self) -> &[&'static Entry<models::Build>] {
        &self.0.models
    }

    /// Losses, standard ones first.
    pub fn losses(&self) -> &[&'static Entry<losses::Build>] {
        &self.0.losses
    }

    /// Optimizers, standard ones first.
    pub fn optimizers(&self) -> &[&'static Entry<optimizers::Make>] {
        &self.0.optimizers
    }

    /// Tuners, standard ones first.
    pub fn tuners(&self) -> &[&'static Entry<tuners::Make>] {
        &self.0.tuners
    }

    /// Diagnostics, standard ones first.
    pub fn diagnostics(&self) -> &[&'static Entry<diagnostics::Make>] {
        &self.0.diagnostics
    }

    /// The settings of the section `diagnostics`: of the spectrum and of every diagnostic.
    pub(crate) fn diagnostics_settings(&self) -> Vec<Setting> {
        let others = self.diagnostics().iter().flat_map(|entry| entry.settings);
        DIAGNOSTICS.iter().chain(others).copied().collect()
    }

    /// The names that the section `section` of a spec can choose from; none for a section that chooses nothing.
    pub fn names(&self, section: &str) -> Vec<&'static str> {
        match section {
            "data" => names(self.data_sets()),
            "model" => names(self.models()),
            "loss" => names(self.losses()),
            "optimizer" => names(self.optimizers()),
            "tuner" => names(self.tuners()),
            _ => Vec::new(),
        }
    }

    /// The settings of the entry `name` of a section that chooses one.
    pub(crate) fn settings(&self, section: &str, name: &str) -> Result<&'static [Setting], RegistryError> {
        match section {
            "data" => find("data set", self.data_sets(), name).map(|entry| entry.settings),
            "model" => find("model", self.models(), name).map(|entry| entry.settings),
            "loss" => find("loss", self.losses(), name).map(|entry| entry.settings),
            "optimizer" => find("optimizer", self.optimizers(), name).map(|entry| entry.settings),
            "tuner" => find("tuner", self.tuners(), name).map(|entry| entry.settings),
            _ => Ok(&[]),
        }
    }

    fn with<B>(
        mut self,
        what: &'static str,
        entry: &'static Entry<B>,
        taken: &[&str],
        list: fn(&mut Entries) -> &mut Vec<&'static Entry<B>>,
    ) -> Result<Self, CatalogueError> {
        let name = entry.name;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
            return Err(CatalogueError::Name { what, name });
        }
        let repeated = |(place, setting): (usize, &Setting)| {
            let again = entry.settings[..place].iter().any(|earlier| earlier.key == setting.key);
            (again || taken.contains(&setting.key)).then_some(setting.key)
        };
        if let Some(key) = entry.settings.iter().enumerate().find_map(repeated) {
            return Err(CatalogueError::KeyTaken { what, name, key });
        }
        let list = list(Arc::make_mut(&mut self.0));
        if list.iter().any(|known| known.name == name) {
            return Err(CatalogueError::NameTaken { what, name });
        }
        list.push(entry);
        Ok(self)
    }
}

fn names<B>(entries: &[&'static Entry<B>]) -> Vec<&'static str> {
    entries.iter().map(|entry| entry.name).collect()
}

impl Default for Catalogue {
    /// The standard one.
    fn default() -> Self {
        Self::standard()
    }
}

/// Two are equal if they have the same entries under the same names.
impl PartialEq for Catalogue {
    fn eq(&self, other: &Self) -> bool {
        fn same<B>(one: &[&'static Entry<B>], other: &[&'static Entry<B>]) -> bool {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| std::ptr::eq(*one, *other))
        }
        Arc::ptr_eq(&self.0, &other.0)
            || same(self.data_sets(), other.data_sets())
                && same(self.models(), other.models())
                && same(self.losses(), other.losses())
                && same(self.optimizers(), other.optimizers())
                && same(self.tuners(), other.tuners())
                && same(self.diagnostics(), other.diagnostics())
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue")
            .field("data_sets", &names(self.data_sets()))
            .field("models", &names(self.models()))
            .field("losses", &names(self.losses()))
            .field("optimizers", &names(self.optimizers()))
            .field("tuners", &names(self.tuners()))
            .field("diagnostics", &names(self.diagnostics()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use onedge_registry::{Default, Kind, setting};
    use onedge_tune::tuners::Constant;

    use super::*;

    const fn tuner(name: &'static str, settings: &'static [Setting]) -> Entry<tuners::Make> {
        Entry { name, summary: "", doc: "", settings, build: |_| Ok(Box::new(Constant::new(0.1)?)) }
    }

    const fn number(key: &'static str) -> Setting {
        setting(key, Kind::Number, Default::Is("1.0"), "")
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        static GOOD: Entry<tuners::Make> = tuner("my-rule-2", &[number("rate")]);
        static TAKEN: Entry<tuners::Make> = tuner("cdat", &[]);
        static ODD: Entry<tuners::Make> = tuner("My rule", &[]);
        static NAME: Entry<tuners::Make> = tuner("mine", &[number("name")]);
        static TWICE: Entry<tuners::Make> = tuner("mine", &[number("a"), number("a")]);
        let with = |entry| Catalogue::standard().with_tuner(entry);
        let good = with(&GOOD).unwrap();
        assert_eq!(good.names("tuner").last(), Some(&"my-rule-2"));
        assert_eq!(good.clone().with_tuner(&GOOD), Err(CatalogueError::NameTaken { what: "tuner", name: "my-rule-2" }));
        assert_eq!(with(&TAKEN), Err(CatalogueError::NameTaken { what: "tuner", name: "cdat" }));
        assert_eq!(with(&ODD), Err(CatalogueError::Name { what: "tuner", name: "My rule" }));
        assert_eq!(with(&NAME), Err(CatalogueError::KeyTaken { what: "tuner", name: "mine", key: "name" }));
        assert_eq!(with(&TWICE), Err(CatalogueError::KeyTaken { what: "tuner", name: "mine", key: "a" }));
    }

    #[test]
    fn equal_if_the_entries_are() {
        static ONE: Entry<tuners::Make> = tuner("one", &[]);
        let with = || Catalogue::standard().with_tuner(&ONE).unwrap();
        assert_eq!(Catalogue::standard(), Catalogue::default());
        assert_eq!(with(), with());
        assert_ne!(with(), Catalogue::standard());
    }
}
