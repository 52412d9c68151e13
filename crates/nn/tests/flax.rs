//! First values of the paper's models against those of Flax, in which they are written
//! (`tools/reference/initialisations.py`).

use std::collections::BTreeMap;

use onedge_nn::{Io, Model, initial_parameters, models};
use onedge_registry::Value;

/// Mean and standard deviation, the fourth moment over the squared variance, the largest over the standard deviation.
fn moments(values: &[f64]) -> [f64; 4] {
    let mean_of = |of: &dyn Fn(f64) -> f64| values.iter().map(|&x| of(x)).sum::<f64>() / values.len() as f64;
    let mean = mean_of(&|x| x);
    let std = mean_of(&|x| (x - mean).powi(2)).sqrt();
    if std == 0.0 {
        return [mean, 0.0, 0.0, 0.0];
    }
    let largest = values.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    [mean, std, mean_of(&|x| (x - mean).powi(4)) / std.powi(4), largest / std]
}

fn paper(model: &str) -> Model {
    let flax = "init=lecun-truncated last_init=lecun-truncated";
    let (name, settings, io): (&str, String, Io) = match model {
        "nanolm" => ("nanolm", "preset=paper".to_owned(), Io::new(&[64], 65).unwrap()),
        "resnet34" => ("resnet", format!("preset=resnet34 norm=none {flax}"), Io::new(&[3, 32, 32], 10).unwrap()),
        "mixer" => ("mixer", format!("preset=ti-8 {flax}"), Io::new(&[3, 32, 32], 10).unwrap()),
        "vit" => {
            let settings = "preset=ti-32 embed_init=lecun-truncated last_init=lecun-truncated".to_owned();
            ("vit", settings, Io::new(&[3, 224, 224], 10).unwrap())
        }
        "mlp" => ("mlp", format!("hidden=[256] {flax}"), Io::new(&[3, 8, 8], 10).unwrap()),
        other => panic!("{other}: which model is that?"),
    };
    let setting = |text: &str| text.split_once('=').map(|(key, value)| (key.to_owned(), Value::parse(value))).unwrap();
    models::build(name, settings.split(' ').map(setting).collect(), &io).unwrap()
}

/// Sampled on both sides: differences of up to five standard errors.
#[test]
fn the_papers_models_start_as_in_flax() {
    let text = include_str!("reference/flax.csv");
    let mut built: BTreeMap<&str, Model> = BTreeMap::new();
    for line in text.lines().skip(2) {
        let cells: Vec<&str> = line.split(',').collect();
        let (name, numbers) = (cells[1], cells[2..].iter().map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>());
        let &[draws, mean, deviation, fourth, largest] = &numbers[..] else { panic!("{line}") };
        let model = built.entry(cells[0]).or_insert_with(|| paper(cells[0]));
        let parameter = model.parameters().iter().find(|parameter| parameter.name == name);
        let parameter = parameter.unwrap_or_else(|| panic!("{}: no {name}", cells[0])).clone();
        // As the script counts it: of a table the width, of all else what reaches one output.
        let (last, outer) = parameter.shape.split_last().unwrap();
        let fan_in = match (name, outer.iter().product::<usize>()) {
            ("tokens" | "positions", _) => *last,
            (_, inputs) => inputs,
        };
        let mut values: Vec<f64> = Vec::new();
        for seed in 0.. {
            values.extend(initial_parameters::<f64>(std::slice::from_ref(&parameter), seed));
            if values.len() as f64 >= draws {
                break;
            }
        }
        let [mut got_mean, mut got_deviation, got_fourth, got_largest] = moments(&values);
        got_mean *= (fan_in as f64).sqrt();
        got_deviation *= (fan_in as f64).sqrt();
        if deviation == 0.0 {
            assert_eq!([got_mean, got_deviation], [mean, 0.0], "{line}");
            continue;
        }
        // Of the difference of two samples; the fourth moment of a normal distribution is the widest of them.
        let error = 5.0 * (2.0 / draws).sqrt();
        assert!((got_mean - mean).abs() < error * deviation, "{line}: mean {got_mean}");
        assert!((got_deviation / deviation - 1.0).abs() < error, "{line}: deviation {got_deviation}");
        assert!((got_fourth - fourth).abs() < error * 24.0_f64.sqrt(), "{line}: fourth moment {got_fourth}");
        // Bounded ones come close to their bounds, which no draw passes; normal ones reach between 4 and 6 deviations.
        if fourth < 2.9 {
            assert!((got_largest - largest).abs() < 0.01, "{line}: largest {got_largest}");
        } else {
            assert!(
                (4.0..6.0).contains(&got_largest) && (4.0..6.0).contains(&largest),
                "{line}: largest {got_largest}"
            );
        }
    }
    assert_eq!(built.len(), 5);
}

/// What no preset of a size changes: a model of these words starts with the bits that it always had.
#[test]
fn small_presets_start_as_before() {
    let build = |settings: &[(&str, &str)]| {
        let given = settings.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect();
        models::build("nanolm", given, &Io::new(&[8], 11).unwrap()).unwrap()
    };
    let first = |model: &Model| initial_parameters::<f64>(&model.parameters()[..2], 3);
    let (small, said) = (build(&[]), build(&[("embed_init", "gpt"), ("init", "lecun"), ("last_init", "lecun")]));
    assert_eq!(first(&small), first(&said));
    let [_, deviation, ..] = moments(&first(&small));
    assert!((deviation / 0.02 - 1.0).abs() < 0.05, "{deviation}");
}
