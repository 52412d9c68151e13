use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{Pairs, answer, needed, one};
use crate::app::Shared;
use crate::sweep::{Now, Point, points, seconds_left};

/// The sweeps below the folder, each with how many of its runs are at their end.
pub async fn sweeps(State(app): State<Shared>) -> Response {
    answer(app, |app| {
        let about = |name: String| {
            let told = app.plan(&name).and_then(|plan| {
                let (runs, _) = app.runs_of(&name, &plan, &plan.metric)?;
                let ended = runs.iter().filter(|run| run.ended).count();
                Ok(json!({ "sweep": name, "file": plan.sweep, "runs": runs.len(), "ended": ended, "working": at_work(&runs) }))
            });
            told.unwrap_or_else(|refusal| json!({ "sweep": name, "problem": refusal.1 }))
        };
        let found: Vec<Value> = app.sweeps()?.into_iter().map(about).collect();
        Ok(json!({ "sweeps": found }))
    })
    .await
}

/// How far one of them is: `sweep`, `value` (a number of the summaries; the sweep's own metric if absent).
pub async fn sweep(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |app| {
        let name = needed(&pairs, "sweep")?;
        let plan = app.plan(name)?;
        let value = one(&pairs, "value").filter(|value| !value.is_empty()).unwrap_or(&plan.metric);
        let (runs, numbers) = app.runs_of(name, &plan, value)?;
        let points = points(&runs, plan.smaller_is_better);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        runs.iter().for_each(|run| *counts.entry(&run.status[..]).or_default() += 1);
        Ok(json!({
            "sweep": name,
            "file": plan.sweep,
            "metric": plan.metric,
            "smaller_is_better": plan.smaller_is_better,
            "value": value,
            "numbers": numbers,
            "ended": runs.iter().filter(|run| run.ended).count(),
            "counts": counts,
            "left": seconds_left(&runs),
            "working": at_work(&runs),
            "groups": groups(&points),
            "points": points,
            "runs": runs,
        }))
    })
    .await
}

fn at_work(runs: &[Now]) -> usize {
    runs.iter().filter(|run| run.worker.as_ref().is_some_and(|worker| worker.state == "working")).count()
}

/// The best of each group, in the order of the plan.
fn groups(points: &[Point]) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for point in points {
        if !names.contains(&&point.group[..]) {
            names.push(&point.group);
        }
    }
    let group = |name: &str| {
        let own = || points.iter().filter(|point| point.group == name);
        let sum = |place: usize| own().map(|point| point.counts[place]).sum::<usize>();
        let best = own().find(|point| point.is_best);
        json!({ "group": name, "best": best, "counts": [sum(0), sum(1), sum(2), sum(3)] })
    };
    names.into_iter().map(group).collect()
}
