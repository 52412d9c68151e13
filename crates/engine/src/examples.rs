use std::ops::Range;
use std::sync::Arc;

use crate::{Element, Error};

/// A data set as the engine reads it: for each field (inputs, labels) the values of all examples, row-major, and
/// fields that all examples share (tables, masks, parameters that are not learned), which are there once.
#[derive(Debug, Clone)]
pub struct Examples<T> {
    len: usize,
    fields: Vec<Field<T>>,
    shared: Vec<Arc<Vec<T>>>,
}

/// One field of [`Examples`].
#[derive(Debug, Clone)]
pub struct Field<T> {
    /// Values of one example.
    pub width: usize,
    /// All values, example by example.
    pub values: Arc<Vec<T>>,
}

impl<T: Element> Examples<T> {
    /// `len` examples with these fields.
    ///
    /// # Errors
    /// [`Error::FieldLength`] if a field has the wrong number of values, [`Error::NoExamples`] if `len` is 0.
    pub fn new(len: usize, fields: Vec<Field<T>>) -> Result<Self, Error> {
        if len == 0 {
            return Err(Error::NoExamples);
        }
        for (place, field) in fields.iter().enumerate() {
            let (width, got) = (field.width, field.values.len());
            let expected = len.saturating_mul(width);
            if got != expected {
                return Err(Error::FieldLength { field: place, examples: len, width, expected, got });
            }
        }
        Ok(Self { len, fields, shared: Vec::new() })
    }

    /// The same with fields that all examples share; a graph reads them after the others.
    #[must_use]
    pub fn with_shared(self, shared: Vec<Arc<Vec<T>>>) -> Self {
        Self { shared, ..self }
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: there is at least one example.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The fields that each example has its own values of.
    pub fn fields(&self) -> &[Field<T>] {
        &self.fields
    }

    /// The fields that all examples share.
    pub fn shared(&self) -> &[Arc<Vec<T>>] {
        &self.shared
    }

    /// The number of values that a graph reads of each field for an example, shared ones last.
    pub(crate) fn widths(&self) -> Vec<usize> {
        let shared = self.shared.iter().map(|values| values.len());
        self.fields.iter().map(|field| field.width).chain(shared).collect()
    }

    /// The values of each field for some examples, as a graph reads them.
    pub(crate) fn read(&self, examples: Range<usize>) -> Vec<&[T]> {
        let part = |field: &Field<T>| examples.start * field.width..examples.end * field.width;
        let own = self.fields.iter().map(|field| &field.values[part(field)]);
        own.chain(self.shared.iter().map(|values| values.as_slice())).collect()
    }

    /// The examples at `indices`, copied, in that order.
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::NoExamples`].
    pub fn select(&self, indices: &[usize]) -> Result<Self, Error> {
        if let Some(&index) = indices.iter().find(|&&index| index >= self.len) {
            return Err(Error::Index { examples: self.len, index });
        }
        let select = |field: &Field<T>| {
            let row = |&index: &usize| &field.values[index * field.width..(index + 1) * field.width];
            Field { width: field.width, values: Arc::new(indices.iter().flat_map(row).copied().collect()) }
        };
        Ok(Self::new(indices.len(), self.fields.iter().map(select).collect())?.with_shared(self.shared.clone()))
    }

    /// The same, with the first field of each changed: see [`changed`](Self::changed).
    ///
    /// # Errors
    /// [`Error::Index`], [`Error::NoExamples`].
    pub fn select_with(&self, indices: &[usize], change: &mut dyn FnMut(usize, &mut [T])) -> Result<Self, Error> {
        Ok(self.select(indices)?.changed(change))
    }

    /// These examples with the first field of each changed: `change` gets the place of an example and its values. They are copied if others have them, too.
    #[must_use]
    pub fn changed(mut self, change: &mut dyn FnMut(usize, &mut [T])) -> Self {
        if let Some(field) = self.fields.first_mut() {
            let rows = Arc::make_mut(&mut field.values).chunks_exact_mut(field.width.max(1));
            rows.enumerate().for_each(|(place, row)| change(place, row));
        }
        self
    }
}
