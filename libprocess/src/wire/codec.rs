//! The only file that knows the encoding of message bodies (bincode 2 with serde, variable-length integers).
//!
//! The encoding does not describe itself: a reader must know the type. Between two versions of a
//! protocol the types may differ in one way, which [`decode`] understands: the newer one has more fields
//! at the end. Whoever reads what an older node wrote finds nothing there, and takes zeros for it.

use std::ops::Deref;

use bincode::de::read::Reader;
use bincode::enc::write::Writer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::MAX_BODY;

/// The format. The limit turns a hostile length prefix into an error before anything is allocated.
fn config() -> bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<MAX_BODY>,
> {
    bincode::config::standard().with_limit::<MAX_BODY>()
}

/// Why a message or an answer has no bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// More than [`MAX_BODY`] bytes.
    #[error("{0} bytes are more than the limit of {MAX_BODY}")]
    TooLarge(usize),
    /// Its protocol is declared `local`.
    #[error("its protocol is local to a node")]
    LocalProtocol,
    /// The type does not fit the format (for instance a sequence of unknown length).
    #[error("{0}")]
    Format(String),
}

/// How the version of a protocol that a writer has compares with the reader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// What it wrote may lack the last fields.
    Older,
    /// The same types.
    Same,
    /// What it wrote may have fields more at the end.
    Newer,
}

/// Zeros that may be taken for fields at the end that an older version does not have. Enough for dozens of
/// fields; few enough that what is cut off in a large value is not taken for an older one.
const MISSING: usize = 256;

/// Why bytes are not a message or an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Bytes are left over: the two sides have different ideas of the type.
    #[error("{0} bytes left over")]
    Trailing(usize),
    /// Its protocol is declared `local`.
    #[error("its protocol is local to a node")]
    LocalProtocol,
    /// Malformed, cut off or beyond the limit.
    #[error("{0}")]
    Format(String),
}

/// Bytes that an encoded body may have before it needs an allocation: most messages are smaller.
const INLINE: usize = 256;

/// The encoding of one message or answer: a buffer on the stack, unless it is large.
pub struct Body {
    inline: [u8; INLINE],
    /// Of the bytes in `inline`; they moved to `spilled` if there are any.
    length: usize,
    spilled: Vec<u8>,
}

impl Default for Body {
    fn default() -> Self {
        Self {
            inline: [0; INLINE],
            length: 0,
            spilled: Vec::new(),
        }
    }
}

impl Writer for Body {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        let end = self.length + bytes.len();
        if self.spilled.is_empty() {
            if let Some(place) = self.inline.get_mut(self.length..end) {
                place.copy_from_slice(bytes);
                self.length = end;
                return Ok(());
            }
            self.spilled.reserve(end.max(2 * INLINE));
            self.spilled.extend_from_slice(&self.inline[..self.length]);
        }
        self.spilled.extend_from_slice(bytes);
        Ok(())
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self.spilled.is_empty() {
            true => &self.inline[..self.length],
            false => &self.spilled,
        }
    }
}

/// Writes `value`, at most [`MAX_BODY`] bytes, into `body`, which is empty.
pub fn encode_into<T: Serialize>(value: &T, body: &mut Body) -> Result<(), EncodeError> {
    bincode::serde::encode_into_writer(value, &mut *body, config())
        .map_err(|error| EncodeError::Format(error.to_string()))?;
    match body.len() > MAX_BODY {
        true => Err(EncodeError::TooLarge(body.len())),
        false => Ok(()),
    }
}

/// The bytes of `value`, at most [`MAX_BODY`] of them.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut body = Body::default();
    encode_into(value, &mut body)?;
    Ok(match body.spilled.is_empty() {
        true => body.to_vec(),
        false => body.spilled,
    })
}

/// The value of which `bytes` are the encoding: all of them.
pub fn decode_exact<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    decode(bytes, Age::Same)
}

/// The value that a node with another version of the protocol may have written. Of the same version: exactly
/// what `bytes` encode. Of an older one: fields that are missing at the end are `0`, `None`, empty, or an
/// enum's first variant. Of a newer one: fields that are left over at the end are ignored.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], writer: Age) -> Result<T, DecodeError> {
    let mut source = Source {
        bytes,
        zeros: if writer == Age::Older { MISSING } else { 0 },
        top: stack_pointer(),
    };
    let value = bincode::serde::decode_from_reader(&mut source, config())
        .map_err(|error| DecodeError::Format(error.to_string()))?;
    match source.bytes.len() {
        0 => Ok(value),
        _ if writer == Age::Newer => Ok(value),
        left => Err(DecodeError::Trailing(left)),
    }
}

/// Stack that decoding one value may take. A type that contains itself is decoded as deep as its bytes say, and two
/// bytes a level could say millions; threads have two MiB. Hundreds of levels fit, whatever the type.
const STACK: usize = 512 * 1024;

/// Bytes, and zeros behind them.
struct Source<'a> {
    bytes: &'a [u8],
    zeros: usize,
    /// Where the stack was when decoding began.
    top: usize,
}

impl Source<'_> {
    /// Whether the value is nested deeper than can be honest. Every level reads something, so it is seen in time.
    #[inline]
    fn is_too_deep(&self) -> bool {
        self.top.abs_diff(stack_pointer()) > STACK
    }
}

/// About where the stack is now.
#[inline(always)]
fn stack_pointer() -> usize {
    let here = 0_u8;
    std::hint::black_box(&raw const here) as usize
}

impl Reader for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<(), bincode::error::DecodeError> {
        if self.is_too_deep() {
            return Err(bincode::error::DecodeError::Other("nested too deeply"));
        }
        let additional = out.len().saturating_sub(self.bytes.len());
        // What begins before the end and goes past it was cut off: no version leaves half a field out.
        if additional > self.zeros || (additional > 0 && !self.bytes.is_empty()) {
            return Err(bincode::error::DecodeError::UnexpectedEnd { additional });
        }
        self.zeros -= additional;
        let (read, rest) = self.bytes.split_at(out.len() - additional);
        out[..read.len()].copy_from_slice(read);
        out[read.len()..].fill(0);
        self.bytes = rest;
        Ok(())
    }

    #[inline]
    fn peek_read(&mut self, length: usize) -> Option<&[u8]> {
        // What is not here is read, where the error is made.
        self.bytes.get(..length).filter(|_| !self.is_too_deep())
    }

    #[inline]
    fn consume(&mut self, length: usize) {
        self.bytes = &self.bytes[length..];
    }
}

impl Age {
    /// Of what was written by a node with version `writer`, for a reader with version `reader`.
    pub fn of(writer: u16, reader: u16) -> Self {
        match writer.cmp(&reader) {
            std::cmp::Ordering::Less => Self::Older,
            std::cmp::Ordering::Equal => Self::Same,
            std::cmp::Ordering::Greater => Self::Newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_the_round_trip() {
        let value = (7_u64, String::from("seven"), vec![Some(1.5_f64), None]);
        let bytes = encode(&value).unwrap();
        assert_eq!(
            decode_exact::<(u64, String, Vec<Option<f64>>)>(&bytes),
            Ok(value)
        );
    }

    #[test]
    fn a_body_is_the_same_whether_it_fits_inline_or_not() {
        for length in [0, 1, INLINE - 2, INLINE - 1, INLINE, INLINE + 1, 5000] {
            let value = (7_u8, vec![8_u8; length], 9_u8);
            let expected = bincode::serde::encode_to_vec(&value, config()).unwrap();
            assert_eq!(encode(&value), Ok(expected), "{length}");
        }
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = encode(&1_u8).unwrap();
        bytes.push(0);
        assert_eq!(decode_exact::<u8>(&bytes), Err(DecodeError::Trailing(1)));
    }

    #[test]
    fn fields_missing_at_the_end_of_an_older_body_are_zero() {
        type Grown = (u64, String, Option<u8>, Vec<u64>, bool, f64);
        let old = encode(&(300_u64, String::from("x"))).unwrap();
        let grown = (300, String::from("x"), None, vec![], false, 0.0);
        assert_eq!(decode::<Grown>(&old, Age::Older), Ok(grown));
        assert!(decode::<Grown>(&old, Age::Same).is_err());
        // Also if it had none before.
        assert_eq!(decode::<(u32, bool)>(&[], Age::Older), Ok((0, false)));
    }

    #[test]
    fn what_is_left_over_from_a_newer_body_is_ignored() {
        let new = encode(&(300_u64, String::from("x"), true)).unwrap();
        let old = (300, String::from("x"));
        assert_eq!(decode::<(u64, String)>(&new, Age::Newer), Ok(old));
        let refused = decode::<(u64, String)>(&new, Age::Older);
        assert_eq!(refused, Err(DecodeError::Trailing(1)));
    }

    #[test]
    fn a_field_that_is_cut_off_is_no_older_version() {
        let long = encode(&"a long text".to_owned()).unwrap();
        assert!(decode::<String>(&long[..4], Age::Older).is_err());
        assert!(decode::<String>(&[253, 0, 0], Age::Older).is_err());
        // A length alone does not make a text of zeros, beyond what fields may need.
        assert!(decode::<String>(&encode(&100_000_u64).unwrap(), Age::Older).is_err());
    }

    #[test]
    fn a_value_that_never_ends_is_refused_before_the_stack_does() {
        #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
        enum Tree {
            Leaf,
            Branch(Vec<Tree>),
        }
        // Two bytes a level: a branch of one.
        let levels = |count: usize| [[1, 1].repeat(count), vec![0]].concat();
        assert!(decode_exact::<Tree>(&levels(50)).is_ok());
        for age in [Age::Older, Age::Same, Age::Newer] {
            let refused = decode::<Tree>(&levels(1_000_000), age);
            assert!(
                matches!(&refused, Err(DecodeError::Format(why)) if why.contains("too deeply")),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn a_hostile_length_is_refused_before_it_is_allocated() {
        // 253 announces a 64-bit length: 2^40 bytes of string.
        let bytes = [253, 0, 0, 0, 0, 0, 1, 0, 0];
        assert!(matches!(
            decode_exact::<String>(&bytes),
            Err(DecodeError::Format(_))
        ));
    }

    #[test]
    fn a_body_beyond_the_limit_is_not_encoded() {
        let text = "x".repeat(MAX_BODY + 1);
        assert!(matches!(encode(&text), Err(EncodeError::TooLarge(_))));
    }
}
