use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::json;

use super::answer::{Pairs, all, answer, needed, number, one};
use crate::app::{App, Shared, locked};
use crate::error::Refusal;
use crate::records::OfRun;
use crate::series::Wanted;

/// So many quantities may be asked for at once.
const MOST: usize = 256;
/// And so many densities.
const DENSITIES: usize = 200;

/// Curves of a run: `run`, `name` (several), `x` (step, cost or seconds), `from`, `to`, `pixels`, `log` (1 for a logarithmic axis).
pub async fn series(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |app| {
        let run = needed(&pairs, "run")?;
        let wanted = wanted(&pairs)?;
        let records = records_of(app, run)?;
        let series = locked(&records);
        let window = series.window(&wanted)?;
        Ok(json!({
            "run": run,
            "x": wanted.x,
            "names": wanted.names,
            "curves": window.curves,
            "share": window.share,
            "generation": series.generation,
            "last": series.last_step,
            "records": series.records,
            "damaged": series.damaged,
            "there": series.names(),
            "marks": series.marks,
            "met": series.met,
        }))
    })
    .await
}

/// Densities of the spectrum along a run: `run`.
pub async fn densities(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |app| {
        let records = records_of(app, needed(&pairs, "run")?)?;
        let series = locked(&records);
        Ok(json!({ "densities": series.densities(DENSITIES)?, "share": series.share() }))
    })
    .await
}

/// The records of the run of this name.
///
/// # Errors
/// A sentence where there is none, or its file lies elsewhere.
pub fn records_of(app: &App, run: &str) -> Result<OfRun, Refusal> {
    let path = app.run(run)?.join("steps.jsonl");
    if path.symlink_metadata().is_ok() && !app.inside(&path).is_some_and(|path| path.is_file()) {
        return Err(Refusal::missing(format!("run `{run}`: its records lie elsewhere, and are not shown")));
    }
    Ok(app.records.of(run, &path)?)
}

fn wanted(pairs: &[(String, String)]) -> Result<Wanted, Refusal> {
    let names = all(pairs, "name");
    if names.len() > MOST {
        return Err(Refusal::wrong(format!("name: expected {MOST} quantities at most, got {}", names.len())));
    }
    let x = match one(pairs, "x").unwrap_or("step") {
        "step" => "step",
        "cost" => "cost",
        "seconds" => "seconds",
        other => return Err(Refusal::wrong(format!("x: expected step, cost or seconds, got `{other}`"))),
    };
    let pixels = number(pairs, "pixels")?.unwrap_or(600.0).clamp(16.0, 8192.0) as usize;
    let from = number(pairs, "from")?.unwrap_or(f64::NEG_INFINITY);
    let to = number(pairs, "to")?.unwrap_or(f64::INFINITY);
    if from > to {
        return Err(Refusal::wrong(format!("from: expected at most {to}, where the window ends, got {from}")));
    }
    Ok(Wanted { names, x, from, to, pixels, log: one(pairs, "log") == Some("1") })
}
