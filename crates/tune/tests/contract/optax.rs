//! Optimizers against Optax, step by step (`tools/reference/optimizers.py`).

use onedge_objective::Layer;
use onedge_tune::Optimizer;
use onedge_tune::optimizers::{AdaGrad, AdamW, DecayOn, Lamb, Lion, Muon, MuonOptions};

const SHAPES: [&[usize]; 5] = [&[3, 4], &[4], &[4, 5], &[6, 3], &[3, 2]];
const RATE: f64 = 0.05;

fn optimizer(name: &str) -> Box<dyn Optimizer<f64>> {
    let lion = || Lion::new(0.9, 0.99, 0.2).unwrap();
    let lamb = || Lamb::new(0.9, 0.999, 1e-6, 0.1).unwrap();
    let adamw = || AdamW::new(0.9, 0.999, 1e-8, 0.3).unwrap();
    match name {
        "lion" => Box::new(lion()),
        "lion matrices" => Box::new(lion().decay_on(DecayOn::Matrices)),
        "lamb" => Box::new(lamb()),
        "lamb matrices" => Box::new(lamb().decay_on(DecayOn::Matrices)),
        "adagrad" => Box::new(AdaGrad::new(0.1, 1e-7).unwrap()),
        "muon" => {
            let (beta, beta1, beta2, eps, rest_rate, decay) = (0.95, 0.9, 0.95, 1e-10, 0.015, 0.1);
            Box::new(Muon::new(MuonOptions { beta, beta1, beta2, eps, rest_rate, decay }).unwrap())
        }
        "adamw" => Box::new(adamw()),
        "adamw matrices" => Box::new(adamw().decay_on(DecayOn::Matrices)),
        other => panic!("{other}: which optimizer is that?"),
    }
}

#[test]
fn every_step_is_that_of_optax() {
    let text = include_str!("../reference/optimizers.csv");
    let mut rows: Vec<Vec<&str>> = text.lines().skip(2).map(|line| line.split(',').collect()).collect();
    let mut methods = 0;
    while let Some(name) = rows.first().map(|row| row[0]) {
        let (own, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row[0] == name);
        rows = others;
        methods += 1;
        assert_eq!(own.len(), 12, "{name}");
        let layers = Layer::in_order(SHAPES.iter().zip(["a", "b", "c", "d", "e"]).map(|(s, name)| (name, s.to_vec())));
        let dim = layers[4].range.end;
        let mut method = optimizer(name);
        method.set_layers(&layers).unwrap();
        let mut w: Vec<f64> = (0..dim).map(|i| (0.9 * i as f64).cos()).collect();
        let mut u = vec![0.0; dim];
        for (t, row) in own.iter().enumerate() {
            let gradient = |i: usize| (1.0 + 0.7 * i as f64 + 1.3 * t as f64).sin() + 0.3 * w[i];
            let g: Vec<f64> = (0..dim).map(gradient).collect();
            method.direction(&w, &g, &mut u).unwrap();
            w.iter_mut().zip(&u).for_each(|(w, u)| *w += RATE * u);
            for (layer, expected) in layers.iter().zip(&row[2..]) {
                let got: f64 = layer.range.clone().map(|i| w[i] * (i as f64).cos()).sum();
                let expected: f64 = expected.parse().unwrap();
                assert!((got - expected).abs() < 1e-11, "{name}, step {t}, {}: {got} {expected}", layer.name);
            }
        }
    }
    assert_eq!(methods, 8);
}
