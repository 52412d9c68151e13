use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::response::Response;
use onedge_registry::Value;
use onedge_theory::presets::{Curves, Outcome};
use serde_json::json;

use super::answer::{Pairs, answer, number, one};
use crate::app::Shared;
use crate::error::Refusal;

/// A run of the model is this long at most: it is computed whenever a slider moves.
const STEPS: f64 = 20_000.0;
/// So many points of it are drawn.
const POINTS: usize = 1500;

/// A run of the simplified model: every parameter of the address is a setting of `onedge theory run`.
pub async fn theory(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |_| {
        if number(&pairs, "steps")?.is_some_and(|steps| steps > STEPS) {
            return Err(Refusal::wrong(format!(
                "steps: expected {STEPS} at most, got {}; `onedge theory run` takes more",
                one(&pairs, "steps").unwrap_or_default()
            )));
        }
        let settings: BTreeMap<String, Value> =
            pairs.iter().map(|(key, value)| (key.clone(), Value::parse(value))).collect();
        let (outcome, settings) =
            onedge_theory::build("run", settings).map_err(|error| Refusal::wrong(error.to_string()))?;
        let Outcome::Curves(Curves { title, curves, .. }) = outcome else {
            return Err(Refusal::missing("expected a run of the model, got a map"));
        };
        let Some(curve) = curves.first() else { return Err(Refusal::missing("expected a run of the model, got none")) };
        let points = &curve.trajectory.points;
        let every = points.len().div_ceil(POINTS).max(1);
        let shown = || points.iter().step_by(every);
        let column = |read: fn(&onedge_theory::Point) -> f64| shown().map(read).collect::<Vec<f64>>();
        Ok(json!({
            "title": title,
            "label": curve.label,
            "stop": curve.trajectory.stop.to_string(),
            "success": curve.trajectory.stop.is_success(),
            "step": column(|point| point.step as f64),
            "eta": column(|point| point.eta),
            "lambda": column(|point| point.lambda),
            "product": column(|point| point.eta * point.lambda),
            "p": column(|point| point.p),
            "q": column(|point| point.q),
            "settings": settings.iter().map(|(key, value)| json!([key, value.to_string()])).collect::<Vec<_>>(),
        }))
    })
    .await
}
