//! v1 values as bytes and back: JSON by Mesos' rules, or protobuf.
//!
//! The build makes a constant table of every message (see `shape`). With it one small engine
//! turns the protobuf form of any message into JSON and JSON into the protobuf form (`json`),
//! and checks foreign protobuf for what prost lets pass (`check`). So there is one generated
//! codec, prost's, and no attribute on any type.
//!
//! | Place | Form |
//! |---|---|
//! | HTTP, `Content-Type: application/json` | JSON |
//! | HTTP, `Content-Type: application/x-protobuf` | protobuf |
//! | inside internal messages, as [`Pb`] or [`Packed`] | protobuf in bincode, JSON where people read |

mod check;
mod content_type;
mod encoded;
mod json;
mod packed;
mod pb;
mod raw;
mod shape;
mod tables;

pub use content_type::{ContentType, accepts};
pub use encoded::{Encoded, Part};
pub use json::MAX_DEPTH;
pub use packed::Packed;
pub use pb::Pb;
pub use shape::Described;

use thiserror::Error;

/// Why bytes are not the message they should be.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Not JSON, not an object, a value of the wrong type, or a required field is missing; the
    /// text names the field's path.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Not protobuf, or a field of the wrong type.
    #[error("malformed protobuf: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// A `required` field is not there.
    #[error("missing required field `{path}`")]
    MissingField {
        /// The field's path from the top, such as `subscribe.framework_info.user`.
        path: String,
    },
    /// A field announces more bytes than there are.
    #[error("malformed protobuf: the message ends within a field")]
    Truncated,
    /// Messages within messages beyond [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} messages")]
    TooDeep,
}

/// Reads a message in the given form.
pub fn decode<T: Described>(content_type: ContentType, bytes: &[u8]) -> Result<T, DecodeError> {
    match content_type {
        ContentType::Json => decode_json(bytes),
        ContentType::Protobuf => decode_protobuf(bytes),
    }
}

/// Writes a message in the given form.
pub fn encode<T: Described>(content_type: ContentType, message: &T) -> Vec<u8> {
    match content_type {
        ContentType::Json => encode_json(message),
        ContentType::Protobuf => encode_protobuf(message),
    }
}

/// Reads a message from v1 JSON.
pub fn decode_json<T: Described>(bytes: &[u8]) -> Result<T, DecodeError> {
    Ok(serde_json::from_slice(bytes)?)
}

/// Writes a message as v1 JSON.
pub fn encode_json<T: Described>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).expect("a message is valid JSON and memory does not fail to write")
}

/// Reads a message from protobuf, checking in addition to prost that all required fields are there.
pub fn decode_protobuf<T: Described>(bytes: &[u8]) -> Result<T, DecodeError> {
    check::check(bytes, T::SHAPE)?;
    Ok(T::decode(bytes)?)
}

/// Writes a message as protobuf.
pub fn encode_protobuf<T: Described>(message: &T) -> Vec<u8> {
    message.encode_to_vec()
}
