//! The pages: all of them are in the program.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::Refusal;

macro_rules! files {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("page/", $name)))),*] };
}

/// What browsers are handed, by name.
const FILES: &[(&str, &str)] = files![
    "index.html",
    "style.css",
    "icon.svg",
    "main.js",
    "api.js",
    "dom.js",
    "format.js",
    "words.js",
    "table.js",
    "charts.js",
    "panels.js",
    "follow.js",
    "runs.js",
    "actions.js",
    "sweep.js",
    "grid.js",
    "run.js",
    "compare.js",
    "figures.js",
    "theory.js",
];

/// The library for charts, as the crate `plotly` carries it.
const CHARTS: &str = "plotly.js";

/// The page itself, whatever its address: it finds out what to show.
pub async fn index(headers: HeaderMap) -> Response {
    file(Path("index.html".to_owned()), headers).await
}

/// A file of the page.
pub async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let body = match FILES.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => Bytes::from_static(text.as_bytes()),
        None if name == CHARTS => charts(),
        None => return Refusal::missing("expected a file of the page, got another name").into_response(),
    };
    let tag = tag(&body);
    let kind = match name.rsplit_once('.').map(|(_, end)| end) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/html; charset=utf-8",
    };
    let own: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"0\""))),
    ];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, own).into_response();
    }
    (own, body).into_response()
}

/// Made once: of the scripts that the crate hands out as HTML the first one is the library; the second one sets formulas, which no chart here has.
fn charts() -> Bytes {
    static SCRIPT: OnceLock<Bytes> = OnceLock::new();
    let made = || {
        let html = plotly::Plot::offline_js_sources();
        let script = html.split_once('>').map_or("", |(_, rest)| rest);
        let end = script.find("</script>").unwrap_or(script.len());
        Bytes::copy_from_slice(&script.as_bytes()[..end])
    };
    SCRIPT.get_or_init(made).clone()
}

/// Tells versions of a file apart, so that browsers keep what has not changed.
fn tag(body: &[u8]) -> String {
    // FNV-1a.
    let hash = body
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    format!("\"{hash:016x}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_whole() {
        let script = charts();
        let text = std::str::from_utf8(&script).unwrap();
        assert!(text.starts_with("/**") && text.contains("* plotly.js v3"), "{}", &text[..80]);
        assert!(text.len() > 3_000_000 && !text.contains("MathJax.js"), "{}", text.len());
    }

    #[test]
    fn every_module_that_is_imported_is_there() {
        for (name, text) in FILES {
            for line in text.lines().filter(|line| line.contains("from \"./")) {
                let imported = line.split("from \"./").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
                assert!(FILES.iter().any(|(known, _)| *known == imported), "{name}: {imported}");
            }
            assert!(!text.contains("http://") || *name == "icon.svg", "{name}");
            assert!(!text.contains("https://"), "{name}");
        }
    }
}
