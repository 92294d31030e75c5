//! What prost lets pass: required fields that are missing, and a depth beyond ours.

use super::raw::{Fields, Raw};
use super::shape::{Field, Kind, Label, Shape};
use super::{DecodeError, MAX_DEPTH};

/// Walks the bytes of a message without keeping anything.
///
/// A message split over several occurrences of one field, which no known encoder does, must be
/// complete in each.
pub(super) fn check(bytes: &[u8], shape: &'static Shape) -> Result<(), DecodeError> {
    check_message(bytes, shape, 0).map_err(|fault| match fault {
        Fault::Missing(mut path) => {
            path.reverse();
            DecodeError::MissingField {
                path: path.join("."),
            }
        }
        Fault::Other(error) => error,
    })
}

enum Fault {
    /// The path, innermost first.
    Missing(Vec<&'static str>),
    Other(DecodeError),
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::Other(error)
    }
}

fn check_message(bytes: &[u8], shape: &'static Shape, depth: usize) -> Result<(), Fault> {
    if depth >= MAX_DEPTH {
        return Err(DecodeError::TooDeep.into());
    }
    let mut seen = 0u64;
    let mut fields = Fields::of(bytes);
    while let Some((number, value)) = fields.next()? {
        let Some((index, field)) = shape.field(number) else {
            continue;
        };
        match (field.kind, value) {
            (Kind::Message(inner), Raw::Bytes(body)) => {
                check_field(body, field, inner, depth).map_err(|fault| within(field, fault))?;
            }
            // A value of a newer peer: Mesos takes a required field of it as missing.
            (Kind::Enum(values), Raw::Number(number))
                if field.label == Label::Required && values.name(number as i32).is_none() =>
            {
                continue;
            }
            _ => {}
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
