//! v1 messages in serde: JSON where people read, protobuf bytes everywhere else.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::shape::Described;
use super::{decode_protobuf, json};

/// A v1 message inside an internal one: crosses our own wire as protobuf bytes.
///
/// The messages themselves behave the same in serde; the name says so where it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pb<T>(pub T);

impl<T> Pb<T> {
    /// The message itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Pb<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Pb<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Pb<T> {
    fn from(message: T) -> Self {
        Self(message)
    }
}

impl<T: Described> Serialize for Pb<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de, T: Described> Deserialize<'de> for Pb<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

pub(super) fn serialize<T: Described, S: Serializer>(
    message: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let bytes = message.encode_to_vec();
    if serializer.is_human_readable() {
        json::Object::new(&bytes, T::SHAPE).serialize(serializer)
    } else {
        serializer.serialize_bytes(&bytes)
    }
}

pub(super) fn deserialize<'de, T: Described, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    if deserializer.is_human_readable() {
        let bytes = json::read(deserializer, T::SHAPE)?;
        T::decode(&*bytes).map_err(de::Error::custom)
    } else {
        deserializer.deserialize_bytes(ProtobufVisitor(PhantomData))
    }
}

struct ProtobufVisitor<T>(PhantomData<T>);

impl<'de, T: Described> Visitor<'de> for ProtobufVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the protobuf bytes of {}", T::SHAPE.name)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        decode_protobuf(bytes).map_err(E::custom)
    }

    /// Formats without a type for bytes write them as a sequence.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}
