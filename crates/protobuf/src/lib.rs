//! Messages in the wire format of protocol buffers, written field by field.
//!
//! Knows nothing of what a message means: numbers of fields are those of whoever defines it.
#![forbid(unsafe_code)]

mod message;

pub use message::Message;
