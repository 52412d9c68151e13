//! Byte-pair encodings: Sennrich, Haddow, Birch 2016, arXiv 1508.07909; of bytes as GPT-2 has them: Radford et al. 2019.

#[cfg(not(feature = "bpe"))]
mod absent;
#[cfg(feature = "bpe")]
mod present;

#[cfg(not(feature = "bpe"))]
pub use absent::Pieces;
#[cfg(feature = "bpe")]
pub use present::Pieces;
