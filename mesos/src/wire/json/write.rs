//! Protobuf to JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serde::ser::{Error, Serialize, SerializeMap, Serializer};

use crate::wire::shape::{DefaultValue, Field, Kind, Label, Shape};

/// A message as prost wrote it: fields by ascending number, occurrences of one field together.
pub(in crate::wire) struct Object<'a> {
    bytes: &'a [u8],
    shape: &'static Shape,
}

impl<'a> Object<'a> {
    pub(in crate::wire) fn new(bytes: &'a [u8], shape: &'static Shape) -> Self {
        Self { bytes, shape }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut rest = self.bytes;
        for field in self.shape.fields {
            let values = take_values(&mut rest, field.number).map_err(Error::custom)?;
            write_field(&mut map, field, &values)?;
        }
        map.end()
    }
}

/// One value of a field, still encoded.
#[derive(Clone, Copy)]
enum Raw<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Almost all fields have at most one value: no allocation for those.
enum Values<'a> {
    None,
    One(Raw<'a>),
    Many(Vec<Raw<'a>>),
}

impl<'a> Values<'a> {
    fn push(&mut self, value: Raw<'a>) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::One(value),
            Self::One(first) => Self::Many(vec![first, value]),
            Self::Many(mut all) => {
                all.push(value);
                Self::Many(all)
            }
        };
    }

    fn as_slice(&self) -> &[Raw<'a>] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

fn take_values<'a>(rest: &mut &'a [u8], number: u32) -> Result<Values<'a>, prost::DecodeError> {
    let mut values = Values::None;
    while !rest.is_empty() {
        let mut ahead = *rest;
        let (next, wire_type) = decode_key(&mut ahead)?;
        if next != number {
            break;
        }
        values.push(take_value(&mut ahead, wire_type, number)?);
        *rest = ahead;
    }
    Ok(values)
}

fn take_value<'a>(
    rest: &mut &'a [u8],
    wire_type: WireType,
    number: u32,
) -> Result<Raw<'a>, prost::DecodeError> {
    let before = *rest;
    skip_field(wire_type, number, rest, DecodeContext::default())?;
    let mut value = &before[..before.len() - rest.len()];
    Ok(match wire_type {
        WireType::Varint => Raw::Number(decode_varint(&mut value)?),
        WireType::LengthDelimited => {
            decode_varint(&mut value)?;
            Raw::Bytes(value)
        }
        _ => {
            let mut fixed = [0; 8];
            fixed[..value.len().min(8)].copy_from_slice(&value[..value.len().min(8)]);
            Raw::Number(u64::from_le_bytes(fixed))
        }
    })
}

fn write_field<M: SerializeMap>(
    map: &mut M,
    field: &'static Field,
    values: &Values<'_>,
) -> Result<(), M::Error> {
    let kind = field.kind;
    match (field.label, values.as_slice()) {
        (Label::Repeated, []) if !field.write_empty => Ok(()),
        (Label::Repeated, raws) => map.serialize_entry(field.name, &List { kind, raws }),
        (Label::Map, []) => Ok(()),
        (Label::Map, entries) => map.serialize_entry(field.name, &Entries { kind, entries }),
        (_, [.., raw]) => {
            let value = Value { kind, raw: *raw };
            if field.label == Label::Optional && value.is_unknown_enum() {
                return Ok(());
            }
            map.serialize_entry(field.name, &value)
        }
        // Inside a default value of a map, which prost leaves out.
        (Label::Required, []) => map.serialize_entry(
            field.name,
            &Value {
                kind,
                raw: zero(kind),
            },
        ),
        (Label::Optional, []) => match &field.default {
            None => Ok(()),
            Some(default) => map.serialize_entry(field.name, default),
        },
    }
}

impl Serialize for DefaultValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Double(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
        }
    }
}

fn zero(kind: Kind) -> Raw<'static> {
    match kind {
        Kind::String | Kind::Bytes | Kind::Message(_) => Raw::Bytes(&[]),
        _ => Raw::Number(0),
    }
}

struct List<'a> {
    kind: Kind,
    raws: &'a [Raw<'a>],
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.raws.iter().map(|raw| Value {
            kind: self.kind,
            raw: *raw,
        });
        serializer.collect_seq(values.filter(|value| !value.is_unknown_enum()))
    }
}

struct Entries<'a> {
    kind: Kind,
    entries: &'a [Raw<'a>],
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Kind::Message(entry) = self.kind else {
            return Err(Error::custom("a map is made of messages"));
        };
        let [key_field, value_field] = entry.fields else {
            return Err(Error::custom("an entry has a key and a value"));
        };
        let mut map = serializer.serialize_map(Some(self.entries.len()))?;
        for raw in self.entries {
            let Raw::Bytes(mut rest) = *raw else { continue };
            let mut part = |field: &Field| -> Result<Value<'_>, M<S>> {
                let values = take_values(&mut rest, field.number).map_err(Error::custom)?;
                let raw = values
                    .as_slice()
                    .last()
                    .copied()
                    .unwrap_or(zero(field.kind));
                Ok(Value {
                    kind: field.kind,
                    raw,
                })
            };
            let key = part(key_field)?;
            let value = part(value_field)?;
            map.serialize_entry(&key, &value)?;
        }
        map.end()
    }
}

type M<S> = <S as Serializer>::Error;

#[derive(Clone, Copy)]
struct Value<'a> {
    kind: Kind,
    raw: Raw<'a>,
}

impl Value<'_> {
    fn is_unknown_enum(&self) -> bool {
        match (self.kind, self.raw) {
            (Kind::Enum(values), Raw::Number(number)) => values.name(number as i32).is_none(),
            _ => false,
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.kind, self.raw) {
            (Kind::Double, Raw::Number(bits)) => write_double(f64::from_bits(bits), serializer),
            (Kind::Int32, Raw::Number(number)) => serializer.serialize_i32(number as i32),
            (Kind::Int64, Raw::Number(number)) => serializer.serialize_i64(number as i64),
            (Kind::Uint32, Raw::Number(number)) => serializer.serialize_u32(number as u32),
            (Kind::Uint64, Raw::Number(number)) => serializer.serialize_u64(number),
            (Kind::Bool, Raw::Number(number)) => serializer.serialize_bool(number != 0),
            (Kind::Enum(values), Raw::Number(number)) => match values.name(number as i32) {
                Some(name) => serializer.serialize_str(name),
                // A required field of a newer peer: better its number than nothing.
                None => serializer.serialize_i32(number as i32),
            },
            (Kind::String, Raw::Bytes(bytes)) => {
                serializer.serialize_str(std::str::from_utf8(bytes).map_err(Error::custom)?)
            }
            (Kind::Bytes, Raw::Bytes(bytes)) => serializer.serialize_str(&STANDARD.encode(bytes)),
            (Kind::Message(shape), Raw::Bytes(bytes)) => {
                Object::new(bytes, shape).serialize(serializer)
            }
            (kind, _) => Err(Error::custom(format!("{kind:?} has another wire type"))),
        }
    }
}

/// JSON has no infinities; Mesos reads them as strings.
fn write_double<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(value)
    } else if value.is_nan() {
        serializer.serialize_str("NaN")
    } else if value > 0.0 {
        serializer.serialize_str("Infinity")
    } else {
        serializer.serialize_str("-Infinity")
    }
}
