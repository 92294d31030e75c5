//! JSON to protobuf.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::encoding::{WireType, encode_key, encode_varint};
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::MAX_DEPTH;
use super::path::Path;
use crate::wire::shape::{Field, Kind, Label, Shape};

/// Mesos writes the padding and does not insist on it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes of the longest varint.
const MAX_VARINT: usize = 10;

/// Reads an object as the given message, into protobuf bytes.
pub(in crate::wire) fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
    shape: &'static Shape,
) -> Result<Vec<u8>, D::Error> {
    let mut out = Vec::new();
    deserializer.deserialize_map(TopVisitor {
        shape,
        out: &mut out,
    })?;
    Ok(out)
}

struct TopVisitor<'a> {
    shape: &'static Shape,
    out: &'a mut Vec<u8>,
}

impl<'de> Visitor<'de> for TopVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a JSON object ({})", self.shape.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        read_object(map, self.shape, &Path::TOP, self.out)
    }
}

fn read_object<'de, A: MapAccess<'de>>(
    mut map: A,
    shape: &'static Shape,
    path: &Path<'_>,
    out: &mut Vec<u8>,
) -> Result<(), A::Error> {
    if path.depth() >= MAX_DEPTH {
        return Err(Error::custom(format!(
            "nested deeper than {MAX_DEPTH} messages"
        )));
    }
    let mut named = 0u64;
    let mut set = 0u64;
    while let Some(found) = map.next_key_seed(FieldName(shape))? {
        let Some((index, field)) = found else {
            map.next_value::<IgnoredAny>()?;
            continue;
        };
        let path = path.field(field.name);
        if named & (1 << index) != 0 {
            return Err(Error::custom(format!("duplicate field `{path}`")));
        }
        named |= 1 << index;
        if map.next_value_seed(Value {
            field,
            path: &path,
            in_list: false,
            out: &mut *out,
        })? {
            set |= 1 << index;
        }
    }
    for (index, field) in shape.fields.iter().enumerate() {
        if field.label == Label::Required && set & (1 << index) == 0 {
            let path = path.field(field.name);
            return Err(Error::custom(format!("missing required field `{path}`")));
        }
    }
    Ok(())
}

/// The field that a key names, with its index; `None` for names of a newer peer.
struct FieldName(&'static Shape);

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Option<(usize, &'static Field)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'de> Visitor<'de> for FieldName {
    type Value = Option<(usize, &'static Field)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name of a field of {}", self.0.name)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.field_named(name))
    }
}

/// A field's value: one, a list, or a map's entries. Answers whether anything was set.
struct Value<'a> {
    field: &'static Field,
    path: &'a Path<'a>,
    in_list: bool,
    out: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.field.kind {
            _ if self.field.label == Label::Map => "an object",
            Kind::Double | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => "a number",
            Kind::Bool => "a boolean",
            Kind::String => "a string",
            Kind::Bytes => "a base64 string",
            Kind::Enum(_) => "an enum's name",
            Kind::Message(_) => "an object",
        };
        write!(f, "{what} in `{}`", self.path)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        match self.field.kind {
            Kind::Bool => self.varint(u64::from(value)),
            _ => Err(E::invalid_type(Unexpected::Bool(value), &self)),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => match self.field.kind {
                Kind::Uint64 => self.varint(value),
                Kind::Double => self.double(value as f64),
                _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
            },
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<bool, E> {
        let fits = match self.field.kind {
            Kind::Double => return self.double(value as f64),
            Kind::Int64 => true,
            Kind::Int32 => i32::try_from(value).is_ok(),
            Kind::Uint64 => u64::try_from(value).is_ok(),
            Kind::Uint32 => u32::try_from(value).is_ok(),
            _ => return Err(E::invalid_type(Unexpected::Signed(value), &self)),
        };
        if fits {
            self.varint(value as u64)
        } else {
            Err(E::invalid_value(Unexpected::Signed(value), &self))
        }
    }

    /// Mesos drops the fraction of a number meant for an integer.
    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        /// 2^63: the first number beyond `i64`.
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        match self.field.kind {
            Kind::Double => self.double(value),
            Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64
                if (-LIMIT..LIMIT).contains(&value) =>
            {
                self.visit_i64(value as i64)
            }
            _ => Err(E::invalid_type(Unexpected::Float(value), &self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        match self.field.kind {
            Kind::String => self.bytes(text.as_bytes()),
            Kind::Bytes => match BASE64.decode(text) {
                Ok(bytes) => self.bytes(&bytes),
                Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
            },
            Kind::Enum(values) => match values.number(text) {
                Some(number) => self.varint(number as u64),
                None if self.field.label == Label::Required => {
                    Err(E::invalid_value(Unexpected::Str(text), &self))
                }
                None => Ok(false),
            },
            Kind::Bool => match text {
                "true" => self.visit_bool(true),
                "false" => self.visit_bool(false),
                _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
            },
            Kind::Double | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
                self.number_in_text(text)
            }
            Kind::Message(_) => Err(E::invalid_type(Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        if self.field.label != Label::Repeated || self.in_list {
            return Err(Error::invalid_type(Unexpected::Seq, &self));
        }
        for index in 0.. {
            let path = self.path.index(index);
            let item = Value {
                field: self.field,
                path: &path,
                in_list: true,
                out: &mut *self.out,
            };
            if seq.next_element_seed(item)?.is_none() {
                break;
            }
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let Kind::Message(shape) = self.field.kind else {
            return Err(Error::invalid_type(Unexpected::Map, &self));
        };
        if self.field.label != Label::Map {
            let path = self.path;
            return self.message(|out| read_object(map, shape, path, out));
        }
        let [key_field, value_field] = shape.fields else {
            return Err(Error::custom("an entry has a key and a value"));
        };
        let Value {
            field,
            path,
            in_list,
            out,
        } = self;
        while let Some(key) = map.next_key::<String>()? {
            let path = &path.key(&key);
            let entry = Value {
                field,
                path,
                in_list,
                out: &mut *out,
            };
            entry.message(|out| {
                Value {
                    field: key_field,
                    path,
                    in_list,
                    out: &mut *out,
                }
                .visit_str(&key)?;
                map.next_value_seed(Value {
                    field: value_field,
                    path,
                    in_list,
                    out,
                })
            })?;
        }
        Ok(true)
    }
}

impl Value<'_> {
    /// `"17"`, `"1.5"`, `"Infinity"`.
    fn number_in_text<E: Error>(self, text: &str) -> Result<bool, E> {
        if let Ok(integer) = text.parse::<i64>() {
            return self.visit_i64(integer);
        }
        if let Ok(integer) = text.parse::<u64>() {
            return self.visit_u64(integer);
        }
        match text {
            "Infinity" => self.visit_f64(f64::INFINITY),
            "-Infinity" => self.visit_f64(f64::NEG_INFINITY),
            // Not the words that Rust reads as numbers too, such as "inf".
            _ if text
                .bytes()
                .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) =>
            {
                match text.parse() {
                    Ok(number) => self.visit_f64(number),
                    Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn varint<E>(self, value: u64) -> Result<bool, E> {
        encode_key(self.field.number, WireType::Varint, self.out);
        encode_varint(value, self.out);
        Ok(true)
    }

    fn double<E>(self, value: f64) -> Result<bool, E> {
        encode_key(self.field.number, WireType::SixtyFourBit, self.out);
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(true)
    }

    fn bytes<E>(self, value: &[u8]) -> Result<bool, E> {
        encode_key(self.field.number, WireType::LengthDelimited, self.out);
        encode_varint(value.len() as u64, self.out);
        self.out.extend_from_slice(value);
        Ok(true)
    }

    /// Writes a body of unknown length: one byte is kept for the length, and the body moved up if
    /// that is not enough.
    fn message<T, E>(self, body: impl FnOnce(&mut Vec<u8>) -> Result<T, E>) -> Result<bool, E> {
        let out = self.out;
        encode_key(self.field.number, WireType::LengthDelimited, out);
        let length_at = out.len();
        out.push(0);
        body(out)?;
        let length = out.len() - length_at - 1;
        if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
            out[length_at] = short;
        } else {
            let mut prefix = Vec::with_capacity(MAX_VARINT);
            encode_varint(length as u64, &mut prefix);
            out.splice(length_at..=length_at, prefix);
        }
        Ok(true)
    }
}
