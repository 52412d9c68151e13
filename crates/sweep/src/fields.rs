use onedge_registry::{Error, nearest};

/// The keys of a table in a sweep's file, read one by one, so that what is wrong is said with its key and in plain words.
pub(crate) struct Fields {
    owner: String,
    table: toml::Table,
}

impl Fields {
    /// Those of the table that `owner` names.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] for one that is not `known`.
    pub(crate) fn of(owner: &str, table: toml::Table, known: &[&str]) -> Result<Self, Error> {
        match table.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(Self { owner: owner.to_owned(), table }),
            Some(key) => {
                Err(Error::UnknownKey { owner: owner.to_owned(), key: key.clone(), nearest: nearest(key, known) })
            }
        }
    }

    /// What `read` makes of the value of a key, if it is there. It is `expected` to be something that `read` takes.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub(crate) fn optional<V>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&toml::Value) -> Option<V>,
    ) -> Result<Option<V>, Error> {
        let Some(value) = self.table.remove(key) else { return Ok(None) };
        read(&value).map(Some).ok_or_else(|| self.wrong(key, expected, value.to_string()))
    }

    /// The same for a key that must be there.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub(crate) fn required<V>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&toml::Value) -> Option<V>,
    ) -> Result<V, Error> {
        self.optional(key, expected, read)?.ok_or_else(|| self.wrong(key, expected, "nothing".to_owned()))
    }

    fn wrong(&self, key: &str, expected: &str, got: String) -> Error {
        Error::OutOfRange { owner: self.owner.clone(), key: key.to_owned(), expected: expected.to_owned(), got }
    }
}

/// A table.
pub(crate) fn table(value: &toml::Value) -> Option<toml::Table> {
    value.as_table().cloned()
}

/// A finite number, also one that was written as a whole one.
pub(crate) fn number(value: &toml::Value) -> Option<f64> {
    let number = match value {
        toml::Value::Integer(integer) => *integer as f64,
        toml::Value::Float(number) => *number,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A list whose items `read` takes.
pub(crate) fn list<V>(value: &toml::Value, read: impl Fn(&toml::Value) -> Option<V>) -> Option<Vec<V>> {
    value.as_array()?.iter().map(read).collect()
}
