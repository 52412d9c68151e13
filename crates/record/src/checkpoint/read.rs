use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use onedge_objective::{Real, State};
use onedge_tune::TrainerState;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::Error;
use crate::checkpoint::file::{FORMAT, FORMAT_VERSION, checksum};
use crate::checkpoint::{About, Checkpoint, CheckpointError};
use onedge_train::Layout;
use onedge_train::Snapshot;

impl<T: Real> Checkpoint<T> {
    /// Reads the file of a run of this precision, whose parameters lie as `layouts` say.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`] for a file that cannot be read or is not as it was written; [`CheckpointError::OtherParameters`].
    pub fn read(path: &Path, layouts: &[Layout]) -> Result<Self, Error> {
        let damaged = damage(path);
        let (bytes, about) = whole(path)?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(&error.to_string()))?;
        let w = parameters(path, &file, layouts)?;
        let (snapshot, records) =
            sections(&file, w).ok_or_else(|| damaged("a tensor has another type than its run"))?;
        Ok(Self { about, snapshot, records })
    }
}

impl About {
    /// Reads what a checkpoint is of, once its checksum was compared.
    ///
    /// # Errors
    /// [`CheckpointError::Damaged`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        whole(path).map(|(_, about)| about)
    }
}

fn damage(path: &Path) -> impl Fn(&str) -> Error + '_ {
    move |what| CheckpointError::Damaged { path: path.to_owned(), what: what.to_owned() }.into()
}

/// A file that is as it was written, and what it is of.
fn whole(path: &Path) -> Result<(Vec<u8>, About), Error> {
    let damaged = damage(path);
    let bytes = fs::read(path).map_err(|error| damaged(&format!("it cannot be read: {error}")))?;
    let (_, head) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(&error.to_string()))?;
    let metadata = head.metadata().clone().unwrap_or_default();
    let text = |key: &str| metadata.get(key).cloned().ok_or_else(|| damaged("its header is incomplete"));
    match (text("format")?.as_str(), text("format_version")?.as_str()) {
        (FORMAT, FORMAT_VERSION) => {}
        (FORMAT, version) => {
            let message = format!("it has format version {version}, expected {FORMAT_VERSION}");
            return Err(damaged(&format!("{message}; try the version of onedge that wrote it")));
        }
        _ => return Err(damaged("it is no checkpoint")),
    }
    if checksum(&bytes).as_ref() != Some(&text("sha256")?) {
        return Err(damaged("its checksum does not match"));
    }
    let about = About {
        step: text("step")?.parse().map_err(|_| damaged("its step is no number"))?,
        spec: text("spec")?,
        data: text("data_sha256")?,
        version: text("version")?,
    };
    Ok((bytes, about))
}

fn parameters<T: Real>(path: &Path, file: &SafeTensors<'_>, layouts: &[Layout]) -> Result<Vec<T>, Error> {
    let other = |name: &str, expected: String, got: String| {
        let origin = path.display().to_string();
        Err(CheckpointError::OtherParameters { origin, name: name.to_owned(), expected, got }.into())
    };
    let mut w = Vec::with_capacity(layouts.iter().map(Layout::size).sum());
    for Layout { name, shape } in layouts {
        match file.tensor(&format!("parameters/{name}")) {
            Ok(view) if view.shape() == shape && view.dtype() == dtype::<T>() => w.extend(T::from_bytes(view.data())),
            Ok(view) => {
                let got = format!("{:?} of shape {:?}", view.dtype(), view.shape());
                return other(name, format!("{:?} of shape {shape:?}", dtype::<T>()), got);
            }
            Err(_) => return other(name, format!("one of shape {shape:?}"), "none".to_owned()),
        }
    }
    let names = file.names().into_iter().filter_map(|name| name.strip_prefix("parameters/"));
    match names.into_iter().find(|name| layouts.iter().all(|layout| layout.name != **name)) {
        None => Ok(w),
        Some(name) => other(name, "none".to_owned(), "one".to_owned()),
    }
}

/// All but the parameters, which are there already; `None` if a type is not what it must be.
fn sections<T: Real>(file: &SafeTensors<'_>, w: Vec<T>) -> Option<(Snapshot<T>, State<f64>)> {
    let (trainer, optimizer, tuner) = (State::new(), State::new(), State::new());
    let method = TrainerState { trainer, optimizer, tuner };
    let mut snapshot = Snapshot { w, method, diagnostics: BTreeMap::new(), progress: State::new() };
    let mut records = State::new();
    for (name, view) in file.iter() {
        let (section, name) = name.split_once('/')?;
        match section {
            "parameters" => {}
            "trainer" => put(&mut snapshot.method.trainer, name, &view)?,
            "optimizer" => put(&mut snapshot.method.optimizer, name, &view)?,
            "tuner" => put(&mut snapshot.method.tuner, name, &view)?,
            "run" => put(&mut snapshot.progress, name, &view)?,
            "records" => put(&mut records, name, &view)?,
            "diagnostics" => {
                let (diagnostic, name) = name.split_once('/')?;
                put(snapshot.diagnostics.entry(diagnostic.to_owned()).or_default(), name, &view)?;
            }
            _ => return None,
        }
    }
    Some((snapshot, records))
}

fn put<U: Real>(state: &mut State<U>, name: &str, view: &TensorView<'_>) -> Option<()> {
    if view.shape().is_empty() {
        let value = f64::from_bytes(view.data()).first().copied().filter(|_| view.dtype() == Dtype::F64)?;
        state.scalars.insert(name.to_owned(), value);
    } else if view.dtype() == dtype::<U>() {
        state.vectors.insert(name.to_owned(), U::from_bytes(view.data()));
    } else {
        return None;
    }
    Some(())
}

fn dtype<T: Real>() -> Dtype {
    if T::NAME == f32::NAME { Dtype::F32 } else { Dtype::F64 }
}
