//! A trained model as an ONNX file.

use std::path::Path;

use onedge_data::table::{Role, TableEncoding};
use onedge_data::{Answers, Meaning, Scaling as DataScaling};
use onedge_onnx::{Scaling, of_model};
use onedge_record::RunDirectory;
use onedge_spec::{Precision, Spec};
use onedge_train::Element;

use crate::trained::Trained;
use crate::{Error, Point};

/// The model of the run in the folder `run`, whose spec is `spec`, with the parameters at `point` as the bytes of an ONNX file, and a few words on
/// which parameters these are. They are in single precision, those of a run in double precision, too.
///
/// Its input is that of the data before scaling, which is part of the file; of a table its categories are 0 and 1 and missing numbers filled in. The file's
/// metadata say what is needed for that and for reading outputs, each as JSON but `spec`: `spec` (the settings of the run), `meaning` (meaning.json),
/// `class_names` of classes and, of a table, `encoding` (encoding.json) and `input_names`.
///
/// # Errors
/// [`onedge_onnx::Error`] for a model that ONNX has no operators for; [`Error::NoMeaning`] for a run of an earlier version; those of
/// [`Point::locate`].
pub fn onnx(run: &Path, spec: &Spec, point: &Point) -> Result<(Vec<u8>, String), Error> {
    match spec.precision {
        Precision::F32 => onnx_of(&Trained::<f32>::open(spec, run, point)?),
        Precision::F64 => onnx_of(&Trained::<f64>::open(spec, run, point)?),
    }
}

fn onnx_of<T: Element>(trained: &Trained<'_, T>) -> Result<(Vec<u8>, String), Error> {
    let Trained { spec, run, meaning, model, w, words, .. } = trained;
    let encoding: Option<TableEncoding> = RunDirectory::at(run).read_encoding()?;
    let w: Vec<f32> = w.iter().map(|w| w.to_f64() as f32).collect();
    let scaling = encoding.as_ref().map_or_else(|| of_data(meaning), of_table);
    let metadata = metadata(spec, meaning, encoding.as_ref());
    Ok((of_model(&spec.model.name, model, &w, scaling.as_ref(), &metadata)?, words.clone()))
}

fn of_data(meaning: &Meaning) -> Option<Scaling> {
    let features = meaning.input_shape.iter().product();
    let (means, deviations) = match &meaning.scaling {
        DataScaling::None => return None,
        DataScaling::Unit { full_scale } => (vec![0.0; features], vec![f64::from(*full_scale); features]),
        DataScaling::Standard { means, deviations } => (means.clone(), deviations.clone()),
    };
    Some(Scaling { means, deviations, double: false })
}

fn of_table(encoding: &TableEncoding) -> Option<Scaling> {
    let mut scaling = Scaling { means: Vec::new(), deviations: Vec::new(), double: false };
    for column in encoding.columns() {
        let mut width = column.role.width();
        if let Role::Number { mean, scale, single, .. } = column.role {
            scaling.means.push(mean);
            scaling.deviations.push(scale);
            scaling.double |= !single;
            width -= 1;
        }
        scaling.means.extend(vec![0.0; width]);
        scaling.deviations.extend(vec![1.0; width]);
    }
    let none = scaling.means.iter().all(|&mean| mean == 0.0) && scaling.deviations.iter().all(|&scale| scale == 1.0);
    (!none).then_some(scaling)
}

fn metadata(spec: &Spec, meaning: &Meaning, encoding: Option<&TableEncoding>) -> Vec<(String, String)> {
    let mut all = vec![("spec".to_owned(), spec.settings_to_toml())];
    let mut push = |key: &str, value: serde_json::Value| all.push((key.to_owned(), value.to_string()));
    push("meaning", serde_json::json!(meaning));
    if let Answers::Classes { names, .. } = &meaning.target
        && !names.is_empty()
    {
        push("class_names", names.clone().into());
    }
    if let Some(encoding) = encoding {
        push("input_names", encoding.input_names().into());
        push("encoding", serde_json::json!(encoding));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use onedge_spec::Document;

    use super::*;
    use crate::{DataSets, Moment, Place, Request, execute};

    #[test]
    fn a_run_on_a_table_is_written_with_what_its_inputs_are() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("t.csv");
        std::fs::write(&table, "a,town,y\n1,Ulm,no\n2,Bonn,yes\n4,Ulm,no\n").unwrap();
        let mut document = Document::empty("defaults");
        let path = format!("data.path={}", table.display());
        for setting in ["data=csv", path.as_str(), "steps=2", "model.hidden=[3]", "precision=f64"] {
            document.set(setting).unwrap();
        }
        let run = folder.path().join("run");
        let mut data_sets = DataSets::new(None);
        let spec = Spec::resolve(&document).unwrap();
        let request = Request { spec: &spec, place: Place::At(&run), register: None, start: None, save: None };
        execute(&request, &mut data_sets, &mut |_| {}, &AtomicBool::new(false)).unwrap();
        let point = Point::Of(run.clone(), Moment::Last);
        let spec = Spec::resolve(&Document::read(&run.join("spec.toml")).unwrap()).unwrap();
        let (bytes, words) = onnx(&run, &spec, &point).unwrap();
        let has = |part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
        for part in ["[\"no\",\"yes\"]", "[\"a\",\"town = Bonn\",\"town = Ulm\"]", "layers.1.bias", "name = \"csv\""] {
            assert!(has(part), "{part}");
        }
        assert!(words.starts_with("the last parameters of "), "{words}");
        // The table is not needed any more.
        std::fs::remove_file(&table).unwrap();
        assert_eq!(onnx(&run, &spec, &point).unwrap().0, bytes);
        // Mean and deviation of 1, 2 and 4; categories stay as they are.
        let encoding: TableEncoding = RunDirectory::at(&run).read_encoding().unwrap().unwrap();
        let Scaling { means, deviations, double } = of_table(&encoding).unwrap();
        assert!((means[0] - 7.0 / 3.0).abs() < 1e-12 && (deviations[0] - (14.0f64 / 9.0).sqrt()).abs() < 1e-12);
        assert_eq!((&means[1..], &deviations[1..], double), (&[0.0, 0.0][..], &[1.0, 1.0][..], true));
    }
}
