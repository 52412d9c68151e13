//! As much of the protocol buffers' wire format as event files and models need.

/// A message as it is encoded so far. Fields may come in any order; numbers of fields are those of the message's definition.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<u8>);

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED_32: u64 = 5;

impl Message {
    /// Without any field.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same again, keeping its room.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Encoded.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same, without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// An `int32`, `int64`, `bool` or enum.
    pub fn integer(&mut self, field: u32, value: i64) {
        self.key(field, VARINT);
        self.varint(value as u64);
    }

    /// A `double`.
    pub fn double(&mut self, field: u32, value: f64) {
        self.key(field, FIXED_64);
        self.0.extend(value.to_le_bytes());
    }

    /// A `float`.
    pub fn float(&mut self, field: u32, value: f32) {
        self.key(field, FIXED_32);
        self.0.extend(value.to_le_bytes());
    }

    /// A `string` or `bytes`.
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, LENGTH);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    /// Another message.
    pub fn message(&mut self, field: u32, value: &Self) {
        self.bytes(field, &value.0);
    }

    fn key(&mut self, field: u32, wire: u64) {
        self.varint(u64::from(field) << 3 | wire);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the format's documentation.
    #[test]
    fn encodes_as_documented() {
        let mut message = Message::new();
        message.integer(1, 150);
        assert_eq!(message.as_bytes(), [0x08, 0x96, 0x01]);
        let mut outer = Message::new();
        outer.bytes(2, b"testing");
        assert_eq!(outer.as_bytes(), b"\x12\x07testing");
        outer.clear();
        outer.message(3, &message);
        assert_eq!(outer.as_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        outer.clear();
        outer.integer(1, -2);
        assert_eq!(outer.as_bytes(), [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
        outer.clear();
        outer.float(16, 1.0);
        assert_eq!(outer.as_bytes(), [0x85, 0x01, 0, 0, 0x80, 0x3f]);
    }
}
