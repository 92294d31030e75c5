//! What prost lets pass: required fields that are missing, and a depth beyond ours.

use bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::shape::{Field, Kind, Label, Shape};
use super::{DecodeError, MAX_DEPTH};

/// Walks the bytes of a message without keeping anything.
///
/// A message split over several occurrences of one field, which no known encoder does, must be
/// complete in each.
pub(super) fn check(bytes: &[u8], shape: &'static Shape) -> Result<(), DecodeError> {
    match check_message(bytes, shape, 0) {
        Ok(()) => Ok(()),
        Err(Fault::Missing(mut path)) => {
            path.reverse();
            Err(DecodeError::MissingField {
                path: path.join("."),
            })
        }
        Err(Fault::Truncated) => Err(DecodeError::Truncated),
        Err(Fault::TooDeep) => Err(DecodeError::TooDeep),
        Err(Fault::Protobuf(error)) => Err(error.into()),
    }
}

enum Fault {
    /// The path, innermost first.
    Missing(Vec<&'static str>),
    TooDeep,
    Truncated,
    Protobuf(prost::DecodeError),
}

impl From<prost::DecodeError> for Fault {
    fn from(error: prost::DecodeError) -> Self {
        Self::Protobuf(error)
    }
}

fn check_message(mut bytes: &[u8], shape: &'static Shape, depth: usize) -> Result<(), Fault> {
    if depth >= MAX_DEPTH {
        return Err(Fault::TooDeep);
    }
    let mut seen = 0u64;
    while bytes.has_remaining() {
        let (number, wire_type) = decode_key(&mut bytes)?;
        let Some((index, field)) = shape.field(number) else {
            skip_field(wire_type, number, &mut bytes, DecodeContext::default())?;
            continue;
        };
        match (wire_type, field.kind) {
            (WireType::LengthDelimited, Kind::Message(inner)) => {
                let body = take_delimited(&mut bytes)?;
                check_field(body, field, inner, depth).map_err(|fault| within(field, fault))?;
            }
            (WireType::Varint, Kind::Enum(values)) => {
                let value = decode_varint(&mut bytes)? as i32;
                // A value of a newer peer: Mesos takes a required field of it as missing.
                if field.label == Label::Required && values.name(value).is_none() {
                    continue;
                }
            }
            _ => skip_field(wire_type, number, &mut bytes, DecodeContext::default())?,
        }
        seen |= 1 << index;
    }
    let is_missing =
        |&(i, field): &(usize, &Field)| field.label == Label::Required && seen & (1 << i) == 0;
    match shape.fields.iter().enumerate().find(is_missing) {
        Some((_, field)) => Err(Fault::Missing(vec![field.name])),
        None => Ok(()),
    }
}

/// An entry of a map is a message to protobuf, but not a step of the path.
fn check_field(
    body: &[u8],
    field: &Field,
    inner: &'static Shape,
    depth: usize,
) -> Result<(), Fault> {
    check_message(body, inner, depth + 1).map_err(|fault| match fault {
        Fault::Missing(mut path) if field.label == Label::Map => {
            path.pop();
            Fault::Missing(path)
        }
        other => other,
    })
}

fn within(field: &'static Field, fault: Fault) -> Fault {
    match fault {
        Fault::Missing(mut path) => {
            path.push(field.name);
            Fault::Missing(path)
        }
        other => other,
    }
}

fn take_delimited<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let length = decode_varint(bytes)?;
    let split = usize::try_from(length)
        .ok()
        .and_then(|length| bytes.split_at_checked(length));
    let (body, rest) = split.ok_or(Fault::Truncated)?;
    *bytes = rest;
    Ok(body)
}
