//! The fields of an encoded message, one after the other, without decoding what they hold.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::DecodeError;

/// One value, still encoded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    /// A varint, or the bits of a number of fixed length.
    Number(u64),
    /// A string, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
    /// A form that the v1 API does not use.
    Group,
}

/// The fields of a message in the order of its bytes.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next field's number and value; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Raw<'a>)>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = decode_key(&mut self.rest)?;
        let value = match wire_type {
            WireType::Varint => Raw::Number(decode_varint(&mut self.rest)?),
            WireType::SixtyFourBit => Raw::Number(u64::from_le_bytes(self.take_fixed()?)),
            WireType::ThirtyTwoBit => Raw::Number(u32::from_le_bytes(self.take_fixed()?).into()),
            WireType::LengthDelimited => Raw::Bytes(self.take_delimited()?),
            WireType::StartGroup | WireType::EndGroup => {
                skip_field(wire_type, number, &mut self.rest, DecodeContext::default())?;
                Raw::Group
            }
        };
        Ok(Some((number, value)))
    }

    fn take_fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (value, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*value)
    }

    fn take_delimited(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = decode_varint(&mut self.rest)?;
        let split = usize::try_from(length)
            .ok()
            .and_then(|at| self.rest.split_at_checked(at));
        let (value, rest) = split.ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(value)
    }
}
