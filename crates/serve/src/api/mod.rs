//! What pages ask for, as JSON: a file for each kind of question.

mod answer;
mod figures;
mod groups;
mod hello;
mod live;
mod note;
mod run;
mod runs;
mod series;
mod stop;
mod sweep;
mod tags;
mod theory;

pub use groups::mean;

use axum::Router;
use axum::routing::{get, post};

use crate::app::Shared;
use crate::error::Refusal;

/// Every address of data.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/hello", get(hello::hello))
        .route("/api/words", get(hello::words))
        .route("/api/runs", get(runs::runs))
        .route("/api/groups", get(groups::groups))
        .route("/api/run", get(run::run))
        .route("/api/settings", get(run::settings))
        .route("/api/difference", get(run::difference))
        .route("/api/series", get(series::series))
        .route("/api/densities", get(series::densities))
        .route("/api/live", get(live::live))
        .route("/api/figures", get(figures::figures))
        .route("/api/figure", get(figures::picture))
        .route("/api/sweeps", get(sweep::sweeps))
        .route("/api/sweep", get(sweep::sweep))
        .route("/api/tag", post(tags::tag))
        .route("/api/note", post(note::note))
        .route("/api/stop", post(stop::stop))
        .route("/api/theory", get(theory::theory))
        .fallback(unknown)
}

async fn unknown() -> Refusal {
    Refusal::missing(
        "expected a page or data of this server, got an address that it does not have; open the address that was printed",
    )
}
