//! Pages over all runs below a folder, live: a server, its data as JSON, and what browsers show of them.
//!
//! Everything is in the program: the pages ask no other machine for anything. Only this machine is answered unless the server is told
//! otherwise, and then only who has its token.
//!
//! Knows nothing of how runs are done, and nothing of the command line.
#![forbid(unsafe_code)]

mod api;
mod app;
mod assets;
mod error;
mod guard;
mod listing;
mod records;
mod series;
mod server;
mod sweep;

pub use app::Explained;
pub use error::Error;
pub use server::{Options, Server};
