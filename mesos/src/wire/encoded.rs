//! Messages that stay encoded: what somebody asks for is read where it stands.

use std::fmt;
use std::marker::PhantomData;

use serde::{Serialize, Serializer};

use super::json::Object;
use super::raw::{Fields, Raw};
use super::shape::Described;

/// A `T` in protobuf, as prost wrote it. To write one of its fields, or all of it, as JSON, no message need be made.
///
/// Fields are asked for by their numbers, each time from the beginning: this is for a few out of small messages. What is
/// malformed is as if it were not there.
pub struct Encoded<'a, T> {
    bytes: &'a [u8],
    of: PhantomData<fn() -> T>,
}

impl<'a, T> Encoded<'a, T> {
    /// That of these bytes.
    pub fn new(bytes: &'a [u8]) -> Encoded<'a, T> {
        let of = PhantomData;
        Encoded { bytes, of }
    }

    /// The bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// All values, each with its field's number, in the order in which they stand: for whoever wants most of them.
    pub fn parts(self) -> impl Iterator<Item = Part<'a>> {
        let mut fields = Fields::of(self.bytes);
        std::iter::from_fn(move || {
            let before = fields.rest();
            let (number, value) = fields.next().ok().flatten()?;
            let length = before.len() - fields.rest().len();
            Some(Part {
                number,
                value,
                whole: &before[..length],
            })
        })
    }

    fn values(self, field: u32) -> impl Iterator<Item = Raw<'a>> {
        let mut fields = Fields::of(self.bytes);
        let all = std::iter::from_fn(move || fields.next().ok().flatten());
        all.filter(move |(number, _)| *number == field)
            .map(|(_, value)| value)
    }

    fn all_bytes(self, field: u32) -> impl Iterator<Item = &'a [u8]> {
        self.values(field).filter_map(|value| match value {
            Raw::Bytes(bytes) => Some(bytes),
            Raw::Number(_) | Raw::Group => None,
        })
    }

    /// Whether the field is set.
    pub fn has(self, field: u32) -> bool {
        self.values(field).next().is_some()
    }

    /// A number, a boolean or an enum's value; of a double its bits.
    pub fn number(self, field: u32) -> Option<u64> {
        self.values(field).find_map(|value| match value {
            Raw::Number(number) => Some(number),
            Raw::Bytes(_) | Raw::Group => None,
        })
    }

    /// A text.
    pub fn text(self, field: u32) -> Option<&'a str> {
        self.texts(field).next()
    }

    /// Repeated texts.
    pub fn texts(self, field: u32) -> impl Iterator<Item = &'a str> {
        let all = self.all_bytes(field);
        all.filter_map(|bytes| str::from_utf8(bytes).ok())
    }

    /// A message.
    pub fn message<M>(self, field: u32) -> Option<Encoded<'a, M>> {
        self.messages(field).next()
    }

    /// Repeated messages.
    pub fn messages<M>(self, field: u32) -> impl Iterator<Item = Encoded<'a, M>> {
        self.all_bytes(field).map(Encoded::new)
    }
}

/// One value of an encoded message.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The number of its field.
    pub number: u32,
    value: Raw<'a>,
    /// With the key of its field, as it may stand in any message in which the field has this number.
    pub whole: &'a [u8],
}

impl<'a> Part<'a> {
    /// Of a text, bytes or a message; none of anything else.
    pub fn bytes(self) -> &'a [u8] {
        match self.value {
            Raw::Bytes(bytes) => bytes,
            Raw::Number(_) | Raw::Group => &[],
        }
    }

    /// A text.
    pub fn text(self) -> &'a str {
        str::from_utf8(self.bytes()).unwrap_or_default()
    }

    /// A message.
    pub fn message<M>(self) -> Encoded<'a, M> {
        Encoded::new(self.bytes())
    }

    /// A number, a boolean or an enum's value; 0 of anything else.
    pub fn number(self) -> u64 {
        match self.value {
            Raw::Number(number) => number,
            Raw::Bytes(_) | Raw::Group => 0,
        }
    }
}

impl<T> Clone for Encoded<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Encoded<'_, T> {}

impl<T> fmt::Debug for Encoded<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.bytes, f)
    }
}

/// As the message itself is written for people.
impl<T: Described> Serialize for Encoded<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Object::new(self.bytes, T::SHAPE).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::v1::{Label, Labels, TaskStatus};

    #[test]
    fn fields_are_read_where_they_stand() {
        let label = |key: &str| Label {
            key: key.to_owned(),
            value: Some("x".to_owned()),
        };
        let status = TaskStatus {
            message: Some("fine".to_owned()),
            timestamp: Some(1.5),
            healthy: Some(true),
            labels: Some(Labels {
                labels: vec![label("a"), label("b")],
            }),
            ..Default::default()
        };
        let bytes = status.encode_to_vec();
        let encoded = Encoded::<TaskStatus>::new(&bytes);
        assert_eq!(encoded.text(4), Some("fine"));
        assert_eq!(encoded.number(6).map(f64::from_bits), Some(1.5));
        assert_eq!(encoded.number(8), Some(1));
        assert!(!encoded.has(11) && encoded.text(11).is_none());
        let labels = encoded.message::<Labels>(12).expect("labels");
        let keys = labels.messages::<Label>(1).map(|label| label.text(1));
        assert_eq!(keys.collect::<Vec<_>>(), [Some("a"), Some("b")]);
        let written = serde_json::to_string(&encoded).unwrap();
        assert_eq!(written, serde_json::to_string(&status).unwrap());
        // What breaks off has what stands before that.
        let broken = Encoded::<TaskStatus>::new(&bytes[..bytes.len() - 1]);
        assert_eq!((broken.text(4), broken.has(12)), (Some("fine"), false));
    }
}
