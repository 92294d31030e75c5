//! What the tables of messages are made of.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A v1 message: a prost type with its table. Implemented for every generated message.
pub trait Described: prost::Message + Default + Serialize + DeserializeOwned + 'static {
    /// The table of the message's fields.
    #[doc(hidden)]
    const SHAPE: &'static Shape;
}

/// One message.
#[derive(Debug)]
pub struct Shape {
    /// Full protobuf name.
    pub(super) name: &'static str,
    /// Ordered by number.
    pub(super) fields: &'static [Field],
}

/// One field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) name: &'static str,
    pub(super) label: Label,
    pub(super) kind: Kind,
    /// What JSON shows while the field is unset.
    pub(super) default: Option<DefaultValue>,
    /// Whether JSON shows `[]` while the field is empty.
    pub(super) write_empty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Optional,
    Required,
    Repeated,
    /// Repeated entries, messages of a key (1) and a value (2); an object in JSON.
    Map,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Double,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Bool,
    String,
    Bytes,
    Enum(&'static Enumeration),
    Message(&'static Shape),
}

#[derive(Debug)]
pub(super) enum DefaultValue {
    Bool(bool),
    Integer(i64),
    Double(f64),
    /// Of a string, or the name of an enum's value.
    Text(&'static str),
}

/// The values of an enum.
#[derive(Debug)]
pub(super) struct Enumeration {
    /// In order of declaration: the first is the value of an unset field.
    pub(super) values: &'static [(i32, &'static str)],
}

impl Shape {
    pub(super) fn field(&self, number: u32) -> Option<(usize, &'static Field)> {
        let index = self
            .fields
            .binary_search_by_key(&number, |field| field.number)
            .ok()?;
        Some((index, &self.fields[index]))
    }

    pub(super) fn field_named(&self, name: &str) -> Option<(usize, &'static Field)> {
        self.fields
            .iter()
            .enumerate()
            .find(|(_, field)| field.name == name)
    }
}

impl Enumeration {
    pub(super) fn name(&self, number: i32) -> Option<&'static str> {
        self.values
            .iter()
            .find(|(n, _)| *n == number)
            .map(|(_, name)| *name)
    }

    pub(super) fn number(&self, name: &str) -> Option<i32> {
        self.values
            .iter()
            .find(|(_, n)| *n == name)
            .map(|(number, _)| *number)
    }
}
