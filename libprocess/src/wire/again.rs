//! Writes again what was read: what tests and fuzz targets compare.

use bytes::BytesMut;

use super::frame::*;
use crate::error::AskError;

/// The bytes of `frame`. Texts that are too long to travel are cut, as they are by every sender.
pub(crate) fn put(out: &mut BytesMut, frame: &Frame<'_>) {
    match frame {
        Frame::Lane(index) => put_lane(out, *index),
        Frame::Route(route) => put_route(out, route),
        Frame::Forget => put_forget(out),
        Frame::Tell(head, body) => put_tell(out, *head, body),
        Frame::Ask(head, asked, body) => put_ask(out, *head, *asked, body),
        Frame::Answer(ask, answer) => put_answer(out, *ask, Ok(*answer)),
        Frame::Refuse(ask, why) => put_answer(out, *ask, Err(&AskError::from(why.clone()))),
        Frame::Exited(monitor, reason) => put_exited(out, *monitor, &bounded(reason.clone())),
        Frame::Cancel(ask) => put_cancel(out, *ask),
        Frame::Control(control) => put_control(out, control),
        Frame::Bind(bind) => put_bind(out, bind),
        Frame::Unbind(number) => put_unbind(out, *number),
        Frame::Place(number) => put_place(out, *number),
        Frame::Side(number) => put_side(out, *number),
    }
}
