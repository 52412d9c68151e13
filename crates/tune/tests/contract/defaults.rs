//! Every default against its source; where that gives a range or nothing, against this project's own choice. A default decides what happens to the person who changes nothing, and no run of the code can tell a wrong one.

use onedge_registry::{Default, Setting, Value};
use onedge_tune::{Conditions, optimizers, tuners};

/// An entry, all of its settings with their defaults in order, and where they come from. `-` is a setting that is absent by default, `!` one that must be given.
const TUNERS: &[(&str, &str, &str)] = &[
    ("constant", "rate !", "the baseline of the paper; always tuned"),
    ("warmup-constant", "rate !, horizon !, warmup 0.1", "the share of a tenth that schedules usually warm up for"),
    ("warmup-linear", "rate !, horizon !, warmup 0.1", "the same"),
    ("warmup-cosine", "rate !, horizon !, warmup 0.1", "the same"),
    ("exponential", "rate !, factor !, period 1", "optax.exponential_decay: rate and factor are given"),
    ("step", "rate !, factor 0.1, period !", "torch.optim.lr_scheduler.StepLR: gamma 0.1, step_size is given"),
    (
        "armijo",
        "c 1e-4, c_plus 4.0, c_minus 0.8, delta 0.0, max_tries -",
        "Roulet et al. 2024: from the grids c in {0, 1e-4, 0.5}, c_plus in {4, inf}, c_minus in {0.8, 0.9}",
    ),
    (
        "wolfe",
        "c1 1e-4, c2 0.9, first 1.0, cap 1e6, max_tries 25",
        "Nocedal, Wright 2006, section 3.1: c1 1e-4, c2 0.9 for quasi-Newton directions",
    ),
    (
        "sls",
        "preset package, c 0.1, backtrack 0.9, growth 2.0, batches package=500|paper=1, first package=1.0, cap package=inf|paper=10.0",
        "IssamLaradji/sls, sls.py: c 0.1, beta_b 0.9, gamma 2, n_batches_per_epoch 500, init_step_size 1, eta_max for Goldstein alone; \
         Vaswani et al. 2019, arXiv 1905.09997: c 0.1, backtracking by 0.9, growth 2, at most 10",
    ),
    (
        "pal",
        "preset package, measure package=1.0|paper=0.1, adapt package=1.6666666666666667|paper=1.0, cap package=3.16|paper=3.6",
        "cogsys-tuebingen/PAL, PyTorch/pal_optimizer.py: 1, 1/0.6, 3.16; Mutschler, Zell 2020, arXiv 1903.11991: within the ranges \
         that the authors give",
    ),
    ("greedy", "curvature_parts 1", "Roulet et al. 2024: sigma 1, no further setting"),
    ("on-edge", "curvature_parts 1", "Roulet et al. 2024: sigma 2, no further setting"),
    (
        "cdat",
        "preset recommended, sigma -, eps -, beta -, cap -, every -, curvature -, error -, growth -, cooldown -, curvature_parts 1, sigma_start -, sigma_steps -, batch -, noise -, momentum 0.0",
        "docs/DEFAULT.md: chosen on the suite in bench/default; what is absent is the preset's, see presets_are_spelled_out",
    ),
    (
        "controlled",
        "target 2.0, beta 0.9, pole -, rate -, limit 2.0, cap inf, curvature_parts 1",
        "of this project: the target of cdat, its decay with averages",
    ),
    (
        "gauss-newton",
        "sigma 2.0, beta 0.0, cap inf, every 1",
        "as the paper's cdat: Roulet et al. 2024, sigma 2, no averages",
    ),
    ("sharpness", "sigma 3.0", "Roulet et al. 2024, figure 15"),
    (
        "trace",
        "sigma 2.0, ratio -, beta 0.8, every 4, samples 4",
        "of this project: on edge at the first step; a product a step; averages over nine measurements",
    ),
    ("frobenius", "sigma 2.0, ratio -, beta 0.8, every 4, samples 4", "the same"),
    (
        "batch-sharpness",
        "sigma 2.0, beta 0.9, parts 1",
        "Andreyev, Beneventano 2024, arXiv 2412.20553: batch sharpness settles near 2 / eta; the decay of cdat with averages",
    ),
    ("polyak", "fstar 0.0, cap 1.0", "Roulet et al. 2024, figure 13: smallest loss 0, caps 1 and 100"),
    ("hypergradient", "rate !, beta 0.01", "Roulet et al. 2024, figure 13: inside its grid 1e-3 to 1"),
    ("adgd", "rate 1e-6, year 2023", "Malitsky, Mishchenko 2023: the second rule; a first rate that is a probe"),
    (
        "barzilai-borwein",
        "rate 1e-3, variant long, floor 1e-10, cap 1e10",
        "Raydan 1997: bounds 1e-10 and 1e10; Barzilai, Borwein 1988, equation 5",
    ),
    (
        "dog",
        "preset package, relative 1e-6, eps package=1e-8|paper=0.0",
        "Ivgi, Hinder, Carmon 2023: r_epsilon 1e-6 (1 + |x_0|); the package dog-optimizer 1.0.3: reps_rel 1e-6, eps 1e-8",
    ),
    (
        "dowg",
        "preset package, distance 0.01, eps package=1e-4|paper=0.0",
        "Khaled, Mishchenko, Jin 2023, the authors' code and optax.contrib.dowg 0.2.8: eps 1e-4, the first squared distance, too",
    ),
];

const OPTIMIZERS: &[(&str, &str, &str)] = &[
    ("gd", "", "nothing to set"),
    ("momentum", "beta 0.9", "the usual value; Roulet et al. 2024"),
    ("nesterov", "beta 0.9", "the usual value"),
    (
        "adagrad",
        "start 0.1, eps 1e-7",
        "Optax's adagrad: initial_accumulator_value 0.1, eps 1e-7; Duchi, Hazan, Singer 2011 give no numbers",
    ),
    ("rmsprop", "beta2 0.999, eps 1e-8", "Roulet et al. 2024, appendix; eps is Optax's"),
    ("adam", "beta1 0.9, beta2 0.999, eps 1e-8", "Kingma, Ba 2015"),
    (
        "adamw",
        "preset package, beta1 0.9, beta2 0.999, eps 1e-8, decay package=1e-2|paper=1e-5, decay_on -",
        "torch.optim.AdamW 2.7: weight_decay 1e-2 (optax.adamw 0.2.8: 1e-4); Roulet et al. 2024: weight decay 1e-5, of everything",
    ),
    (
        "lamb",
        "beta1 0.9, beta2 0.999, eps 1e-6, decay 0.0, decay_on -",
        "You et al. 2020: the betas; google-research/albert, lamb_optimizer.py: eps 1e-6, no decay unless asked for",
    ),
    (
        "lion",
        "beta1 0.9, beta2 0.99, decay 0.0, decay_on -",
        "Chen et al. 2023: the betas; google/automl, lion_optax.py: no decay unless asked for",
    ),
    (
        "muon",
        "beta 0.95, beta1 0.9, beta2 0.95, eps 1e-10, rest_rate 0.015, decay 0.0, decay_on -, matrices hidden",
        "KellerJordan/Muon, muon.py: lr 0.02 and momentum 0.95; Adam with lr 3e-4, betas 0.9 and 0.95, eps 1e-10; hidden weights",
    ),
    (
        "d-adapt-sgd",
        "preset package, beta package=0.0|paper=0.9, distance 1e-6",
        "the package dadaptation 3.2: momentum 0, d0 1e-6; Defazio, Mishchenko 2023: momentum 0.9 in the experiments",
    ),
    ("d-adapt-adam", "beta1 0.9, beta2 0.999, eps 1e-8, distance 1e-6", "the package dadaptation 3.2"),
    (
        "prodigy",
        "preset package, beta1 0.9, beta2 0.999, eps 1e-8, distance 1e-6",
        "Mishchenko, Defazio 2023, the package prodigyopt 1.1.2: d0 1e-6",
    ),
    (
        "mechanic",
        "preset package, base gd, decay 0.01, init package=1e-6|paper=1e-8, eps 1e-8",
        "optax.contrib.mechanize 0.2.8: s_init 1e-6, weight_decay 0.01; Cutkosky, Defazio, Mehta 2023 and mechanic-pytorch: s_init 1e-8",
    ),
    (
        "schedule-free-sgd",
        "preset package, rate package=1.0|paper=0.01, beta 0.9, decay 0.0, decay_on -, warmup -",
        "the package schedulefree 1.4.1: lr 1, beta 0.9, no decay, no warm-up; Defazio et al. 2024 tune the rate",
    ),
    (
        "schedule-free-adamw",
        "preset package, rate 0.0025, beta 0.9, beta2 0.999, eps 1e-8, decay 0.0, decay_on -, warmup -",
        "the same: lr 0.0025, betas 0.9 and 0.999",
    ),
];

fn defaults(settings: &[Setting]) -> String {
    let text = |setting: &Setting| match setting.default {
        Default::Is(value) => format!("{} {value}", setting.key),
        Default::Absent => format!("{} -", setting.key),
        Default::Required => format!("{} !", setting.key),
        Default::Presets(values) => {
            let values: Vec<String> = values.iter().map(|(preset, value)| format!("{preset}={value}")).collect();
            format!("{} {}", setting.key, values.join("|"))
        }
    };
    settings.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn check<'a>(table: &[(&str, &str, &str)], entries: impl Iterator<Item = (&'a str, &'a [Setting])>) {
    let entries: Vec<(&str, String)> = entries.map(|(name, settings)| (name, defaults(settings))).collect();
    let expected: Vec<(&str, String)> =
        table.iter().map(|(name, settings, _)| (*name, (*settings).to_owned())).collect();
    for (got, expected) in entries.iter().zip(&expected) {
        assert_eq!(got, expected);
    }
    assert_eq!(entries.len(), expected.len(), "an entry without a source for its defaults");
}

#[test]
fn defaults_are_those_of_their_sources() {
    check(TUNERS, tuners::ALL.iter().map(|entry| (entry.name, entry.settings)));
    check(OPTIMIZERS, optimizers::ALL.iter().map(|entry| (entry.name, entry.settings)));
}

/// What each preset of cdat stands for. The paper's: Roulet et al. 2024, equations 6 to 8, on edge and without averages. The
/// recommended: docs/DEFAULT.md, sigma by half the optimizer's edge e as 2 e^-1/2 or, in full batch, 2 e^-1/4.
#[test]
fn presets_are_spelled_out() {
    let spelled = |preset: &str, edge, full_batch| {
        let given = [("preset".to_owned(), Value::Text(preset.to_owned()))].into();
        let conditions = Conditions { edge, full_batch, steps: None };
        let text = tuners::spelled_out(given, conditions).into_iter().map(|(key, value)| format!("{key} {value}"));
        text.collect::<Vec<_>>().join(", ")
    };
    let paper = "beta 0.0, cap inf, eps 0.0, every 1, preset paper, sigma 2.0";
    assert_eq!(spelled("paper", Some(38.0), false).replace('"', ""), paper);
    let auto =
        [("preset", "paper"), ("curvature", "auto")].map(|(key, text)| (key.to_owned(), Value::Text(text.to_owned())));
    let auto = tuners::spelled_out(auto.into(), Conditions::UNKNOWN);
    assert_eq!(auto.get("error"), Some(&Value::Number(0.1)));
    let recommended = |sigma| {
        format!("beta 0.97, cap inf, cooldown 0.5, eps 0.0, every 8, growth 1.5, preset recommended, sigma {sigma}")
    };
    // Adam with beta1 0.9: e = 19; heavy ball with 0.9: 1.9; gradient descent: 1; Nesterov with 0.9: 1.9 / 2.8, turned over.
    for (edge, full_batch, sigma) in [
        (Some(38.0), false, "0.459"),
        (Some(38.0), true, "0.958"),
        (Some(3.8), false, "1.451"),
        (Some(2.0), false, "2.0"),
        (Some(2.0), true, "2.0"),
        (Some(3.8 / 2.8), false, "1.648"),
        (None, false, "0.459"),
    ] {
        assert_eq!(spelled("recommended", edge, full_batch).replace('"', ""), recommended(sigma));
    }
}
