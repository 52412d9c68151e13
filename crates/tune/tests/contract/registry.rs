//! Names, settings, defaults.

use std::collections::BTreeMap;

use onedge_objective::Layer;
use onedge_registry::{Default, Kind, Setting, Settings, Value};
use onedge_spectrum::Lanczos;
use onedge_tune::optimizers::{DecayOn, Matrices};
use onedge_tune::tuners::{BarzilaiBorwein, Variant, Year};
use onedge_tune::{Optimizer, Trainer, Tuner, optimizers, tuners};

use crate::problems::{Quadratic, given, layers, optimizer};

#[test]
fn names_are_unique_and_in_kebab_case() {
    let optimizers: Vec<&str> = optimizers::ALL.iter().map(|entry| entry.name).collect();
    let tuners: Vec<&str> = tuners::ALL.iter().map(|entry| entry.name).collect();
    for mut names in [optimizers, tuners] {
        let count = names.len();
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}

#[test]
fn entries_build_in_both_precisions_and_say_what_they_are() {
    for entry in optimizers::ALL {
        let settings = Settings::resolve(entry, given(entry)).unwrap();
        let (single, double) =
            (entry.build.make::<f32>(&settings).unwrap(), entry.build.make::<f64>(&settings).unwrap());
        assert_eq!(single.edge(), double.edge());
        assert!(!entry.summary.is_empty() && entry.doc.len() > 20);
    }
    for entry in tuners::ALL {
        tuners::build(entry.name, given(entry)).unwrap();
        assert!(!entry.summary.is_empty() && entry.doc.len() > 20);
    }
}

/// No numeric setting accepts NaN or a large negative number, and no integer a negative one; the error names the key.
#[test]
fn settings_are_checked() {
    let check =
        |name: &str, settings: &[Setting], base: BTreeMap<String, Value>, build: &dyn Fn(_) -> Option<String>| {
            for setting in settings {
                let bad = match setting.kind {
                    Kind::Number => vec![Value::Number(f64::NAN), Value::Number(f64::NEG_INFINITY)],
                    Kind::Integer => vec![Value::Integer(-1), Value::Integer(0)],
                    Kind::Text => vec![Value::Text("no such thing".to_owned())],
                    kind => panic!("{name}.{}: what should be refused for {kind}?", setting.key),
                };
                for value in bad {
                    let mut settings = base.clone();
                    settings.insert(setting.key.to_owned(), value.clone());
                    let message = build(settings).unwrap_or_else(|| panic!("{name}.{} accepts {value}", setting.key));
                    assert!(message.starts_with(&format!("{name}.{}: expected", setting.key)), "{message}");
                }
            }
        };
    for entry in optimizers::ALL {
        check(entry.name, entry.settings, given(entry), &|settings| {
            optimizers::build::<f32>(entry.name, settings).err().map(|error| error.to_string())
        });
    }
    for entry in tuners::ALL {
        check(entry.name, entry.settings, given(entry), &|settings| {
            tuners::build(entry.name, settings).err().map(|error| error.to_string())
        });
    }
}

#[test]
fn unknown_names_suggest_the_nearest() {
    let message = tuners::build("greddy", BTreeMap::new()).err().unwrap().to_string();
    assert_eq!(message, "unknown tuner `greddy`, expected one of the known names; try `greedy`");
    let message = optimizers::build::<f64>("adma", BTreeMap::new()).err().unwrap().to_string();
    assert!(message.contains("try `adam`"), "{message}");
}

#[test]
fn defaults_and_presets_are_those_of_the_constructors() {
    let plain: [(&str, Box<dyn Optimizer<f64>>); 10] = [
        ("gd", Box::new(optimizers::Gd::paper())),
        ("momentum", Box::new(optimizers::Momentum::paper())),
        ("nesterov", Box::new(optimizers::Nesterov::paper())),
        ("adagrad", Box::new(optimizers::AdaGrad::paper())),
        ("rmsprop", Box::new(optimizers::RmsProp::paper())),
        ("adam", Box::new(optimizers::Adam::paper())),
        ("lamb", Box::new(optimizers::Lamb::paper())),
        ("lion", Box::new(optimizers::Lion::paper())),
        ("muon", Box::new(optimizers::Muon::paper())),
        ("d-adapt-adam", Box::new(optimizers::DAdaptAdam::paper())),
    ];
    type Pair = (&'static str, Box<dyn Optimizer<f64>>, Box<dyn Optimizer<f64>>);
    let with_presets: [Pair; 6] = [
        ("adamw", Box::new(optimizers::AdamW::package()), Box::new(optimizers::AdamW::paper())),
        ("d-adapt-sgd", Box::new(optimizers::DAdaptSgd::package()), Box::new(optimizers::DAdaptSgd::paper())),
        ("prodigy", Box::new(optimizers::Prodigy::package()), Box::new(optimizers::Prodigy::paper())),
        (
            "mechanic",
            Box::new(optimizers::Mechanic::package(Box::new(optimizers::Gd))),
            Box::new(optimizers::Mechanic::paper(Box::new(optimizers::Gd))),
        ),
        (
            "schedule-free-sgd",
            Box::new(optimizers::ScheduleFreeSgd::package()),
            Box::new(optimizers::ScheduleFreeSgd::paper()),
        ),
        (
            "schedule-free-adamw",
            Box::new(optimizers::ScheduleFreeAdamW::package()),
            Box::new(optimizers::ScheduleFreeAdamW::paper()),
        ),
    ];
    assert_eq!(plain.len() + with_presets.len(), optimizers::ALL.len());
    let check = |name: &str, preset: Option<&str>, mut made: Box<dyn Optimizer<f64>>| {
        let given = preset.map(|preset| ("preset".to_owned(), Value::Text(preset.to_owned())));
        let mut built = optimizer::<f64>(name, given.into_iter().collect(), 2);
        made.set_layers(&layers(2)).unwrap();
        assert_eq!(made.edge(), built.edge());
        let (mut u, mut v) = ([0.0; 2], [0.0; 2]);
        let mut updates = Vec::new();
        // Way enough for distances to grow, and gradients so small that every eps counts.
        for (w, g) in [([0.7, -0.2], [1.0, -2e-6]), ([0.5, -0.1], [0.3, 0.0]), ([-1.0, 0.1], [-4e-5, 0.5])] {
            made.direction(&w, &g, &mut u).unwrap();
            built.direction(&w, &g, &mut v).unwrap();
            assert_eq!(u, v, "{name}");
            updates.push(u);
        }
        updates
    };
    for (name, paper) in plain {
        check(name, None, paper);
    }
    for (name, package, paper) in with_presets {
        assert_eq!(check(name, None, package.duplicate()), check(name, Some("package"), package), "{name}");
        let built = optimizers::build(name, BTreeMap::new()).unwrap();
        assert_ne!(check(name, None, built), check(name, Some("paper"), paper), "{name}");
    }
    let unknown = || BTreeMap::from([("preset".to_owned(), Value::Text("papr".to_owned()))]);
    let has_presets = |settings: &[Setting]| settings.iter().any(|setting| setting.key == "preset");
    let of_optimizers = optimizers::ALL
        .iter()
        .filter(|entry| has_presets(entry.settings))
        .map(|entry| (entry.name, optimizers::build::<f64>(entry.name, unknown()).err()));
    let of_tuners = tuners::ALL
        .iter()
        .filter(|entry| has_presets(entry.settings))
        .map(|entry| (entry.name, tuners::build(entry.name, unknown()).err()));
    for (name, error) in of_optimizers.chain(of_tuners) {
        let message = error.unwrap().to_string();
        assert!(message.starts_with(&format!("{name}.preset: expected `")), "{message}");
        assert!(message.ends_with(" or `paper`, got \"papr\""), "{message}");
    }
    // (2 + 2 * 0.9) / (1 - 0.9)
    assert!((optimizers::Adam::<f32>::paper().edge().unwrap() - 38.0).abs() < 1e-12);
}

#[test]
fn every_required_setting_is_missed_by_name() {
    for entry in tuners::ALL {
        for setting in entry.settings.iter().filter(|s| matches!(s.default, Default::Required)) {
            let mut settings = given(entry);
            settings.remove(setting.key);
            let message = tuners::build(entry.name, settings).err().unwrap().to_string();
            assert!(message.starts_with(&format!("{}: `{}` is not set", entry.name, setting.key)), "{message}");
        }
    }
}

/// c in "edge of stability at sharpness = c / eta", from the formulas in the optimizers' docs at their defaults.
#[test]
fn edges_are_those_of_the_formulas() {
    let edges = [
        ("gd", 2.0),
        ("momentum", 2.0 + 2.0 * 0.9),
        ("nesterov", (2.0 + 2.0 * 0.9) / (1.0 + 2.0 * 0.9)),
        ("adagrad", 2.0),
        ("rmsprop", 2.0),
        ("adam", (2.0 + 2.0 * 0.9) / (1.0 - 0.9)),
        ("adamw", (2.0 + 2.0 * 0.9) / (1.0 - 0.9)),
    ];
    for entry in optimizers::ALL {
        let edge = optimizers::build::<f64>(entry.name, given(entry)).unwrap().edge();
        match edges.iter().find(|(name, _)| *name == entry.name) {
            Some((name, expected)) => assert!((edge.unwrap() - expected).abs() < 1e-12, "{name}: {edge:?}"),
            None => assert_eq!(edge, None, "{}", entry.name),
        }
    }
}

/// A choice by name or number in a spec is the one that the constructor takes.
#[test]
fn choices_reach_the_rule() {
    let text = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), Value::parse(value))]);
    let second = |tuner: Box<dyn Tuner>| {
        let (optimizer, spectrum) = (Box::new(optimizers::Gd), Lanczos::top(1, 0));
        let mut trainer = Trainer::<f64>::new(2, optimizer, tuner, spectrum).unwrap();
        let (mut objective, mut w) = (Quadratic::new(&[1.0, 2.0]), [3.0, -1.0]);
        trainer.step(&mut objective, &mut w).unwrap();
        trainer.step(&mut objective, &mut w).unwrap().learning_rate
    };
    let adgd = |year: &str| second(tuners::build("adgd", text("year", year)).unwrap());
    let by_hand = |year| second(Box::new(tuners::AdGd::new(1e-6, year).unwrap()));
    assert_eq!([adgd("2019"), adgd("2023")], [by_hand(Year::Y2019), by_hand(Year::Y2023)]);
    assert_ne!(adgd("2019"), adgd("2023"));
    let raydan = |variant: &str| second(tuners::build("barzilai-borwein", text("variant", variant)).unwrap());
    let by_hand = |variant| second(Box::new(BarzilaiBorwein::new(1e-3, variant, 1e-10, 1e10).unwrap()));
    assert_eq!([raydan("long"), raydan("short")], [by_hand(Variant::Long), by_hand(Variant::Short)]);
    assert_ne!(raydan("long"), raydan("short"));

    // Which tensors decay, and which are matrices: what one step makes of a matrix, a bias and an output layer.
    let update = |mut optimizer: Box<dyn Optimizer<f64>>| {
        let tensors = [("in", vec![1, 1]), ("h", vec![1, 2]), ("b", vec![2]), ("out", vec![2, 1])];
        optimizer.set_layers(&Layer::in_order(tensors)).unwrap();
        let (w, g, mut u) = ([1.0, -2.0, 0.5, 3.0, -1.0, 2.0, 0.7], [0.3, 1.0, -0.2, 0.6, 2.0, -1.0, 0.4], [0.0; 7]);
        optimizer.direction(&w, &g, &mut u).unwrap();
        u
    };
    let built = |name: &str, key: &str, value: &str| update(optimizers::build(name, text(key, value)).unwrap());
    let adamw = |on| update(Box::new(optimizers::AdamW::package().decay_on(on)));
    assert_eq!(built("adamw", "decay_on", "all"), adamw(DecayOn::All));
    assert_eq!(built("adamw", "decay_on", "matrices"), adamw(DecayOn::Matrices));
    assert_ne!(adamw(DecayOn::All), adamw(DecayOn::Matrices));
    // Every optimizer with the setting leaves the bias alone, and it alone.
    for entry in optimizers::ALL.iter().filter(|entry| entry.settings.iter().any(|s| s.key == "decay_on")) {
        let decayed = |on: &str| {
            let settings = [text("decay", "0.5"), text("decay_on", on)].into_iter().flatten().collect();
            update(optimizers::build(entry.name, settings).unwrap())
        };
        let (all, matrices) = (decayed("all"), decayed("matrices"));
        let differ: Vec<usize> = (0..7).filter(|&i| all[i] != matrices[i]).collect();
        assert_eq!(differ, [3, 4], "{}", entry.name);
    }
    let muon = |matrices| update(Box::new(optimizers::Muon::paper().matrices(matrices)));
    assert_eq!(built("muon", "matrices", "hidden"), muon(Matrices::Hidden));
    assert_eq!(built("muon", "matrices", "all"), muon(Matrices::All));
    assert_ne!(muon(Matrices::Hidden), muon(Matrices::All));
}
