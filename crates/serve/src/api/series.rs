use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{Pairs, all, answer, needed, number, one};
use crate::app::{App, Shared, locked};
use crate::error::Refusal;
use crate::records::OfRun;
use crate::series::Wanted;

/// So many quantities may be asked for at once.
const MOST: usize = 256;
/// Of so many runs.
const RUNS: usize = 64;
/// And so many densities.
const DENSITIES: usize = 200;

/// Curves of some runs: `run` (several), `name` (several), `x` (step, cost or seconds), `from`, `to`, `pixels`, `log` (1 for a logarithmic axis). Of several, a run
/// that cannot be shown has its `problem` in the place of its curves.
pub async fn series(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |app| {
        let (runs, wanted) = (all(&pairs, "run"), wanted(&pairs)?);
        if runs.is_empty() || runs.len() > RUNS {
            return Err(Refusal::wrong(format!("run: expected 1 to {RUNS} runs, got {}", runs.len())));
        }
        let of = |run: &String| match curves(app, run, &wanted) {
            Err(Refusal(_, problem)) if runs.len() > 1 => Ok(json!({ "run": run, "problem": problem })),
            answer => answer,
        };
        // Files may have to be read: by as many threads as there are processors.
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(runs.len());
        let answers: Result<Vec<Value>, Refusal> = std::thread::scope(|scope| {
            let parts = runs.chunks(runs.len().div_ceil(threads));
            let work: Vec<_> = parts.map(|part| scope.spawn(|| part.iter().map(of).collect::<Vec<_>>())).collect();
            let done =
                work.into_iter().map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            done.flatten().collect()
        });
        Ok(json!({ "runs": answers? }))
    })
    .await
}

fn curves(app: &App, run: &str, wanted: &Wanted) -> Result<Value, Refusal> {
    let records = records_of(app, run)?;
    let series = locked(&records);
    let window = series.window(wanted)?;
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
