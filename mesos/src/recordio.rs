//! RecordIO: how messages follow each other on a streaming connection.
//!
//! | Part | Form |
//! |---|---|
//! | length | of the payload in bytes, ASCII decimal |
//! | LF | one byte |
//! | payload | JSON or protobuf; nothing follows it |
//!
//! Records and HTTP chunks are independent: a record may be split, several may arrive at once.
//! (Mesos: `docs/recordio.md`.)

use bytes::Bytes;
use thiserror::Error;

/// Digits of a length that is still read: enough for any `u64`.
const MAX_LENGTH_DIGITS: usize = 20;

/// What a decoder reserves for a record before any of it has arrived: more would let a peer that
/// only announces bytes occupy our memory.
const MAX_EAGER_CAPACITY: usize = 64 * 1024;

/// Frames one record.
pub fn encode(payload: &[u8]) -> Bytes {
    let length = payload.len().to_string();
    let mut record = Vec::with_capacity(length.len() + 1 + payload.len());
    record.extend_from_slice(length.as_bytes());
    record.push(b'\n');
    record.extend_from_slice(payload);
    record.into()
}

/// Why a stream cannot be read any further.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The bytes before an LF are not a decimal number.
    #[error("malformed record length {0:?}")]
    MalformedLength(String),
    /// A record beyond the decoder's bound, in bytes.
    #[error("a record of {length} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// The announced length.
        length: u64,
        /// The decoder's bound.
        limit: usize,
    },
    /// The stream ended within a record.
    #[error("the stream ended within a record")]
    Truncated,
}

/// Takes a stream apart, chunk by chunk. After an error every further call fails with the same.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Length(Vec<u8>),
    Payload { length: usize, bytes: Vec<u8> },
    Failed(RecordError),
}

impl Decoder {
    /// A decoder for records of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            state: State::Length(Vec::new()),
        }
    }

    /// Takes the next bytes and returns the records that they complete, in order. An empty
    /// record, which Mesos never writes but reads, is an empty payload.
    pub fn decode(&mut self, mut chunk: &[u8]) -> Result<Vec<Bytes>, RecordError> {
        let mut records = Vec::new();
        loop {
            match &mut self.state {
                State::Failed(error) => return Err(error.clone()),
                State::Length(digits) => {
                    let Some(length) = take_length(digits, &mut chunk) else {
                        return Ok(records);
                    };
                    self.state = self.begin_payload(length);
                }
                State::Payload { length, bytes } => {
                    let (now, rest) = chunk.split_at(chunk.len().min(*length - bytes.len()));
                    bytes.extend_from_slice(now);
                    chunk = rest;
                    if bytes.len() < *length {
                        return Ok(records);
                    }
                    records.push(std::mem::take(bytes).into());
                    self.state = State::Length(Vec::new());
                }
            }
        }
    }

    /// Says whether the stream may end here, between two records.
    pub fn finish(&self) -> Result<(), RecordError> {
        match &self.state {
            State::Length(digits) if digits.is_empty() => Ok(()),
            State::Length(_) | State::Payload { .. } => Err(RecordError::Truncated),
            State::Failed(error) => Err(error.clone()),
        }
    }

    fn begin_payload(&self, length: Result<u64, RecordError>) -> State {
        let limit = self.limit;
        match length {
            Ok(length) => match usize::try_from(length) {
                Ok(length) if length <= limit => {
                    let bytes = Vec::with_capacity(length.min(MAX_EAGER_CAPACITY));
                    State::Payload { length, bytes }
                }
                _ => State::Failed(RecordError::TooLarge { length, limit }),
            },
            Err(error) => State::Failed(error),
        }
    }
}

/// The next length, once its LF is there.
fn take_length(digits: &mut Vec<u8>, chunk: &mut &[u8]) -> Option<Result<u64, RecordError>> {
    let end = chunk.iter().position(|byte| *byte == b'\n');
    let (now, rest) = match end {
        Some(end) => (&chunk[..end], &chunk[end + 1..]),
        None => (*chunk, &[][..]),
    };
    *chunk = rest;
    // One more than fits shows that there are too many; the rest need not be kept.
    let room = (MAX_LENGTH_DIGITS + 1).saturating_sub(digits.len());
    digits.extend_from_slice(&now[..now.len().min(room)]);
    if end.is_none() && digits.len() <= MAX_LENGTH_DIGITS {
        return None;
    }
    let text = String::from_utf8_lossy(digits).into_owned();
    let is_decimal =
        (1..=MAX_LENGTH_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    Some(match text.parse() {
        Ok(length) if is_decimal => Ok(length),
        _ => Err(RecordError::MalformedLength(text)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1000;

    #[test]
    fn a_record_is_its_length_a_line_feed_and_its_payload() {
        assert_eq!(
            encode(br#"{"type":"HEARTBEAT"}"#),
            "20\n{\"type\":\"HEARTBEAT\"}"
        );
    }

    #[test]
    fn malformed_lengths_poison_the_stream() {
        for malformed in [
            "\n", "x\n", "-1\n", "+1\n", " 1\n", "0x1\n", "1.0\n", "1\r\n",
        ] {
            let mut decoder = Decoder::new(LIMIT);
            let error = decoder.decode(malformed.as_bytes()).unwrap_err();
            assert!(
                matches!(error, RecordError::MalformedLength(_)),
                "{malformed:?}: {error}"
            );
            assert_eq!(decoder.decode(b"1\nx").unwrap_err(), error, "{malformed:?}");
        }
    }

    #[test]
    fn an_endless_length_is_refused_before_its_line_feed() {
        let mut decoder = Decoder::new(LIMIT);
        assert!(decoder.decode(&[b'0'; 30]).is_err());
    }

    #[test]
    fn a_record_beyond_the_limit_is_refused_by_its_length() {
        let mut decoder = Decoder::new(LIMIT);
        let expected = RecordError::TooLarge {
            length: 1001,
            limit: LIMIT,
        };
        assert_eq!(decoder.decode(b"1001\n").unwrap_err(), expected);
        let mut decoder = Decoder::new(LIMIT);
        assert!(decoder.decode(b"18446744073709551615\n").is_err());
    }

    #[test]
    fn an_empty_record_is_an_empty_payload() {
        assert_eq!(Decoder::new(LIMIT).decode(b"0\n1\nx").unwrap(), ["", "x"]);
    }

    #[test]
    fn a_stream_may_end_between_records_only() {
        let mut decoder = Decoder::new(LIMIT);
        decoder.decode(b"2\nab").unwrap();
        assert_eq!(decoder.finish(), Ok(()));
        decoder.decode(b"2").unwrap();
        assert_eq!(decoder.finish(), Err(RecordError::Truncated));
        decoder.decode(b"\na").unwrap();
        assert_eq!(decoder.finish(), Err(RecordError::Truncated));
    }

    proptest! {
        #[test]
        fn records_survive_any_cut_into_chunks(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
            size in 1_usize..400,
        ) {
            let stream: Vec<u8> = payloads.iter().flat_map(|payload| encode(payload)).collect();
            let mut decoder = Decoder::new(LIMIT);
            let mut records = Vec::new();
            for chunk in stream.chunks(size) {
                records.extend(decoder.decode(chunk).unwrap());
            }
            prop_assert_eq!(records, payloads);
            prop_assert_eq!(decoder.finish(), Ok(()));
        }

        #[test]
        fn random_bytes_do_no_harm(chunks in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut decoder = Decoder::new(LIMIT);
            for chunk in chunks {
                let _ = decoder.decode(&chunk);
            }
        }
    }
}
