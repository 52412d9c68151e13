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

/// What is to become of the tags of a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    run: String,
    #[serde(default)]
    more: Vec<String>,
    #[serde(default)]
    fewer: Vec<String>,
}

/// Gives a run tags, and takes others away. The answer has the tags that it then has.
pub async fn tag(State(app): State<Shared>, change: Result<Json<Change>, JsonRejection>) -> Response {
    let Json(Change { run, more, fewer }) = match change {
        Ok(change) => change,
        Err(error) => {
            return Refusal(error.status(), format!("expected a run with tags, got: {error}")).into_response();
        }
    };
    answer(app, move |app| {
        let path = app.run(&run)?;
        let file = path.join("tags");
        if file.symlink_metadata().is_ok() && app.inside(&file).is_none() {
            return Err(Refusal::missing(format!("run `{run}`: its tags lie elsewhere, and are not changed")));
        }
        let found = Found { folder: run, path };
        let tags = Store::open(&app.root, &app.catalogue)?.tag(&found, &more, &fewer)?;
        Ok(json!({ "tags": tags }))
    })
    .await
}
