use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::Shared;
use crate::error::Refusal;

/// Does what reads files on a thread where that keeps nobody waiting, and answers in JSON.
pub async fn answer<V: Serialize + Send + 'static>(
    app: Shared,
    work: impl FnOnce(&Shared) -> Result<V, Refusal> + Send + 'static,
) -> Response {
    let made = tokio::task::spawn_blocking(move || {
        let value = work(&app)?;
        serde_json::to_vec(&value).map_err(|error| Refusal::failed(&error))
    });
    match made.await {
        Ok(Ok(json)) => ([(CONTENT_TYPE, "application/json")], Bytes::from(json)).into_response(),
        Ok(Err(refusal)) => refusal.into_response(),
        Err(_) => {
            let sentence = "this answer could not be made, which is a fault of the program; others can".to_owned();
            Refusal(axum::http::StatusCode::INTERNAL_SERVER_ERROR, sentence).into_response()
        }
    }
}

/// The values of all parameters of this name in the query of an address, decoded.
pub fn all(pairs: &[(String, String)], name: &str) -> Vec<String> {
    pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
}

/// The last of them.
pub fn one<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| &value[..])
}

/// A number among the parameters.
///
/// # Errors
/// A sentence for what is none.
pub fn number(pairs: &[(String, String)], name: &str) -> Result<Option<f64>, Refusal> {
    let Some(text) = one(pairs, name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = text.parse::<f64>().ok().filter(|number| !number.is_nan());
    number.map(Some).ok_or_else(|| Refusal::wrong(format!("{name}: expected a number, got `{text}`")))
}

/// The parameter that must be there.
///
/// # Errors
/// A sentence where it is not.
pub fn needed<'a>(pairs: &'a [(String, String)], name: &str) -> Result<&'a str, Refusal> {
    one(pairs, name).ok_or_else(|| Refusal::wrong(format!("expected `{name}` in the address, got none")))
}

/// A query as it was written.
pub type Pairs = axum::extract::Query<Vec<(String, String)>>;
