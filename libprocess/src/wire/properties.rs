//! What holds for all values and all bytes.

use std::collections::BTreeMap;

use bytes::BytesMut;
use proptest::prelude::*;
use proptest::sample::Index;

use super::again::put;
use super::frame::*;
use super::{Age, decode, decode_exact, encode};
use crate::error::ExitReason;
use crate::pid::AnyPid;
use crate::trace::Trace;

fn head() -> impl Strategy<Value = Head> {
    let span = prop_oneof![Just(0), any::<u64>()];
    let numbers = (any::<u32>(), any::<u32>(), any::<u64>(), span);
    numbers.prop_map(|(route, tag, number, span)| {
        let trace = Trace { number, span };
        Head { route, tag, trace }
    })
}

fn reason() -> impl Strategy<Value = ExitReason> {
    prop_oneof![
        Just(ExitReason::Normal),
        Just(ExitReason::Disconnected),
        Just(ExitReason::NoProcess),
        Just(ExitReason::Overloaded),
        Just(ExitReason::NodeDown),
        any::<String>().prop_map(ExitReason::Panicked),
        any::<String>().prop_map(ExitReason::Failed),
        Just(ExitReason::Killed),
    ]
}

fn refuse() -> impl Strategy<Value = Refuse> {
    prop_oneof![
        Just(Refuse::Late),
        reason().prop_map(Refuse::Exited),
        any::<String>().prop_map(Refuse::Refused),
    ]
}

fn route() -> impl Strategy<Value = Route> {
    any::<(String, u16, String, u64, Option<(String, u64)>)>().prop_map(
        |(protocol, version, to, to_incarnation, from)| Route {
            protocol,
            version,
            to,
            to_incarnation,
            from,
        },
    )
}

fn control() -> impl Strategy<Value = Control> {
    prop_oneof![
        any::<(u64, String, u64, String)>().prop_map(|(monitor, name, incarnation, watcher)| {
            Control::Monitor {
                monitor,
                name,
                incarnation,
                watcher,
            }
        }),
        any::<u64>().prop_map(|monitor| Control::Demonitor { monitor }),
        any::<(String, u64)>().prop_map(|(name, bytes)| Control::Credit { name, bytes }),
        any::<u8>().prop_map(|lanes| Control::Goodbye { lanes }),
        any::<u64>().prop_map(|side| Control::Arrived { side }),
    ]
}

/// Any frame. A frame borrows its body: these few are never freed.
fn frame() -> impl Strategy<Value = Frame<'static>> {
    let body = || proptest::collection::vec(any::<u8>(), 0..300).prop_map(|body| &*body.leak());
    prop_oneof![
        any::<u8>().prop_map(Frame::Lane),
        route().prop_map(Frame::Route),
        any::<()>().prop_map(|()| Frame::Forget),
        (head(), body()).prop_map(|(head, body)| Frame::Tell(head, body)),
        (head(), any::<(u64, u32)>(), body()).prop_map(|(head, (id, milliseconds), body)| {
            Frame::Ask(head, Asked { id, milliseconds }, body)
        }),
        (any::<(u64, u16)>(), body())
            .prop_map(|((ask, version), bytes)| Frame::Answer(ask, Written { version, bytes })),
        (any::<u64>(), refuse()).prop_map(|(ask, why)| Frame::Refuse(ask, why)),
        (any::<u64>(), reason()).prop_map(|(monitor, reason)| Frame::Exited(monitor, reason)),
        any::<u64>().prop_map(Frame::Cancel),
        control().prop_map(Frame::Control),
        any::<u64>().prop_map(Frame::Place),
        any::<u64>().prop_map(Frame::Side),
    ]
}

/// The whole frames at the beginning of `bytes`; what they leave.
fn read<'a>(mut bytes: &'a [u8], frames: &mut Vec<String>) -> &'a [u8] {
    while let Some((content, length)) = split(bytes).unwrap() {
        frames.push(format!("{:?}", parse(content).unwrap()));
        bytes = &bytes[length..];
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// However the bytes are cut into chunks, the same frames come out, in order.
    #[test]
    fn frames_survive_any_split_of_their_bytes(
        frames in proptest::collection::vec(frame(), 1..8),
        cuts in proptest::collection::vec(any::<Index>(), 0..8),
    ) {
        let mut bytes = BytesMut::new();
        for frame in &frames {
            put(&mut bytes, frame);
        }
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let (mut found, mut kept, mut begin) = (Vec::new(), Vec::new(), 0);
        for end in ends {
            kept.extend_from_slice(&bytes[begin..end]);
            kept = read(&kept, &mut found).to_vec();
            begin = end;
        }
        prop_assert!(kept.is_empty());
        let expected: Vec<_> = frames.iter().map(|frame| format!("{frame:?}")).collect();
        prop_assert_eq!(found, expected);
    }

    /// Whatever arrives is a frame or an error, and what is asked for is never more than the longest frame.
    #[test]
    fn any_bytes_are_frames_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Some((content, length))) = split(&bytes) {
            prop_assert_eq!(content.len() + 4, length);
            prop_assert!(length <= bytes.len());
        }
        let _ = parse(&bytes);
    }

    /// A body means one value, and a value has one body.
    #[test]
    fn values_survive_the_round_trip(
        value in any::<(u8, i64, u128, bool, char, Option<String>, Vec<(u16, String)>, BTreeMap<String, Vec<u8>>)>(),
    ) {
        let bytes = encode(&value).unwrap();
        let again = decode_exact(&bytes);
        prop_assert_eq!(again, Ok(value));
    }

    /// A body that is cut off anywhere is an error, and so is one that goes on.
    #[test]
    fn a_body_that_is_cut_off_or_goes_on_is_refused(
        value in any::<(String, Vec<u32>, u64)>(),
        cut in any::<Index>(),
        more in 1_usize..5,
    ) {
        let bytes = encode(&value).unwrap();
        let cut = &bytes[..cut.index(bytes.len())];
        prop_assert!(decode_exact::<(String, Vec<u32>, u64)>(cut).is_err());
        let longer = [&bytes[..], &vec![0; more]].concat();
        prop_assert!(decode_exact::<(String, Vec<u32>, u64)>(&longer).is_err());
    }

    /// Any bytes are a value or an error, never a panic and never more memory than they could fill.
    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_exact::<Vec<String>>(&bytes);
        let _ = decode_exact::<BTreeMap<u64, Option<String>>>(&bytes);
        let _ = decode_exact::<(ExitReason, Control, Route, Refuse)>(&bytes);
        let _ = decode_exact::<Result<AnyPid, char>>(&bytes);
    }

    /// Version N and N + 1, the newer with fields more at the end: each understands what the other wrote.
    #[test]
    fn neighbouring_versions_understand_each_other(
        old in any::<(u64, String, Vec<u16>)>(),
        added in any::<(Option<String>, u32, Vec<bool>, i64)>(),
    ) {
        type Old = (u64, String, Vec<u16>);
        type New = (Old, (Option<String>, u32, Vec<bool>, i64));
        let written_by_old = encode(&old).unwrap();
        let written_by_new = encode(&(old.clone(), added)).unwrap();
        let nothing = (None, 0, Vec::new(), 0);
        prop_assert_eq!(decode::<New>(&written_by_old, Age::Older), Ok((old.clone(), nothing)));
        prop_assert_eq!(decode::<Old>(&written_by_new, Age::Newer), Ok(old));
    }

    /// Also as another version's, any bytes are a value or an error.
    #[test]
    fn any_bytes_of_another_version_are_a_value_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        for age in [Age::Older, Age::Same, Age::Newer] {
            let _ = decode::<(ExitReason, Vec<String>, Option<u128>)>(&bytes, age);
            let _ = decode::<BTreeMap<String, Vec<(u8, Option<AnyPid>)>>>(&bytes, age);
        }
    }
}
