//! Parameters as safetensors files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use onedge_objective::Real;
use onedge_registry::nearest;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use onedge_train::Layout;

use crate::{Error, ParameterError, write_whole};

/// Writes `w` in its own precision, with `about` as the metadata of the file.
///
/// # Errors
/// [`Error::Write`].
///
/// # Panics
/// If `w` is not as long as the layouts say.
pub fn save<T: Real>(path: &Path, layouts: &[Layout], w: &[T], about: &BTreeMap<String, String>) -> Result<(), Error> {
    assert_eq!(w.len(), layouts.iter().map(Layout::size).sum::<usize>(), "parameters: lengths differ");
    let (dtype, bytes): (Dtype, Vec<u8>) = match T::NAME {
        "f32" => (Dtype::F32, w.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect()),
        _ => (Dtype::F64, w.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect()),
    };
    let invalid = |source| Error::from(ParameterError::Safetensors { path: path.to_owned(), source });
    let mut rest = &bytes[..];
    let mut views = Vec::with_capacity(layouts.len());
    for layout in layouts {
        let (own, others) = rest.split_at(layout.size() * size_of::<T>());
        rest = others;
        views.push((layout.name.as_str(), TensorView::new(dtype, layout.shape.clone(), own).map_err(invalid)?));
    }
    let about = (!about.is_empty()).then(|| about.clone().into_iter().collect());
    write_whole(path, &serialize(views, about).map_err(invalid)?)
}

/// The metadata of a file of parameters; none if it has none.
///
/// # Errors
/// [`Error::Read`], [`ParameterError::Safetensors`].
pub fn metadata(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    let bytes = fs::read(path).map_err(Error::read(path))?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes)
        .map_err(|source| ParameterError::Safetensors { path: path.to_owned(), source })?;
    Ok(metadata.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// Reads the parameters that `layouts` describe, whether stored in single or double precision.
///
/// # Errors
/// [`Error::Read`], [`ParameterError::Safetensors`]; a tensor that is missing, too many, of another shape or type, or holds a
/// number that is not finite.
pub fn load<T: Real>(path: &Path, layouts: &[Layout]) -> Result<Vec<T>, Error> {
    let bytes = fs::read(path).map_err(Error::read(path))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|source| ParameterError::Safetensors { path: path.to_owned(), source })?;
    let mut w = Vec::with_capacity(layouts.iter().map(Layout::size).sum());
    for layout in layouts {
        let name = layout.name.clone();
        let Ok(view) = file.tensor(&name) else {
            return Err(missing(path, layout, layouts, &file).into());
        };
        if view.shape() != layout.shape {
            let (expected, got) = (layout.shape.clone(), view.shape().to_vec());
            return Err(ParameterError::TensorShape { path: path.to_owned(), name, expected, got }.into());
        }
        let from = w.len();
        match view.dtype() {
            Dtype::F32 => w.extend(words(view.data()).map(|word| T::from_f64(f32::from_le_bytes(word).into()))),
            Dtype::F64 => w.extend(words(view.data()).map(|word| T::from_f64(f64::from_le_bytes(word)))),
            other => {
                return Err(
                    ParameterError::TensorType { path: path.to_owned(), name, got: format!("{other:?}") }.into()
                );
            }
        }
        if let Some(index) = w[from..].iter().position(|x: &T| !x.is_finite()) {
            let value = w[from + index].to_f64();
            return Err(ParameterError::TensorValue { path: path.to_owned(), name, index, value }.into());
        }
    }
    let extra = file.names().into_iter().find(|name| layouts.iter().all(|layout| layout.name != *name));
    match extra {
        None => Ok(w),
        Some(name) => {
            let known: Vec<&str> = layouts.iter().map(|layout| layout.name.as_str()).collect();
            let nearest = nearest(name, &known);
            Err(ParameterError::ExtraTensor { path: path.to_owned(), name: name.to_owned(), nearest }.into())
        }
    }
}

/// What belongs to another parameter, or has another shape, is not the one that is missing.
fn missing(path: &Path, layout: &Layout, layouts: &[Layout], file: &SafeTensors<'_>) -> ParameterError {
    let held = file.names();
    let is_free = |name: &&str| layouts.iter().all(|other| other.name != **name);
    let fits = |name: &&str| file.tensor(name).is_ok_and(|view| view.shape() == layout.shape);
    let free: Vec<&str> = held.iter().copied().filter(|name| is_free(name) && fits(name)).collect();
    ParameterError::MissingTensor {
        path: path.to_owned(),
        name: layout.name.clone(),
        shape: layout.shape.clone(),
        count: held.len(),
        nearest: nearest(&layout.name, &free),
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
        save(&path, &layouts, &(0..size).map(|i| 0.1 + i as f64).collect::<Vec<_>>(), &BTreeMap::new()).unwrap();
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
        let about = BTreeMap::from([("of".to_owned(), "{\"é\": 1}".to_owned())]);
        assert_eq!(metadata(&path).unwrap(), BTreeMap::new());
        save(&path, &layouts(TWO), &single, &about).unwrap();
        assert_eq!(load::<f32>(&path, &layouts(TWO)).unwrap(), single);
        assert_eq!(metadata(&path).unwrap(), about);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(
            message(&[TWO[0], ("layers.0.bia", &[3])]),
            "tensor `layers.0.bias` is missing, expected one of shape [3], got a file of 2 others; try renaming \
             `layers.0.bia`"
        );
        // Neither what is another parameter's nor what has another shape.
        for others in [&[TWO[0]][..], &[TWO[0], ("layers.1.bias", &[4])]] {
            let text = message(others);
            assert!(text.starts_with("tensor `layers.0.bias` is missing, expected one of shape [3], got a file of "));
            assert!(
                text.ends_with("; try a file of this model's parameters, or the model that the file is of"),
                "{text}"
            );
        }
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
        assert!(matches!(
            load::<f32>(&path, &layouts(TWO)),
            Err(Error::Parameters(ParameterError::Safetensors { .. }))
        ));
        fs::write(&path, b"not a file of tensors").unwrap();
        assert!(matches!(
            load::<f32>(&path, &layouts(TWO)),
            Err(Error::Parameters(ParameterError::Safetensors { .. }))
        ));
        let mut spoilt = bytes.clone();
        let at = spoilt.len() - 8;
        spoilt[at..].copy_from_slice(&f64::NAN.to_le_bytes());
        fs::write(&path, spoilt).unwrap();
        let text = load::<f64>(&path, &layouts(TWO)).unwrap_err().to_string();
        assert!(text.contains("tensor `layers.0.weight`: expected finite numbers, element 5 is NaN"), "{text}");
    }
}
