use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use onedge_store::{Found, Store};
use serde::Deserialize;
use serde_json::json;

use super::answer::answer;
use crate::app::Shared;
use crate::error::Refusal;

/// What is to be noted of a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    run: String,
    note: String,
}

/// Notes something of a run, in the place of an earlier note. The answer has the note that it then has.
pub async fn note(State(app): State<Shared>, change: Result<Json<Change>, JsonRejection>) -> Response {
    let Json(Change { run, note }) = match change {
        Ok(change) => change,
        Err(error) => {
            return Refusal(error.status(), format!("expected a run with a note, got: {error}")).into_response();
        }
    };
    answer(app, move |app| {
        let path = app.run(&run)?;
        let found = Found { folder: run, path };
        let note = Store::open(&app.root, &app.catalogue)?.note(&found, &note)?;
        Ok(json!({ "note": note }))
    })
    .await
}
