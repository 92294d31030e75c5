//! Messages that travel, and are kept, as bytes.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::encoded::Encoded;
use super::json::Object;
use super::pb;
use super::shape::Described;

/// A `T` in protobuf, as prost writes it: of what comes in crowds, so that whoever receives it looks into it, or keeps it,
/// without making all its texts and lists first.
///
/// In internal messages it looks as [`Pb`](super::Pb) does. What comes from elsewhere is checked, and written anew, so
/// that all can rely on its form.
pub struct Packed<T> {
    bytes: Box<[u8]>,
    of: PhantomData<fn() -> T>,
}

impl<T: Described> Packed<T> {
    /// The bytes of this one.
    pub fn new(message: &T) -> Packed<T> {
        Packed {
            bytes: message.encode_to_vec().into(),
            of: PhantomData,
        }
    }

    /// The message; decoded anew by each call.
    pub fn to_message(&self) -> T {
        T::decode(&*self.bytes).expect("a message that was encoded here")
    }
}

impl<T> Packed<T> {
    /// To be read where it stands.
    pub fn encoded(&self) -> Encoded<'_, T> {
        Encoded::new(&self.bytes)
    }

    /// How many bytes it has.
    pub fn encoded_len(&self) -> usize {
        self.bytes.len()
    }
}

impl<T> Clone for Packed<T> {
    fn clone(&self) -> Self {
        Packed {
            bytes: self.bytes.clone(),
            of: PhantomData,
        }
    }
}

impl<T: Described + fmt::Debug> fmt::Debug for Packed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_message().fmt(f)
    }
}

impl<T: Described> Serialize for Packed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => Object::new(&self.bytes, T::SHAPE).serialize(serializer),
            false => serializer.serialize_bytes(&self.bytes),
        }
    }
}

impl<'de, T: Described> Deserialize<'de> for Packed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        pb::deserialize(deserializer).map(|message: T| Packed::new(&message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::TaskStatus;
    use crate::wire::Pb;

    fn status() -> TaskStatus {
        TaskStatus {
            task_id: "t".into(),
            message: Some("fine".to_owned()),
            ..Default::default()
        }
    }

    #[test]
    fn it_looks_as_the_message_does_and_is_read_as_one() {
        let packed = Packed::new(&status());
        assert_eq!(packed.to_message(), status());
        assert_eq!(packed.encoded().text(4), Some("fine"));
        let json = serde_json::to_string(&packed).expect("JSON");
        assert_eq!(json, serde_json::to_string(&Pb(status())).expect("JSON"));
        let read: Packed<TaskStatus> = serde_json::from_str(&json).expect("a status");
        assert_eq!(read.to_message(), status());
    }
}
