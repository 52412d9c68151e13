use axum::extract::{Query, State};
use axum::response::Response;
use serde_json::json;

use super::answer::{Pairs, answer, one};
use crate::app::Shared;
use crate::error::Refusal;
use crate::listing;

/// So many columns may be asked for.
const MOST: usize = 100;

/// The table of runs: `where` (a filter), `columns` (separated by commas), `since` (the revision that is known).
pub async fn runs(State(app): State<Shared>, Query(pairs): Pairs) -> Response {
    answer(app, move |app| {
        let query = query(&pairs)?;
        let since = one(&pairs, "since").and_then(|text| text.parse().ok());
        let table = app.table(&query)?;
        let changes = table.since(since);
        let keys = if changes.whole { &table.keys[..] } else { &[] };
        Ok(json!({
            "revision": table.revision,
            "columns": query.columns,
            "whole": changes.whole,
            "rows": changes.rows,
            "gone": changes.gone,
            "all": table.all,
            "fit": table.rows.len(),
            "keys": keys,
            "notes": table.notes,
            "pause": table.pause.as_millis() as u64,
        }))
    })
    .await
}

/// What an address asks for.
///
/// # Errors
/// A sentence for too many columns.
pub fn query(pairs: &[(String, String)]) -> Result<listing::Query, Refusal> {
    let columns = one(pairs, "columns").unwrap_or("status,name");
    let columns: Vec<String> =
        columns.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
    if columns.len() > MOST {
        return Err(Refusal::wrong(format!("columns: expected {MOST} at most, got {}", columns.len())));
    }
    Ok(listing::Query { filter: one(pairs, "where").unwrap_or_default().to_owned(), columns })
}
