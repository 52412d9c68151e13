//! Readers of published formats, one per file.
