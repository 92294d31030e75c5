//! Public messages inside stored records: base64 of their protobuf bytes.
//!
//! The JSON of the public API would be nicer to read, but it writes out defaults: what is read
//! would not be what was stored.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mesos::wire::{Described, Pb, decode_protobuf, encode_protobuf};
use serde::{Deserialize, Deserializer, Serializer, de};

pub(super) fn serialize<T: Described, S: Serializer>(
    message: &Pb<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(encode_protobuf(&message.0)))
}

pub(super) fn deserialize<'de, T: Described, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Pb<T>, D::Error> {
    let bytes = STANDARD
        .decode(String::deserialize(deserializer)?)
        .map_err(de::Error::custom)?;
    decode_protobuf(&bytes).map(Pb).map_err(de::Error::custom)
}
