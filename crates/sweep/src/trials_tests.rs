use onedge_spec::Catalogue;

use super::*;

const SPEC: &str = "[data]\nname = \"mixture\"\nexamples = 100\nfeatures = 3\nclasses = 2\n\
                    [model]\nhidden = [4]\n[tuner]\nname = \"constant\"\n";

fn trials_with(head: &str, tail: &str, set: &[&str]) -> Result<Vec<Trial>, Error> {
    let set: Vec<String> = set.iter().map(|text| (*text).to_owned()).collect();
    Sweep::parse("s.toml", &format!("{head}\n{SPEC}{tail}"), &set, &Catalogue::standard())?
        .trials(&mut DataSets::new(None))
}

fn trials(head: &str, tail: &str) -> Vec<Trial> {
    trials_with(head, tail, &[]).unwrap()
}

fn message(head: &str, tail: &str) -> String {
    trials_with(head, tail, &[]).unwrap_err().to_string()
}

fn values(trials: &[Trial], key: &str) -> Vec<String> {
    trials.iter().map(|trial| trial.spec.get(key).map_or(String::new(), |value| value.to_string())).collect()
}

#[test]
fn lists_span_a_grid_with_all_of_a_seed_first() {
    let all = trials("batch = [10, 20]", "rate = [0.1, 0.2]\n[sweep]\nrepeats = 2\n");
    let seen: Vec<(u64, &str, &str)> =
        all.iter().map(|trial| (trial.spec.seed, trial.group.as_str(), trial.label.as_str())).collect();
    let labels = ["batch=10 rate=0.1", "batch=10 rate=0.2", "batch=20 rate=0.1", "batch=20 rate=0.2"];
    let expected: Vec<_> = [0, 1].into_iter().flat_map(|seed| labels.map(|label| (seed, "constant", label))).collect();
    assert_eq!(seen, expected);
    let listed = trials("seed = [0, 1]\nbatch = [10, 20]", "rate = [0.1, 0.2]\n");
    assert_eq!(listed, all);
}

/// 3 x 41 x 82 = 10,086, and no list of four thousand million seeds is made to find that out.
#[test]
fn runs_are_counted_before_there_are_any() {
    let list = |n: usize| format!("{:?}", (1..=n).collect::<Vec<_>>());
    let head = format!("batch = {}", list(41));
    let tail = format!("rate = {}\n[sweep]\nrepeats = 3\n", list(82));
    let too_many = |runs: u64, limit: u64| {
        format!("s.toml: sweep.limit: expected at most {limit} runs, got {runs}; try shorter lists, or a higher limit")
    };
    assert_eq!(message(&head, &tail), too_many(10_086, 10_000));
    assert_eq!(message("", "rate = [0.1, 0.2]\n[sweep]\nrepeats = 3\nlimit = 5\n"), too_many(6, 5));
    assert_eq!(trials("", "rate = [0.1, 0.2]\n[sweep]\nrepeats = 3\nlimit = 6\n").len(), 6);
    let drawn = "rate = { uniform = { min = 0.1, max = 0.2 } }\n[sweep]\nrandom = 4000000000\nrepeats = 4000000000\n";
    assert_eq!(message("", drawn), too_many(16_000_000_000_000_000_000, 10_000));
    // Lists may be drawn, too.
    let lists = "rate = { choice = [[0.1, 0.2, 0.3]] }\n[sweep]\nrandom = 1\nlimit = 2\n";
    assert!(message("", lists).contains("limit: expected at most 2 runs, got more"), "{}", message("", lists));
}

#[test]
fn there_is_a_best_for_each_value_of_some_settings() {
    let all = trials("batch = [10, 20]", "rate = [0.1, 0.2]\n[sweep]\nper = [\"batch\"]\n");
    let seen: Vec<(&str, &str)> = all.iter().map(|trial| (trial.group.as_str(), trial.label.as_str())).collect();
    let expected = [
        ("constant batch=10", "rate=0.1"),
        ("constant batch=10", "rate=0.2"),
        ("constant batch=20", "rate=0.1"),
        ("constant batch=20", "rate=0.2"),
    ];
    assert_eq!(seen, expected);
    let text = message("batch = [10, 20]", "rate = 0.1\n[sweep]\nper = [\"bach\"]\n");
    assert_eq!(text, "s.toml: sweep.per: expected settings that vary, got `bach`; try `batch`");
}

#[test]
fn variants_change_the_spec_and_have_grids_of_their_own() {
    let tail = "rate = 0.1\n[sweep]\n[[sweep.variants]]\n[[sweep.variants]]\nname = \"edge\"\n\
                tuner = { name = \"cdat\", sigma = [1.9, 2.0] }\n\
                [[sweep.variants]]\nbatch = 50\n[sweep.variants.tuner]\nrate = 0.3\n";
    let all = trials("steps = 7", tail);
    let seen: Vec<(&str, &str)> = all.iter().map(|trial| (trial.variant.as_str(), trial.label.as_str())).collect();
    assert_eq!(seen, [("constant", ""), ("edge", "sigma=1.9"), ("edge", "sigma=2.0"), ("constant 2", "")]);
    assert_eq!(values(&all, "tuner.rate"), ["0.1", "", "", "0.3"]);
    assert_eq!(values(&all, "batch"), ["", "", "", "50"]);
    assert_eq!(values(&all, "steps"), ["7"; 4]);
    // The folders of runs are named for the spec.
    assert_eq!(all[3].spec.name, "constant");
    // Flags win everywhere, in the section, too.
    let set = trials_with("steps = 7", tail, &["batch=20", "sweep.repeats=2"]).unwrap();
    assert_eq!((set.len(), values(&set, "batch")), (8, vec!["20".to_owned(); 8]));
}

#[test]
fn drawn_values_are_reproducible_and_cross_the_grid() {
    let tail = "rate = { log_uniform = { min = 1e-3, max = 1 } }\n[sweep]\nrandom = 5\n";
    let head = "batch = { choice = [10, 20, 50] }\nprecision = [\"f32\", \"f64\"]";
    let all = trials(head, tail);
    assert_eq!(all, trials(head, tail));
    let rates = values(&all, "tuner.rate");
    assert_eq!(rates.len(), 10);
    assert!(rates.chunks(2).all(|pair| pair[0] == pair[1]), "both precisions: {rates:?}");
    let different: std::collections::BTreeSet<_> = rates.iter().collect();
    assert_eq!(different.len(), 5);
    assert!(values(&all, "batch").iter().all(|batch| ["10", "20", "50"].contains(&batch.as_str())));
    assert_eq!(all[0].label, format!("batch={} rate={} precision=f32", values(&all, "batch")[0], rates[0]));
    // More draws begin with the same ones; another seed draws others; a flag draws none.
    let more = trials_with(head, tail, &["sweep.random=8"]).unwrap();
    assert_eq!(values(&more, "tuner.rate")[..10], rates);
    let other = trials_with(head, tail, &["sweep.seed=1"]).unwrap();
    assert_ne!(values(&other, "tuner.rate"), rates);
    let set = trials_with(head, tail, &["tuner.rate=0.25"]).unwrap();
    assert_eq!(values(&set, "tuner.rate"), ["0.25"; 6], "draws that agree are one run: three batch sizes");
    let whole = trials("steps = { uniform = { min = 3, max = 9 } }", "rate = 0.1\n[sweep]\nrandom = 4\n");
    assert!(whole.iter().all(|trial| (3..=9).contains(&trial.spec.steps)));
}

#[test]
fn steps_and_scaled_settings_follow_the_batch() {
    let tail = "rate = [0.1, 0.2]\n[sweep]\nepochs = 2.5\n\
                scale = { \"tuner.rate\" = { by = \"batch\", base = 40, power = 0.5 } }\n";
    let all = trials("batch = [10, 40, 30]", tail);
    assert_eq!(values(&all, "steps"), ["25", "25", "5", "5", "8", "8"]);
    let rates: Vec<f64> = all.iter().map(|trial| trial.spec.tuner.settings.number("rate")).collect();
    let half = 0.75f64.sqrt();
    let expected = [0.05, 0.1, 0.1, 0.2, 0.1 * half, 0.2 * half];
    assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 1e-15), "{rates:?}");
    assert_eq!(all[0].label, "batch=10 rate=0.1");
    // The last batch of an epoch may be smaller: 4 of them.
    assert_eq!(values(&trials("batch = 30\ndrop_last = false", tail), "steps"), ["10", "10"]);
    let full = "rate = 0.1\n[sweep]\nepochs = 2.5\n";
    assert_eq!(values(&trials("", full), "steps"), ["3"]);
    // A horizon as a share of the steps.
    let horizon = "rate = 0.1\nhorizon = [1, 0.5]\n[sweep]\nepochs = 2\n\
                   scale = { \"tuner.horizon\" = { by = \"steps\", base = 1 } }\n";
    let text = format!("batch = 10\n{SPEC}{horizon}").replace("\"constant\"", "\"warmup-cosine\"");
    let all =
        Sweep::parse("s.toml", &text, &[], &Catalogue::standard()).unwrap().trials(&mut DataSets::new(None)).unwrap();
    assert_eq!(values(&all, "tuner.horizon"), ["20", "10"]);
}

#[test]
fn mistakes_are_named() {
    let of = |section: &str| message("", &format!("rate = 0.1\n[sweep]\n{section}\n"));
    for (section, expected) in [
        ("repeats = 0", "repeats: expected a whole number, 1 or more, got 0"),
        (
            "random = 3",
            "random: expected a setting to draw, got none; try `rate = { log_uniform = { min = 1e-3, max = 1.0 } }`",
        ),
        (
            "scale = { \"tuner.sigma\" = { by = \"batch\", base = 8 } }",
            "scale: expected settings of some run, got `tuner.sigma`, which none has",
        ),
        (
            "scale = { \"tuner.rate\" = { by = \"batch\", base = 8 } }",
            "scale.tuner.rate: expected `batch` to be a number, got nothing",
        ),
    ] {
        assert_eq!(of(section), format!("s.toml: sweep.{expected}"));
    }
    let of = |rate: &str| message("", &format!("rate = {rate}\n[sweep]\nrandom = 3\n"));
    assert_eq!(
        of("[]"),
        "s.toml: sweep.random: expected a setting to draw, got none; try `rate = { log_uniform = { min = 1e-3, max = 1.0 } }`"
    );
    assert_eq!(of("{ uniform = { min = 2, max = 1 } }"), "s.toml: tuner.rate: expected min below max, got 2 and 1");
    assert_eq!(of("{ log_uniform = { min = 0, max = 1 } }"), "s.toml: tuner.rate: expected min above 0, got 0");
    assert_eq!(of("{ choice = [] }"), "s.toml: tuner.rate: expected one value or more, got an empty list");
    for (rate, expected) in [
        (
            "{ unifrm = { min = 1, max = 2 } }",
            "unknown distribution `unifrm`, expected one of the known names; try `uniform`",
        ),
        ("{ uniform = { min = 2 } }", "uniform.max: expected a number, got nothing"),
        ("{ uniform = { min = \"a\", max = 2 } }", "uniform.min: expected a number, got \"a\""),
        ("{ uniform = { mn = 2 } }", "uniform: unknown key `mn`, expected one of its settings; try `min` or `max`"),
        ("{ uniform = 2 }", "uniform: expected a range like { min = 1, max = 2 }, got 2"),
        ("{ choice = 2 }", "choice: expected a list, got 2; try `{ choice = [2] }`"),
        ("{}", "expected one distribution, got 0; try `{ log_uniform = { min = 1e-3, max = 1.0 } }`"),
    ] {
        assert_eq!(of(rate), format!("s.toml: tuner.rate: {expected}"));
    }
    let text = message("", "rate = { uniform = { min = 1, max = 2 } }\n");
    assert_eq!(text, "s.toml: tuner.rate: expected to be told how many values to draw; try `random = 20` in [sweep]");
    assert_eq!(message("", "rate = []\n"), "s.toml: tuner.rate: expected one value or more, got an empty list");
    assert_eq!(
        message("", "rat = { uniform = { min = 1, max = 2 } }\n[sweep]\nrandom = 2\n"),
        "s.toml: tuner: unknown key `rat`, expected one of its settings; try `rate`"
    );
    let text = message("steps = 3", "rate = 0.1\n[sweep]\nepochs = 3\n");
    assert_eq!(text, "s.toml: sweep.epochs: expected no `steps` beside it; try removing one of the two");
    let text = message("seed = [1, 2]", "rate = 0.1\n[sweep]\nrepeats = 3\n");
    assert_eq!(text, "s.toml: sweep.repeats: expected one seed beside it, got a list of seeds");
    let text = message("sweep = 3", "rate = 0.1\n");
    assert_eq!(text, "s.toml: sweep: expected a section, got 3");
}
