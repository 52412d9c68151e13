//! Single-threaded kernels. [`table`] says which one an op has; loops are compiled for each level of vector instructions
//! and chosen at run time, and no order of a sum depends on that choice.

mod binary;
mod boxes;
mod conv2d;
mod dispatch;
mod element;
mod elementwise;
mod functions;
mod gemm;
mod logarithms;
mod pieces;
mod place;
mod product;
mod rows;
mod spread;
mod sum;
mod table;
mod turn;
mod unary;
mod vector_math;
mod whole;

pub use binary::Pair;
pub use dispatch::{TILE, vectorised};
pub use element::Element;
pub use elementwise::Elementwise;
pub use gemm::{Gemm, gemm};
pub use pieces::{ELEMENTS, Piece, Pieces, bounds};
pub use product::{Product, Sharing, Slice};
pub use spread::Spread;
pub use sum::{Sum, accumulate, add_tiles, add_window, sum, tile_total, total};
pub use table::{Cost, Kind, Maker, entry};
pub use whole::Whole;
