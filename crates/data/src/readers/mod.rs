//! Readers of published formats, one per file. Each unpacks gzip by itself, up to a limit ([`Unpacked`]).

mod cifar;
mod cifar_names;
mod csv;
mod foreign;
mod idx;
pub mod images;
mod source;
mod text;
mod unpacked;

pub use cifar::{Cifar, cifar};
pub use csv::{csv, csv_split};
pub use idx::{idx, idx_images, idx_split};
pub use text::{Text, Tokens, text, text_of, text_with};
pub use unpacked::{LEAST_MIB, TIMES, Unpacked};

pub(crate) use csv::{Listeners, read as read_csv, split as split_table, split_by as split_table_by};
pub(crate) use source::{Content, Source};

/// The same bytes, gzip'd: for tests.
#[cfg(test)]
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
