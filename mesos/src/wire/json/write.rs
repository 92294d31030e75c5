//! Protobuf to JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error, Serialize, SerializeMap, Serializer};

use crate::wire::DecodeError;
use crate::wire::raw::{Fields, Raw};
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
        let mut ahead = Ahead::of(self.bytes).map_err(Error::custom)?;
        for field in self.shape.fields {
            if ahead.is_at(field.number) {
                write_field(&mut map, field, &mut ahead)?;
            } else {
                write_unset(&mut map, field)?;
            }
        }
        map.end()
    }
}

/// The fields of a message with a look at the next one.
struct Ahead<'a> {
    next: Option<(u32, Raw<'a>)>,
    fields: Fields<'a>,
}

impl<'a> Ahead<'a> {
    fn of(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut fields = Fields::of(message);
        Ok(Self {
            next: fields.next()?,
            fields,
        })
    }

    fn is_at(&self, number: u32) -> bool {
        matches!(self.next, Some((next, _)) if next == number)
    }

    /// The next value of the field with this number.
    fn take(&mut self, number: u32) -> Result<Option<Raw<'a>>, DecodeError> {
        match self.next {
            Some((next, value)) if next == number => {
                self.next = self.fields.next()?;
                Ok(Some(value))
            }
            _ => Ok(None),
        }
    }

    fn take_all(&mut self, number: u32) -> Result<Vec<Raw<'a>>, DecodeError> {
        let mut values = Vec::new();
        while let Some(value) = self.take(number)? {
            values.push(value);
        }
        Ok(values)
    }
}

fn write_field<M: SerializeMap>(
    map: &mut M,
    field: &'static Field,
    ahead: &mut Ahead<'_>,
) -> Result<(), M::Error> {
    let kind = field.kind;
    let raws = match field.label {
        Label::Optional | Label::Required => {
            let Some(raw) = ahead.take(field.number).map_err(Error::custom)? else {
                return Ok(());
            };
            let value = Value { kind, raw };
            if field.label == Label::Optional && value.is_unknown_enum() {
                return Ok(());
            }
            return map.serialize_entry(field.name, &value);
        }
        Label::Repeated | Label::Map => ahead.take_all(field.number).map_err(Error::custom)?,
    };
    if field.label == Label::Map {
        map.serialize_entry(
            field.name,
            &Entries {
                kind,
                entries: &raws,
            },
        )
    } else {
        map.serialize_entry(field.name, &List { kind, raws: &raws })
    }
}

fn write_unset<M: SerializeMap>(map: &mut M, field: &'static Field) -> Result<(), M::Error> {
    let kind = field.kind;
    match (field.label, &field.default) {
        (Label::Optional, Some(default)) => map.serialize_entry(field.name, default),
        (Label::Repeated, _) if field.write_empty => {
            map.serialize_entry(field.name, &List { kind, raws: &[] })
        }
        // Inside a default value of a map, which prost leaves out.
        (Label::Required, _) => map.serialize_entry(
            field.name,
            &Value {
                kind,
                raw: zero(kind),
            },
        ),
        _ => Ok(()),
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
            let Raw::Bytes(entry) = *raw else { continue };
            let mut ahead = Ahead::of(entry).map_err(Error::custom)?;
            let mut part = |field: &Field| -> Result<Value<'_>, S::Error> {
                let values = ahead.take(field.number).map_err(Error::custom)?;
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
