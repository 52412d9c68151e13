use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use onedge_objective::{Real, State};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::checkpoint::file::{FORMAT, FORMAT_VERSION, NO_SUM, sum_place};
use crate::checkpoint::{About, Checkpoint};
use crate::write_whole_by;
use onedge_text::hex;
use onedge_train::Layout;
use onedge_train::Snapshot;

/// Elements that are converted, hashed and written at a time.
const BLOCK: usize = 1 << 16;

/// The elements of a tensor.
enum Elements<'a, T> {
    Own(&'a [T]),
    Double(&'a [f64]),
}

struct Tensor<'a, T> {
    name: String,
    shape: Vec<usize>,
    elements: Elements<'a, T>,
}

impl<T: Real> Checkpoint<T> {
    /// Writes the file, whole or not at all. `layouts` says how the parameters lie.
    ///
    /// # Errors
    /// [`Error::Write`].
    ///
    /// # Panics
    /// If the parameters are not as long as the layouts say.
    pub fn write(&self, path: &Path, layouts: &[Layout]) -> Result<(), Error> {
        let tensors = self.tensors(layouts);
        let head = self.head(&tensors).map_err(|error| Error::write(path)(error.into()))?;
        write_whole_by(path, |file| {
            let mut out = BufWriter::with_capacity(1 << 20, &mut *file);
            let mut hash = Sha256::new();
            let mut put = |bytes: &[u8]| {
                hash.update(bytes);
                out.write_all(bytes)
            };
            put(&head)?;
            tensors.iter().try_for_each(|tensor| tensor.elements.write(&mut put))?;
            out.flush()?;
            drop(out);
            file.seek(SeekFrom::Start(sum_place(&head).unwrap_or_default() as u64))?;
            file.write_all(hex(hash.finalize()).as_bytes())
        })
    }

    fn tensors(&self, layouts: &[Layout]) -> Vec<Tensor<'_, T>> {
        let Snapshot { w, method, diagnostics, progress } = &self.snapshot;
        assert_eq!(w.len(), layouts.iter().map(Layout::size).sum::<usize>(), "parameters: lengths differ");
        // Doubles first, so that everything is aligned.
        let mut tensors = Vec::new();
        for (section, state) in [("tuner", &method.tuner), ("run", progress), ("records", &self.records)] {
            add_scalars(&mut tensors, section, state);
            add_vectors(&mut tensors, section, state, |vector| Elements::Double(vector));
        }
        let named = diagnostics.iter().map(|(name, state)| (format!("diagnostics/{name}"), state));
        let own = [("trainer".to_owned(), &method.trainer), ("optimizer".to_owned(), &method.optimizer)];
        let own: Vec<(String, &State<T>)> = own.into_iter().chain(named).collect();
        own.iter().for_each(|(section, state)| add_scalars(&mut tensors, section, state));
        let mut rest = &w[..];
        for layout in layouts {
            let (elements, others) = rest.split_at(layout.size());
            rest = others;
            let (name, shape) = (format!("parameters/{}", layout.name), layout.shape.clone());
            tensors.push(Tensor { name, shape, elements: Elements::Own(elements) });
        }
        own.iter().for_each(|(section, state)| add_vectors(&mut tensors, section, state, |v| Elements::Own(v)));
        tensors
    }

    /// Length and header, as the format wants them.
    fn head(&self, tensors: &[Tensor<'_, T>]) -> serde_json::Result<Vec<u8>> {
        let About { step, spec, data, version } = &self.about;
        let mut head = serde_json::Map::new();
        let metadata = json!({
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "sha256": NO_SUM,
            "step": step.to_string(),
            "version": version,
            "data_sha256": data,
            "spec": spec,
        });
        head.insert("__metadata__".to_owned(), metadata);
        let mut start = 0;
        for tensor in tensors {
            let (dtype, size) = tensor.elements.kind();
            let end = start + size;
            let about = json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, end] });
            head.insert(tensor.name.clone(), about);
            start = end;
        }
        let mut text = serde_json::to_vec(&head)?;
        text.resize(text.len().next_multiple_of(8), b' ');
        Ok([&(text.len() as u64).to_le_bytes()[..], &text].concat())
    }
}

impl<T: Real> Elements<'_, T> {
    /// The name of the type, and how many bytes there are.
    fn kind(&self) -> (String, usize) {
        match self {
            Self::Own(values) => (T::NAME.to_uppercase(), size_of_val(*values)),
            Self::Double(values) => (f64::NAME.to_uppercase(), size_of_val(*values)),
        }
    }

    fn write(&self, put: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Own(values) => write(values, put),
            Self::Double(values) => write(values, put),
        }
    }
}

fn write<U: Real>(values: &[U], put: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut bytes = Vec::new();
    for block in values.chunks(BLOCK) {
        bytes.clear();
        U::to_bytes(block, &mut bytes);
        put(&bytes)?;
    }
    Ok(())
}

fn add_scalars<'a, T, U>(tensors: &mut Vec<Tensor<'a, T>>, section: &str, state: &'a State<U>) {
    tensors.extend(state.scalars.iter().map(|(name, value)| Tensor {
        name: format!("{section}/{name}"),
        shape: Vec::new(),
        elements: Elements::Double(std::slice::from_ref(value)),
    }));
}

fn add_vectors<'a, T, U>(
    tensors: &mut Vec<Tensor<'a, T>>,
    section: &str,
    state: &'a State<U>,
    elements: fn(&'a [U]) -> Elements<'a, T>,
) {
    tensors.extend(state.vectors.iter().map(|(name, vector)| Tensor {
        name: format!("{section}/{name}"),
        shape: vec![vector.len()],
        elements: elements(vector),
    }));
}
