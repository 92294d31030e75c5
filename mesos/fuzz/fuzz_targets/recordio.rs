//! A stream of records in chunks, as the first byte cuts them. However it is cut, the same comes out.
#![no_main]

use mesos::recordio::{Decoder, encode};

/// So that records beyond it occur.
const LIMIT: usize = 100;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((size, stream)) = bytes.split_first() else {
        return;
    };
    let mut whole = Decoder::new(LIMIT);
    let Ok(records) = whole.decode(stream) else {
        return;
    };
    let mut cut = Decoder::new(LIMIT);
    let mut pieces = Vec::new();
    for chunk in stream.chunks(usize::from(*size).max(1)) {
        pieces.extend(cut.decode(chunk).expect("what is whole was read"));
    }
    assert_eq!(pieces, records);
    assert_eq!(cut.finish(), whole.finish());
    let written: Vec<u8> = records.iter().flat_map(|record| encode(record)).collect();
    let again = Decoder::new(LIMIT).decode(&written);
    assert_eq!(again, Ok(records));
});
