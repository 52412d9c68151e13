//! New records as they are written, as events that a page may ask for again from where it was cut off.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use onedge_record::RunLock;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::answer::{Pairs, all, one};
use super::series::records_of;
use crate::app::{App, Shared, locked};
use crate::error::Refusal;

/// Files are looked at so often.
const TICK: Duration = Duration::from_millis(400);
/// Something is said at least so often, so that each side notices when the other is gone.
const SILENCE: Duration = Duration::from_secs(5);
/// More new records than these are not sent one by one: the page is told to ask for its curves again.
const MOST: usize = 4000;
/// So many runs are followed by one page.
const RUNS: usize = 100;

/// How far a page knows a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    generation: u64,
    /// The last step; none before the first.
    step: Option<u64>,
}

/// Follows runs: `run` (several), `name` (several), `after` (for each run `generation.step`, separated by commas, as the last event's id has
/// it; the header `last-event-id` says the same).
pub async fn live(State(app): State<Shared>, Query(pairs): Pairs, headers: HeaderMap) -> Response {
    let (runs, names) = (all(&pairs, "run"), all(&pairs, "name"));
    if runs.is_empty() || runs.len() > RUNS {
        return Refusal::wrong(format!("run: expected 1 to {RUNS} runs to follow, got {}", runs.len())).into_response();
    }
    let Ok(permit) = app.streams.clone().try_acquire_owned() else {
        let sentence =
            "too many pages follow runs at the same time; close one of them, and this one goes on".to_owned();
        return Refusal(StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
    };
    let last =
        headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(one(&pairs, "after")).unwrap_or_default();
    let known = known(last, runs.len());
    let (send, mut receive) = mpsc::channel::<Bytes>(4);
    tokio::spawn(async move {
        let _permit = permit;
        follow(app, runs, names, known, send).await;
    });
    let stream = futures_util::stream::poll_fn(move |context| {
        receive.poll_recv(context).map(|bytes| bytes.map(Ok::<_, Infallible>))
    });
    let mut response = Body::from_stream(stream).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Until the page is gone.
async fn follow(
    app: Shared,
    runs: Vec<String>,
    names: Vec<String>,
    known: Vec<Option<Known>>,
    send: mpsc::Sender<Bytes>,
) {
    let mut state: Vec<Followed> =
        known.into_iter().map(|known| Followed { known, running: None, problem: None }).collect();
    let (mut said, mut next) = (Instant::now(), Instant::now());
    // At once, so that the page knows that it is connected.
    let mut text = "retry: 1000\n\n".to_owned();
    loop {
        let (at, wanted, shared, before) = (runs.clone(), names.clone(), app.clone(), state.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let mut events = String::new();
            let after: Vec<Followed> = before
                .into_iter()
                .enumerate()
                .map(|(place, followed)| look(&shared, place, &at[place], &wanted, followed, &mut events))
                .collect();
            (events, after)
        });
        let Ok((events, after)) = looked.await else { return };
        if !events.is_empty() {
            text += &events;
            text += &format!("id: {}\nevent: known\ndata: 1\n\n", id(&after));
        }
        state = after;
        if text.is_empty() && said.elapsed() >= SILENCE {
            text += "event: here\ndata: 1\n\n";
        }
        if !text.is_empty() {
            said = Instant::now();
            if send.send(Bytes::from(std::mem::take(&mut text))).await.is_err() {
                return;
            }
        }
        next = (next + TICK).max(Instant::now() + TICK / 4);
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = send.closed() => return,
        }
    }
}

/// One of the runs that a page follows.
#[derive(Debug, Clone)]
struct Followed {
    /// `None` until its first look: what is there then the page asks for itself.
    known: Option<Known>,
    running: Option<bool>,
    problem: Option<String>,
}

/// Looks at a run once, and says what is new of it.
fn look(app: &App, place: usize, run: &str, names: &[String], mut followed: Followed, events: &mut String) -> Followed {
    let mut tell = |event: &str, data: serde_json::Value| {
        events.push_str(&format!("event: {event}\ndata: {data}\n\n"));
    };
    match records(app, run, names, followed.known) {
        Ok((now, tail, running)) => {
            if followed.problem.take().is_some() {
                tell("again", json!({ "place": place }));
            }
            let replaced = followed.known.is_some_and(|known| known.generation != now.generation);
            match tail {
                _ if replaced => tell("replaced", json!({ "place": place })),
                None => tell("many", json!({ "place": place, "last": now.step })),
                Some(tail) if !tail.step.is_empty() => tell("records", json!({ "place": place, "records": tail })),
                Some(_) => {}
            }
            if followed.running.is_some_and(|before| before != running) || followed.running.is_none() {
                tell("status", json!({ "place": place, "running": running }));
            }
            Followed { known: Some(now), running: Some(running), problem: None }
        }
        Err(Refusal(_, sentence)) => {
            if followed.problem.as_ref() != Some(&sentence) {
                tell("problem", json!({ "place": place, "says": sentence }));
            }
            Followed { problem: Some(sentence), ..followed }
        }
    }
}

type Looked = (Known, Option<crate::series::Tail>, bool);

fn records(app: &App, run: &str, names: &[String], known: Option<Known>) -> Result<Looked, Refusal> {
    let folder = app.run(run)?;
    // Before the records: whoever is seen to have ended has written all of them.
    let running = is_running(&folder);
    let records = records_of(app, run)?;
    let series = locked(&records);
    let now = Known { generation: series.generation, step: series.last_step };
    let same = known.is_none_or(|known| known == now);
    let tail = if same {
        Some(crate::series::Tail::default())
    } else if known.is_some_and(|known| known.generation == now.generation) {
        series.after(known.and_then(|known| known.step), names, MOST)?
    } else {
        None
    };
    Ok((now, tail, running))
}

fn is_running(folder: &Path) -> bool {
    RunLock::is_held(folder)
}

fn id(state: &[Followed]) -> String {
    let one = |followed: &Followed| match followed.known {
        None => String::new(),
        Some(Known { generation, step: None }) => format!("{generation}."),
        Some(Known { generation, step: Some(step) }) => format!("{generation}.{step}"),
    };
    state.iter().map(one).collect::<Vec<_>>().join(",")
}

/// What an id says; nothing of runs that it says nothing sensible of.
fn known(id: &str, runs: usize) -> Vec<Option<Known>> {
    let one = |text: &str| {
        let (generation, step) = text.split_once('.')?;
        let step = if step.is_empty() { None } else { Some(step.parse().ok()?) };
        Some(Known { generation: generation.parse().ok()?, step })
    };
    let mut all: Vec<Option<Known>> = id.split(',').take(runs).map(one).collect();
    all.resize(runs, None);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_how_far_each_run_is_known() {
        let followed = |known| Followed { known, running: None, problem: None };
        let states = [Some(Known { generation: 2, step: Some(71) }), None, Some(Known { generation: 0, step: None })];
        let text = id(&states.map(followed));
        assert_eq!(text, "2.71,,0.");
        assert_eq!(known(&text, 3), states);
        assert_eq!(known("", 2), [None, None]);
        assert_eq!(
            known("x.1,1.x,99999999999999999999.1,1.2,3.4", 4),
            [None, None, None, Some(Known { generation: 1, step: Some(2) })]
        );
    }
}
