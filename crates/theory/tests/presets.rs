//! What the named entries say, at their defaults and beside them.

use std::collections::BTreeMap;

use onedge_registry::Value;
use onedge_theory::phase::{self, Fate, Map};
use onedge_theory::presets::{Curves, Outcome, Quantity, Verdict, build};

fn given(text: &[(&str, &str)]) -> BTreeMap<String, Value> {
    text.iter().map(|(key, value)| ((*key).to_owned(), Value::parse(value))).collect()
}

fn curves(name: &str, set: &[(&str, &str)]) -> Curves {
    match build(name, given(set)).unwrap().0 {
        Outcome::Curves(curves) => curves,
        Outcome::Grid(_) | Outcome::Batches(_) => panic!("{name} is no map"),
    }
}

fn map(set: &[(&str, &str)]) -> Map {
    match build("phase", given(set)).unwrap().0 {
        Outcome::Grid(grid) => phase::map(&grid),
        Outcome::Curves(_) | Outcome::Batches(_) => panic!("phase is a map"),
    }
}

#[track_caller]
fn assert_verdict(curves: &Curves, curve: &str, says: &str, verdict: Verdict) {
    let claim = curves.claims.iter().find(|claim| claim.curve == curve && claim.says == says);
    let claim = claim.unwrap_or_else(|| panic!("{curve}: {says}: no such claim in {:?}", curves.claims));
    assert_eq!(claim.verdict, verdict, "{claim:?}");
}

#[test]
fn figures_4_and_10_are_judged_by_their_numbers() {
    for name in ["figure-4", "figure-10"] {
        let figure = curves(name, &[]);
        let labels: Vec<&str> = figure.curves.iter().map(|curve| curve.label.as_str()).collect();
        assert_eq!(
            labels,
            ["constant rate", "constant rate, semi-implicit", "rate 1.9 / lambda", "rate 1.9 / lambda, semi-implicit"]
        );
        for curve in &labels[..2] {
            assert_verdict(&figure, curve, "y oscillates round 0", Verdict::Shown);
        }
        // The paper's text and its equation part here.
        assert_verdict(&figure, labels[0], "lambda stabilises", Verdict::NotShown);
        assert_verdict(&figure, labels[1], "lambda stabilises", Verdict::Shown);
        for curve in &labels[2..] {
            for says in ["y is fixed under 0", "lambda grows", "eta falls"] {
                assert_verdict(&figure, curve, says, Verdict::Shown);
            }
            if name == "figure-10" {
                assert_verdict(&figure, curve, "p -> 0", Verdict::Shown);
            }
        }
        assert_eq!(figure.quantities.contains(&Quantity::P), name == "figure-10");
    }
}

#[test]
fn figures_9_and_11_are_judged_by_their_numbers() {
    for name in ["figure-9", "figure-11"] {
        let figure = curves(name, &[]);
        assert_verdict(&figure, "sigma 2", "y -> 0", Verdict::Shown);
        assert_verdict(&figure, "sigma 2", "lambda stabilises", Verdict::Shown);
        assert_verdict(&figure, "sigma 2, no lag", "lambda stabilises", Verdict::NotShown);
        for curve in ["sigma 1.9", "sigma 1.9, no lag"] {
            assert_verdict(&figure, curve, "lambda grows slowly", Verdict::Shown);
            assert_verdict(&figure, curve, "y settles at a small negative value", Verdict::Shown);
        }
        if name == "figure-11" {
            assert_verdict(&figure, "sigma 2", "p stabilises", Verdict::Shown);
        }
    }
    let beyond = curves("figure-9", &[("sigma", "[2.01, 2.5]"), ("lag", "printed")]);
    assert!(beyond.claims.len() == 2 && beyond.claims.iter().all(|claim| claim.verdict == Verdict::Shown));
    let short = curves("figure-9", &[("steps", "500"), ("lag", "printed")]);
    assert_verdict(&short, "sigma 2", "lambda stabilises", Verdict::Partly);
}

#[test]
fn tables_of_points_are_whole_or_thinned() {
    let text = curves("figure-4", &[("time", "semi-implicit"), ("p0", "0.25"), ("lambda0", "1.75")]).csv();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("run,step,eta,lambda,y,x,p,q"));
    assert_eq!(lines.clone().count(), 2 * 301);
    let first: Vec<&str> = lines.next().unwrap_or_default().rsplitn(8, ',').collect();
    let label = "\"constant rate, semi-implicit\"";
    assert_eq!(first, ["0e0", "2.5e-1", "5e-1", "-2.5e-1", "1.75e0", "1e0", "0", label]);
    let text = curves("figure-9", &[("lag", "printed"), ("sigma", "[2.0]")]).csv();
    assert!((1000..1200).contains(&text.lines().count()));
    assert!(text.lines().last().is_some_and(|line| line.starts_with("\"sigma 2\",20000,6.566")));
}

#[test]
fn the_map_changes_at_sigma_2() {
    let set = [("sigma_cells", "5"), ("ratio_cells", "3"), ("ratio_min", "0.5")];
    let fates = |map: &Map| -> Vec<Fate> { map.cells.iter().map(|cell| cell.fate).collect() };
    let lagged = map(&set);
    assert_eq!(lagged.grid.sigmas, [1.9, 1.95, 2.0, 2.05, 2.1]);
    assert_eq!(lagged.grid.ratios[1], 5.0);
    for row in fates(&lagged).chunks(5) {
        assert_eq!(row[..3], [Fate::Grows, Fate::Grows, Fate::Settles]);
        assert!(row[3..].iter().all(|fate| matches!(fate, Fate::Diverged(_))));
    }
    // The cell of figure 9.
    let cell = lagged.cells[2];
    assert!(cell.lambda.is_some_and(|lambda| (lambda - 30.4).abs() < 0.1) && cell.y.is_some_and(|y| y.abs() < 1e-5));
    for row in fates(&map(&[&set[..], &[("lag", "none")]].concat())).chunks(5) {
        assert_eq!(row[2], Fate::Grows);
    }
    let csv = lagged.csv();
    assert!(
        csv.starts_with("sigma,ratio,fate,lambda,y,growth,stopped_at\n1.9,0.5,grows,") && csv.lines().count() == 16
    );
}

#[test]
fn noise_follows_the_seed_and_moves_the_edge() {
    let noisy = |seed: &str| curves("run", &[("gradient_noise", "0.3"), ("sigma", "1"), ("seed", seed)]);
    assert_eq!(noisy("1"), noisy("1"));
    assert_ne!(noisy("1"), noisy("2"));
    assert!(noisy("1").title.contains("our addition"));
    // Gradients of noise alone have the curvature (lambda + nu) / 2 in the mean: CDAT then steps twice as far.
    let set = [("sigma_min", "1.5"), ("sigma_max", "2"), ("sigma_cells", "3"), ("ratio_cells", "2"), ("steps", "5000")];
    let diverged = |noise: &str| {
        let map = map(&[&set[..], &[("gradient_noise", noise)]].concat());
        map.cells.iter().filter(|cell| matches!(cell.fate, Fate::Diverged(_))).count()
    };
    assert_eq!(diverged("0"), 0);
    assert!(diverged("1") >= 3);
}
