//! The only file that knows the encoding of message bodies (bincode 2 with serde, variable-length integers).

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

/// The bytes of `value`, at most [`MAX_BODY`] of them.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let bytes = bincode::serde::encode_to_vec(value, config())
        .map_err(|error| EncodeError::Format(error.to_string()))?;
    if bytes.len() > MAX_BODY {
        return Err(EncodeError::TooLarge(bytes.len()));
    }
    Ok(bytes)
}

/// The value of which `bytes` are the encoding: all of them.
pub fn decode_exact<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, read) = bincode::serde::decode_from_slice(bytes, config())
        .map_err(|error| DecodeError::Format(error.to_string()))?;
    match bytes.len() - read {
        0 => Ok(value),
        left => Err(DecodeError::Trailing(left)),
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
    fn trailing_bytes_are_refused() {
        let mut bytes = encode(&1_u8).unwrap();
        bytes.push(0);
        assert_eq!(decode_exact::<u8>(&bytes), Err(DecodeError::Trailing(1)));
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
