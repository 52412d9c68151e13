use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// What keeps a server from being there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such folder.
    #[error("{}: expected a folder with runs below it, got none; train one first, or name the folder where they are", .0.display())]
    NoFolder(PathBuf),
    /// The port is taken.
    #[error("port {port}: expected one that is free, got one that another program uses; try --port {next}")]
    PortInUse {
        /// Which.
        port: u16,
        /// One that is free.
        next: u16,
    },
    /// It cannot listen there.
    #[error("{address}: cannot listen: {source}; try another --host or --port")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The name of a host that is none.
    #[error("--host: expected the address of this machine, like 0.0.0.0, got `{0}`, which cannot be found")]
    Host(String),
    /// The system has no threads, or no random numbers.
    #[error("cannot begin to serve: {0}")]
    System(std::io::Error),
}

impl Error {
    /// Whether the request was wrong, rather than that something failed on the way.
    pub fn is_misuse(&self) -> bool {
        !matches!(self, Self::System(_))
    }
}

/// An answer that is a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub StatusCode, pub String);

impl Refusal {
    /// Something that is not there.
    pub fn missing(sentence: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, sentence.into())
    }

    /// A question that cannot be answered as it was put.
    pub fn wrong(sentence: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, sentence.into())
    }

    /// Something that failed on the way.
    pub fn failed(error: &dyn std::error::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<onedge_store::Error> for Refusal {
    fn from(error: onedge_store::Error) -> Self {
        if error.is_misuse() { Self::wrong(error.to_string()) } else { Self::failed(&error) }
    }
}

impl From<onedge_record::Error> for Refusal {
    fn from(error: onedge_record::Error) -> Self {
        Self::failed(&error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, axum::Json(serde_json::json!({ "error": self.1 }))).into_response()
    }
}
