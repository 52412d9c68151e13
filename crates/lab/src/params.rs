//! Parameters as safetensors files.

use std::fs;
use std::path::Path;

use onedge_objective::{Layer, Real};
use onedge_registry::nearest;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use crate::Error;
use crate::records::write_whole;

/// The name and shape of one tensor; tensors lie in the flat parameter vector one after the other, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// `layers.0.weight`
    pub name: String,
    /// `[in, out]`
    pub shape: Vec<usize>,
}

impl Layout {
    /// The number of elements.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// The same tensors with their places in the flat vector.
    pub fn layers(layouts: &[Self]) -> Vec<Layer> {
        Layer::in_order(layouts.iter().map(|layout| (layout.name.as_str(), layout.shape.clone())))
    }
}

/// Writes `w` in its own precision.
///
/// # Errors
/// [`Error::Write`].
///
/// # Panics
/// If `w` is not as long as the layouts say.
pub fn save<T: Real>(path: &Path, layouts: &[Layout], w: &[T]) -> Result<(), Error> {
    assert_eq!(w.len(), layouts.iter().map(Layout::size).sum::<usize>(), "parameters: lengths differ");
    let (dtype, bytes): (Dtype, Vec<u8>) = match T::NAME {
        "f32" => (Dtype::F32, w.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect()),
        _ => (Dtype::F64, w.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect()),
    };
    let invalid = |source| Error::Safetensors { path: path.to_owned(), source };
    let mut rest = &bytes[..];
    let mut views = Vec::with_capacity(layouts.len());
    for layout in layouts {
        let (own, others) = rest.split_at(layout.size() * size_of::<T>());
        rest = others;
        views.push((layout.name.as_str(), TensorView::new(dtype, layout.shape.clone(), own).map_err(invalid)?));
    }
    write_whole(path, &serialize(views, None).map_err(invalid)?)
}

/// Reads the parameters that `layouts` describe, whether stored in single or double precision.
///
/// # Errors
/// [`Error::Read`], [`Error::Safetensors`]; a tensor that is missing, too many, of another shape or type, or holds a
/// number that is not finite.
pub fn load<T: Real>(path: &Path, layouts: &[Layout]) -> Result<Vec<T>, Error> {
    let bytes = fs::read(path).map_err(Error::read(path))?;
    let file =
        SafeTensors::deserialize(&bytes).map_err(|source| Error::Safetensors { path: path.to_owned(), source })?;
    let mut w = Vec::with_capacity(layouts.iter().map(Layout::size).sum());
    for layout in layouts {
        let name = layout.name.clone();
        let Ok(view) = file.tensor(&name) else {
            let held = file.names();
            let nearest = nearest(&name, &held.into_iter().collect::<Vec<_>>());
            return Err(Error::MissingTensor { path: path.to_owned(), name, shape: layout.shape.clone(), nearest });
        };
        if view.shape() != layout.shape {
            let (expected, got) = (layout.shape.clone(), view.shape().to_vec());
            return Err(Error::TensorShape { path: path.to_owned(), name, expected, got });
        }
        let from = w.len();
        match view.dtype() {
            Dtype::F32 => w.extend(words(view.data()).map(|word| T::from_f64(f32::from_le_bytes(word).into()))),
            Dtype::F64 => w.extend(words(view.data()).map(|word| T::from_f64(f64::from_le_bytes(word)))),
            other => return Err(Error::TensorType { path: path.to_owned(), name, got: format!("{other:?}") }),
        }
        if let Some(index) = w[from..].iter().position(|x: &T| !x.is_finite()) {
            let value = w[from + index].to_f64();
            return Err(Error::TensorValue { path: path.to_owned(), name, index, value });
        }
    }
    let extra = file.names().into_iter().find(|name| layouts.iter().all(|layout| layout.name != *name));
    match extra {
        None => Ok(w),
        Some(name) => {
            let known: Vec<&str> = layouts.iter().map(|layout| layout.name.as_str()).collect();
            let nearest = nearest(name, &known);
            Err(Error::ExtraTensor { path: path.to_owned(), name: name.to_owned(), nearest })
        }
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks().0.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layouts(entries: &[(&str, &[usize])]) -> Vec<Layout> {
        entries.iter().map(|(name, shape)| Layout { name: (*name).to_owned(), shape: shape.to_vec() }).collect()
    }

    const TWO: &[(&str, &[usize])] = &[("layers.0.weight", &[2, 3]), ("layers.0.bias", &[3])];

    fn stored(entries: &[(&str, &[usize])]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.safetensors");
        let layouts = layouts(entries);
        let size = layouts.iter().map(Layout::size).sum::<usize>();
        save(&path, &layouts, &(0..size).map(|i| 0.1 + i as f64).collect::<Vec<_>>()).unwrap();
        (folder, path)
    }

    fn message(entries: &[(&str, &[usize])]) -> String {
        let (_folder, path) = stored(entries);
        let text = load::<f32>(&path, &layouts(TWO)).unwrap_err().to_string();
        text.split_once("p.safetensors: ").unwrap().1.to_owned()
    }

    #[test]
    fn both_precisions_round_trip_in_any_order() {
        let (_folder, path) = stored(&[TWO[1], TWO[0]]);
        let expected: Vec<f64> = (3..9).chain(0..3).map(|i| 0.1 + f64::from(i)).collect();
        assert_eq!(load::<f64>(&path, &layouts(TWO)).unwrap(), expected);
        let single: Vec<f32> = load(&path, &layouts(TWO)).unwrap();
        assert_eq!(single[0], 3.1);
        save(&path, &layouts(TWO), &single).unwrap();
        assert_eq!(load::<f32>(&path, &layouts(TWO)).unwrap(), single);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(
            message(&[TWO[0], ("layers.0.bia", &[3])]),
            "tensor `layers.0.bias` is missing, expected one of shape [3]; try renaming `layers.0.bia`"
        );
        assert_eq!(
            message(&[TWO[0], TWO[1], ("layers.1.bias", &[1])]),
            "tensor `layers.1.bias` belongs to no parameter of this model; try removing it or another model \
             (nearest: `layers.0.bias`)"
        );
        assert_eq!(
            message(&[("layers.0.weight", &[3, 2]), TWO[1]]),
            "tensor `layers.0.weight`: expected shape [2, 3], got [3, 2]; try transposing it or another model"
        );
    }

    #[test]
    fn files_that_are_none_are_refused() {
        let (_folder, path) = stored(TWO);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        assert!(matches!(load::<f32>(&path, &layouts(TWO)), Err(Error::Safetensors { .. })));
        fs::write(&path, b"not a file of tensors").unwrap();
        assert!(matches!(load::<f32>(&path, &layouts(TWO)), Err(Error::Safetensors { .. })));
        let mut spoilt = bytes.clone();
        let at = spoilt.len() - 8;
        spoilt[at..].copy_from_slice(&f64::NAN.to_le_bytes());
        fs::write(&path, spoilt).unwrap();
        let text = load::<f64>(&path, &layouts(TWO)).unwrap_err().to_string();
        assert!(text.contains("tensor `layers.0.weight`: expected finite numbers, element 5 is NaN"), "{text}");
    }
}
