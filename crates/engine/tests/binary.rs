//! Yes and no answers with logits of any size, in single precision against the formulas in double precision.

use std::collections::BTreeMap;
use std::sync::Arc;

use onedge_engine::{DataObjective, Examples, Field, Options};
use onedge_nn::{Io, Target, loss_graph, losses, models};
use onedge_objective::Objective;

/// The model `w x` with w = 1 on one example: the logit is x, and derivatives by w are those by the logit times x, x^2.
fn measure(logit: f32, target: f32) -> [f64; 4] {
    let target_kind = Target::Values { width: 1 };
    let given = BTreeMap::from([
        ("bias".to_owned(), onedge_registry::Value::Flag(false)),
        ("hidden".to_owned(), onedge_registry::Value::parse("[]")),
    ]);
    let model = Arc::new(models::build("mlp", given, &Io::new(&[1], 1).unwrap()).unwrap());
    let loss = losses::build("binary-cross-entropy", BTreeMap::new()).unwrap();
    let build = move |batch| Ok(loss_graph(&model, &loss, target_kind, batch)?);
    let field = |x: f32| Field { width: 1, values: Arc::new(vec![x]) };
    let examples = Examples::new(1, vec![field(logit), field(target)]).unwrap();
    let options = Options { threads: 1, lanes: 1, chunk: None, memory_bytes: 1 << 20 };
    let mut objective = DataObjective::<f32>::new(Box::new(build), examples, 0.0, options).unwrap();
    let (mut gradient, mut product) = ([0.0], [0.0]);
    let loss = objective.linearize(&[1.0], &mut gradient).unwrap();
    let curvature = objective.curvature(&[1.0]).unwrap();
    objective.hessian_vector(&[1.0], &mut product).unwrap();
    [loss, f64::from(gradient[0]), curvature, f64::from(product[0])]
}

#[test]
fn large_logits_lose_nothing() {
    for logit in [0.0f32, 1e-3, -0.1, 3.0, -9.5, 17.0, -20.0, 40.0, -60.0, 80.0, -80.0] {
        for target in [0.0f32, 1.0] {
            let z = f64::from(logit);
            // The loss of a target 1 is softplus(-z), of 0 softplus(z).
            let x = if target == 1.0 { -z } else { z };
            let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
            let slope = if target == 1.0 { -sigmoid(x) } else { sigmoid(x) };
            let second = sigmoid(z) * sigmoid(-z) * z * z;
            let expected = [x.max(0.0) + (-x.abs()).exp().ln_1p(), slope * z, second, second];
            for (got, expected) in measure(logit, target).iter().zip(expected) {
                assert!((got - expected).abs() <= 1e-5 * expected.abs(), "at {logit}, {target}: {got}, not {expected}");
            }
        }
    }
}
