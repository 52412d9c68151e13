//! Tables: cells of text from a file, and the encoding that turns them into numbers, learned from the training rows.

mod apply;
mod cells;
mod columns;
mod doubts;
mod encoding;
mod kinds;
mod labels;
mod learn;
mod numbers;
mod places;
mod quotes;
mod rules;
mod summary;

pub use apply::Encoded;
pub use cells::{Format, Table};
pub use encoding::{ColumnEncoding, Role, TableEncoding};
pub(crate) use learn::Draft;
pub use rules::{CATEGORIES, Column, MARKS, Missing, Rules, Unknown};
pub use summary::{ColumnSummary, Counted, Learned, TableSummary};
