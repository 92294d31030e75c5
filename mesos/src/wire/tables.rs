//! The generated tables, and what they give to each message: [`Described`], `Serialize` and
//! `Deserialize`.

use super::pb;
use super::shape::{DefaultValue, Described, Enumeration, Field, Kind, Label, Shape};

macro_rules! described {
    ($message:path, $shape:ident) => {
        impl Described for $message {
            const SHAPE: &'static Shape = &$shape;
        }

        impl serde::Serialize for $message {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                pb::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $message {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                pb::deserialize(deserializer)
            }
        }
    };
}

// `Status` is the type of no field.
#[allow(dead_code)]
mod generated {
    use super::*;

    include!(concat!(env!("OUT_DIR"), "/shapes.rs"));
}
