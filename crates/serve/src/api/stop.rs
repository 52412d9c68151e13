use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use onedge_record::RunDirectory;
use serde::Deserialize;
use serde_json::json;

use super::answer::answer;
use crate::app::Shared;
use crate::error::Refusal;

/// Which run is to end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    run: String,
}

/// Asks the process that is at a run to end it after its step, with a checkpoint, as Ctrl-C does. One that nobody is at is not asked.
pub async fn stop(State(app): State<Shared>, request: Result<Json<Request>, JsonRejection>) -> Response {
    let Json(Request { run }) = match request {
        Ok(request) => request,
        Err(error) => return Refusal(error.status(), format!("expected a run, got: {error}")).into_response(),
    };
    answer(app, move |app| {
        let directory = RunDirectory::at(&app.run(&run)?);
        let ended = || {
            let sentence = format!("run `{run}`: expected one that a process is at, got one that has ended");
            Refusal(StatusCode::CONFLICT, sentence)
        };
        if !directory.is_running() {
            return Err(ended());
        }
        // A link would have something written elsewhere, a pipe would keep whoever writes.
        if directory.stop_request().symlink_metadata().is_ok_and(|there| !there.is_file()) {
            let sentence = format!("run `{run}`: expected no `stop` in its folder, or a file, got something else");
            return Err(Refusal(StatusCode::CONFLICT, sentence));
        }
        directory.ask_to_stop()?;
        // It may have ended just now.
        if !directory.is_running() {
            directory.forget_stop_request();
            return Err(ended());
        }
        Ok(json!({ "asked": true }))
    })
    .await
}
