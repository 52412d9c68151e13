use std::io::Write;
use std::path::Path;

use crate::Error;
use onedge_protobuf::Message;

/// An event file: records framed as TFRecord, each an `Event` of TensorFlow's `event.proto`.
pub struct Events<'a> {
    out: &'a mut dyn Write,
    path: &'a Path,
    event: Message,
    summary: Message,
    value: Message,
}

/// What a plugin of TensorBoard shows: `Summary.Value { tag, tensor, metadata: { plugin_data: { plugin_name, content } } }`.
#[derive(Debug, Clone)]
pub struct Plugin(Message);

impl Plugin {
    /// Markdown.
    pub fn text(tag: &str, text: &str) -> Self {
        const STRING: i64 = 7;
        let mut tensor = tensor(STRING);
        tensor.bytes(8, text.as_bytes());
        Self::new(tag, "text", &[], &tensor)
    }

    /// What the hyper-parameters' plugin reads, `HParamsPluginData` with one of its fields; the tensor is not looked at.
    pub fn hyper_parameters(tag: &str, field: u32, info: &Message) -> Self {
        const FLOAT: i64 = 1;
        let (mut tensor, mut data) = (tensor(FLOAT), Message::new());
        tensor.float(5, 0.0);
        data.message(field, info);
        Self::new(tag, "hparams", data.as_bytes(), &tensor)
    }

    fn new(tag: &str, name: &str, content: &[u8], tensor: &Message) -> Self {
        let (mut data, mut metadata, mut value) = (Message::new(), Message::new(), Message::new());
        data.bytes(1, name.as_bytes());
        data.bytes(2, content);
        metadata.message(1, &data);
        value.bytes(1, tag.as_bytes());
        value.message(8, tensor);
        value.message(9, &metadata);
        Self(value)
    }
}

/// `TensorProto { dtype, tensor_shape: [1] }`
fn tensor(kind: i64) -> Message {
    let (mut dim, mut shape, mut tensor) = (Message::new(), Message::new(), Message::new());
    dim.integer(1, 1);
    shape.message(2, &dim);
    tensor.integer(1, kind);
    tensor.message(2, &shape);
    tensor
}

impl<'a> Events<'a> {
    /// Begins the file, which `path` names in errors, at a time in seconds since 1970.
    ///
    /// # Errors
    /// Here and below: [`Write`](onedge_record::Error::Write).
    pub fn begin(out: &'a mut dyn Write, path: &'a Path, time: f64) -> Result<Self, Error> {
        let mut events = Self { out, path, event: Message::new(), summary: Message::new(), value: Message::new() };
        events.event.double(1, time);
        events.event.bytes(3, b"brain.Event:2");
        events.frame()?;
        Ok(events)
    }

    /// Appends points of curves at a step. TensorBoard keeps single precision.
    pub fn scalars<'t>(
        &mut self,
        time: f64,
        step: i64,
        values: impl Iterator<Item = (&'t str, f64)>,
    ) -> Result<(), Error> {
        self.summary.clear();
        for (tag, number) in values {
            self.value.clear();
            self.value.bytes(1, tag.as_bytes());
            self.value.float(2, number as f32);
            self.summary.message(1, &self.value);
        }
        self.event(time, step)
    }

    /// Appends what plugins show of the whole run.
    pub fn plugins(&mut self, time: f64, values: &[Plugin]) -> Result<(), Error> {
        self.summary.clear();
        values.iter().for_each(|Plugin(value)| self.summary.message(1, value));
        self.event(time, 0)
    }

    fn event(&mut self, time: f64, step: i64) -> Result<(), Error> {
        self.event.clear();
        self.event.double(1, time);
        self.event.integer(2, step);
        self.event.message(5, &self.summary);
        self.frame()
    }

    /// Length, its checksum, content, its checksum.
    fn frame(&mut self) -> Result<(), Error> {
        let content = self.event.as_bytes();
        let length = (content.len() as u64).to_le_bytes();
        let parts = [&length[..], &masked(&length).to_le_bytes(), content, &masked(content).to_le_bytes()];
        parts.iter().try_for_each(|part| self.out.write_all(part)).map_err(Error::write(self.path))
    }
}

/// CRC-32C, rotated and shifted, so that checksums of what holds checksums stay good.
pub fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}
