//! Frames: what a lane carries.
//!
//! Every frame begins alike; numbers are little-endian.
//!
//! | bytes | field  | meaning                                   |
//! |-------|--------|-------------------------------------------|
//! | 4     | length | of what follows, at most [`MAX_FRAME`]    |
//! | 1     | kind   | below                                     |
//!
//! On the data lanes, what follows depends on the kind:
//!
//! | kind | name   | fields                                                                        |
//! |------|--------|-------------------------------------------------------------------------------|
//! | 1    | lane   | index 1 (the first frame of a data lane)                                      |
//! | 2    | route  | [`Route`] (gives the next number, from 0, to a sender, a receiver, a protocol) |
//! | 3    | forget | nothing (route numbers begin anew)                                            |
//! | 4    | tell   | route 4, tag 4, trace 8, body                                                 |
//! | 5    | ask    | route 4, tag 4, trace 8, ask id 8, milliseconds left 4, body                  |
//! | 15   | tell   | route 4, tag 4, trace 8, span 8, body (of a sender whose spans somebody wants) |
//! | 16   | ask    | route 4, tag 4, trace 8, span 8, ask id 8, milliseconds left 4, body          |
//! | 6    | answer | ask id 8, version of the protocol 2, body                                     |
//! | 7    | refuse | ask id 8, [`Refuse`]                                                          |
//! | 8    | exited | monitor 8, [`ExitReason`]                                                     |
//! | 9    | cancel | ask id 8 (behind the ask, so that it cannot overtake it)                       |
//! | 13   | bind   | [`Bind`] (two actors are linked from now on)                                  |
//! | 14   | unbind | number 8 (of the link between two actors, as the receiver knows it)           |
//! | 11   | place  | number 8 (what follows for some pair is on the side lane with this number)    |
//! | 12   | side   | number 8 (the first frame of a side lane, which carries frames as others do)  |
//!
//! On the control lane there is one kind, 10, with a [`Control`]. Types in links are encoded by the codec,
//! as bodies are; everything else is laid out by hand because every message pays for it.

use bytes::{Buf, BufMut, BytesMut};
use serde::{Deserialize, Serialize};

use super::{DecodeError, MAX_BODY, decode_exact, encode};
use crate::error::{AskError, ExitReason};
use crate::trace::Trace;

/// Longest frame, without its length field: the largest body and the longest header.
pub(crate) const MAX_FRAME: usize = MAX_BODY + 64;

/// Bytes of the length field.
const LENGTH: usize = 4;

/// What is sent and received on the control lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Control {
    /// The first frame of a connection, in both directions.
    Hello(Hello),
    /// Tell me of the end of this actor.
    Monitor {
        monitor: u64,
        name: String,
        incarnation: u64,
        watcher: String,
    },
    /// Not any more.
    Demonitor { monitor: u64 },
    /// Room for so many more bytes of messages to this actor.
    Credit { name: String, bytes: u64 },
    /// Nothing follows this; so many data lanes will be finished.
    Goodbye { lanes: u8 },
    /// Are you there?
    Ping { number: u64 },
    /// The answer to the ping of this number. It wants to be pinged after so many milliseconds of quiet, not
    /// earlier.
    Pong { number: u64, every: u32 },
    /// All that was on the side lane with this number has arrived.
    Arrived { side: u64 },
}

/// How nodes introduce themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// Of the wire format.
    pub(crate) version: u32,
    /// Of the node.
    pub(crate) incarnation: u64,
    /// The dialling node counts its connections, so that a late one is not taken for a new one.
    pub(crate) attempt: u64,
}

/// Who sends to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Route {
    pub(crate) protocol: String,
    /// Of the protocol, as the sender has it.
    pub(crate) version: u16,
    pub(crate) to: String,
    pub(crate) to_incarnation: u64,
    /// Name and incarnation; nobody if it was not an actor.
    pub(crate) from: Option<(String, u64)>,
}

/// A link between two actors: names and incarnations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bind {
    /// Chosen by the sender, without the highest bit.
    pub(crate) id: u64,
    pub(crate) from: (String, u64),
    pub(crate) to: (String, u64),
}

/// An ask that was not answered; [`AskError`] without what only the asker can find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refuse {
    Late,
    Exited(ExitReason),
    Refused(String),
}

/// One frame as received.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Lane(u8),
    Route(Route),
    Forget,
    Tell(Head, &'a [u8]),
    Ask(Head, Asked, &'a [u8]),
    Answer(u64, Written<&'a [u8]>),
    Refuse(u64, Refuse),
    Exited(u64, ExitReason),
    /// Nobody waits for the answer to this ask any more.
    Cancel(u64),
    Control(Control),
    Bind(Bind),
    Unbind(u64),
    /// The place of all that a side lane carries.
    Place(u64),
    /// The beginning of a side lane.
    Side(u64),
}

/// What tells and asks have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) route: u32,
    pub(crate) tag: u32,
    pub(crate) trace: Trace,
}

/// What makes a message an ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) id: u64,
    pub(crate) milliseconds: u32,
}

/// The bytes of an answer, and the version of the protocol by which they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written<Bytes> {
    pub(crate) version: u16,
    pub(crate) bytes: Bytes,
}

/// Why bytes are not a frame. The peer broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {0} bytes")]
    TooLong(usize),
    #[error("a frame that is cut off")]
    CutOff,
    #[error("a frame of unknown kind {0}")]
    UnknownKind(u8),
    #[error("a frame that does not decode: {0}")]
    Decode(#[from] DecodeError),
}

/// Splits the first frame off `bytes`: its content and its whole length. None if more bytes are needed.
pub(crate) fn split(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, FrameError> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_FRAME {
        return Err(FrameError::TooLong(length));
    }
    Ok(rest.get(..length).map(|frame| (frame, LENGTH + length)))
}

/// Reads what [`split`] found.
pub(crate) fn parse(mut bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    let kind = bytes.try_get_u8().map_err(|_| FrameError::CutOff)?;
    Ok(match kind {
        1 => Frame::Lane(bytes.try_get_u8().map_err(|_| FrameError::CutOff)?),
        2 => Frame::Route(decode_exact(bytes)?),
        3 => Frame::Forget,
        4 | 15 => {
            let head = head(&mut bytes, kind == 15)?;
            Frame::Tell(head, bytes)
        }
        5 | 16 => {
            let head = head(&mut bytes, kind == 16)?;
            let id = u64(&mut bytes)?;
            let milliseconds = u32(&mut bytes)?;
            Frame::Ask(head, Asked { id, milliseconds }, bytes)
        }
        6 => {
            let ask = u64(&mut bytes)?;
            let version = u16(&mut bytes)?;
            Frame::Answer(ask, Written { version, bytes })
        }
        7 => Frame::Refuse(u64(&mut bytes)?, decode_exact(bytes)?),
        8 => Frame::Exited(u64(&mut bytes)?, bounded(decode_exact(bytes)?)),
        9 => Frame::Cancel(u64(&mut bytes)?),
        10 => Frame::Control(decode_exact(bytes)?),
        13 => Frame::Bind(decode_exact(bytes)?),
        14 => Frame::Unbind(u64(&mut bytes)?),
        11 => Frame::Place(u64(&mut bytes)?),
        12 => Frame::Side(u64(&mut bytes)?),
        kind => return Err(FrameError::UnknownKind(kind)),
    })
}

fn head(bytes: &mut &[u8], has_span: bool) -> Result<Head, FrameError> {
    let (route, tag) = (u32(bytes)?, u32(bytes)?);
    let number = u64(bytes)?;
    let span = match has_span {
        true => u64(bytes)?,
        false => 0,
    };
    let trace = Trace { number, span };
    Ok(Head { route, tag, trace })
}

fn u16(bytes: &mut &[u8]) -> Result<u16, FrameError> {
    bytes.try_get_u16_le().map_err(|_| FrameError::CutOff)
}

fn u32(bytes: &mut &[u8]) -> Result<u32, FrameError> {
    bytes.try_get_u32_le().map_err(|_| FrameError::CutOff)
}

fn u64(bytes: &mut &[u8]) -> Result<u64, FrameError> {
    bytes.try_get_u64_le().map_err(|_| FrameError::CutOff)
}

pub(crate) fn put_lane(out: &mut BytesMut, index: u8) {
    frame(out, 1, |out| out.put_u8(index));
}

pub(crate) fn put_route(out: &mut BytesMut, route: &Route) {
    frame(out, 2, |out| put_encoded(out, route));
}

pub(crate) fn put_forget(out: &mut BytesMut) {
    frame(out, 3, |_| {});
}

pub(crate) fn put_tell(out: &mut BytesMut, head: Head, body: &[u8]) {
    let header = Header::of(kind(4, 15, head)).head(head);
    header.put(out, body);
}

pub(crate) fn put_ask(out: &mut BytesMut, head: Head, asked: Asked, body: &[u8]) {
    let header = Header::of(kind(5, 16, head)).head(head);
    let header = header.with(&asked.id.to_le_bytes());
    header
        .with(&asked.milliseconds.to_le_bytes())
        .put(out, body);
}

pub(crate) fn put_answer(out: &mut BytesMut, ask: u64, answer: Result<Written<&[u8]>, &AskError>) {
    match answer {
        Ok(body) => Header::of(6)
            .with(&ask.to_le_bytes())
            .with(&body.version.to_le_bytes())
            .put(out, body.bytes),
        Err(error) => frame(out, 7, |out| {
            out.put_u64_le(ask);
            put_encoded(out, &Refuse::from(error));
        }),
    }
}

pub(crate) fn put_exited(out: &mut BytesMut, monitor: u64, reason: &ExitReason) {
    frame(out, 8, |out| {
        out.put_u64_le(monitor);
        put_encoded(out, reason);
    });
}

pub(crate) fn put_cancel(out: &mut BytesMut, ask: u64) {
    frame(out, 9, |out| out.put_u64_le(ask));
}

pub(crate) fn put_bind(out: &mut BytesMut, bind: &Bind) {
    frame(out, 13, |out| put_encoded(out, bind));
}

pub(crate) fn put_unbind(out: &mut BytesMut, number: u64) {
    frame(out, 14, |out| out.put_u64_le(number));
}

pub(crate) fn put_place(out: &mut BytesMut, number: u64) {
    frame(out, 11, |out| out.put_u64_le(number));
}

pub(crate) fn put_side(out: &mut BytesMut, number: u64) {
    frame(out, 12, |out| out.put_u64_le(number));
}

pub(crate) fn put_control(out: &mut BytesMut, control: &Control) {
    frame(out, 10, |out| put_encoded(out, control));
}

/// What comes before the body of a message or an answer. Every message pays for it: it is put together in place,
/// and copied once.
struct Header {
    bytes: [u8; LONGEST_HEADER],
    length: usize,
}

/// That of an ask with a span.
const LONGEST_HEADER: usize = LENGTH + 1 + 4 + 4 + 8 + 8 + 8 + 4;

// In line, where the place of each field is known.
impl Header {
    #[inline(always)]
    fn of(kind: u8) -> Self {
        let mut bytes = [0; LONGEST_HEADER];
        bytes[LENGTH] = kind;
        Self {
            bytes,
            length: LENGTH + 1,
        }
    }

    #[inline(always)]
    fn with<const N: usize>(mut self, field: &[u8; N]) -> Self {
        self.bytes[self.length..self.length + N].copy_from_slice(field);
        self.length += N;
        self
    }

    #[inline(always)]
    fn head(self, head: Head) -> Self {
        let header = self.with(&head.route.to_le_bytes());
        let header = header.with(&head.tag.to_le_bytes());
        let header = header.with(&head.trace.number.to_le_bytes());
        match head.trace.span {
            0 => header,
            span => header.with(&span.to_le_bytes()),
        }
    }

    #[inline(always)]
    fn put(mut self, out: &mut BytesMut, body: &[u8]) {
        // Bodies are bounded when they are encoded, so the length fits.
        let length = (self.length - LENGTH + body.len()) as u32;
        self.bytes[..LENGTH].copy_from_slice(&length.to_le_bytes());
        out.reserve(self.length + body.len());
        out.extend_from_slice(&self.bytes[..self.length]);
        out.extend_from_slice(body);
    }
}

/// Messages are shorter while nobody wants spans.
fn kind(without_span: u8, with_span: u8, head: Head) -> u8 {
    match head.trace.span {
        0 => without_span,
        _ => with_span,
    }
}

/// For our own types, which always encode: names and texts are bounded where they are made.
fn put_encoded<T: Serialize>(out: &mut BytesMut, value: &T) {
    match encode(value) {
        Ok(bytes) => out.put_slice(&bytes),
        Err(error) => tracing::error!(%error, "a frame of our own does not encode"),
    }
}

fn frame(out: &mut BytesMut, kind: u8, content: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32_le(0);
    out.put_u8(kind);
    content(out);
    // Bodies are bounded when they are encoded, so the length fits.
    let length = (out.len() - start - LENGTH) as u32;
    out[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
}

/// Longest text of a panic or refusal that travels: enough to understand it, whatever a panic printed.
const MAX_TEXT: usize = 4096;

/// Cuts a reason's text to what may travel.
pub(crate) fn bounded(reason: ExitReason) -> ExitReason {
    match reason {
        ExitReason::Panicked(text) => ExitReason::Panicked(cut(text)),
        ExitReason::Failed(text) => ExitReason::Failed(cut(text)),
        other => other,
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
    }
    text
}

impl From<&AskError> for Refuse {
    fn from(error: &AskError) -> Self {
        match error {
            AskError::Timeout => Self::Late,
            AskError::Exited(reason) => Self::Exited(bounded(reason.clone())),
            AskError::Refused(why) => Self::Refused(cut(why.clone())),
        }
    }
}

impl From<Refuse> for AskError {
    fn from(refuse: Refuse) -> Self {
        match refuse {
            Refuse::Late => Self::Timeout,
            Refuse::Exited(reason) => Self::Exited(reason),
            Refuse::Refused(why) => Self::Refused(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(out: &BytesMut) -> Vec<String> {
        let mut rest = &out[..];
        let mut frames = Vec::new();
        while let Some((frame, length)) = split(rest).unwrap() {
            frames.push(format!("{:?}", parse(frame).unwrap()));
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
        frames
    }

    #[test]
    fn frames_survive_the_round_trip() {
        let mut out = BytesMut::new();
        let head = Head {
            route: 1,
            tag: 2,
            trace: Trace { number: 3, span: 0 },
        };
        let spanned = Head {
            trace: head.trace.within(8),
            ..head
        };
        let asked = Asked {
            id: 4,
            milliseconds: 5,
        };
        let control = Control::Hello(Hello {
            version: 1,
            incarnation: 9,
            attempt: 1,
        });
        put_lane(&mut out, 3);
        put_tell(&mut out, head, b"t");
        put_forget(&mut out);
        put_ask(&mut out, head, asked, b"");
        put_tell(&mut out, spanned, b"t");
        put_ask(&mut out, spanned, asked, b"");
        let answer = Written {
            version: 2,
            bytes: &[7][..],
        };
        put_answer(&mut out, 4, Ok(answer));
        put_answer(&mut out, 4, Err(&AskError::Timeout));
        put_exited(&mut out, 6, &ExitReason::Normal);
        put_cancel(&mut out, 4);
        put_control(&mut out, &control);
        let expected = [
            Frame::Lane(3),
            Frame::Tell(head, b"t"),
            Frame::Forget,
            Frame::Ask(head, asked, b""),
            Frame::Tell(spanned, b"t"),
            Frame::Ask(spanned, asked, b""),
            Frame::Answer(
                4,
                Written {
                    version: 2,
                    bytes: &[7],
                },
            ),
            Frame::Refuse(4, Refuse::Late),
            Frame::Exited(6, ExitReason::Normal),
            Frame::Cancel(4),
            Frame::Control(control),
        ];
        assert_eq!(read(&out), expected.map(|frame| format!("{frame:?}")));
    }

    #[test]
    fn half_a_frame_waits_for_the_rest() {
        let mut out = BytesMut::new();
        put_lane(&mut out, 1);
        for length in 0..out.len() {
            assert_eq!(split(&out[..length]), Ok(None));
        }
    }

    #[test]
    fn hostile_frames_are_errors() {
        assert_eq!(
            split(&[255; 8]),
            Err(FrameError::TooLong(u32::MAX as usize))
        );
        assert_eq!(parse(&[]), Err(FrameError::CutOff));
        assert_eq!(parse(&[4, 0, 0]), Err(FrameError::CutOff));
        assert_eq!(parse(&[200]), Err(FrameError::UnknownKind(200)));
        assert!(matches!(parse(&[10, 250]), Err(FrameError::Decode(_))));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let ExitReason::Panicked(text) = bounded(ExitReason::Panicked("ä".repeat(4000))) else {
            panic!("another reason");
        };
        assert_eq!(text.len(), MAX_TEXT);
    }
}
