use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::answer;
use crate::app::Shared;

/// What every page needs to know first.
pub async fn hello(State(app): State<Shared>) -> Response {
    answer(app, |app| {
        let palette: Vec<&str> = (0..7).map(|index| onedge_plot::stroke(index).color).collect();
        let columns = onedge_record::COLUMNS.iter().map(|column| (column.name, column.doc));
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "instance": app.instance,
            "folder": app.called,
            "there": app.root.is_dir(),
            "token": app.guard.handed_out(),
            "palette": palette,
            "quantities": columns.map(|(name, doc)| json!([name, doc])).collect::<Vec<Value>>(),
        }))
    })
    .await
}

/// Every word that can be explained.
pub async fn words(State(app): State<Shared>) -> Response {
    answer(app, |app| Ok(app.words.clone())).await
}
