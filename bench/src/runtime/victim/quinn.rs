//! The same with bare quinn: first as a connection of one stream is, where a message waits behind all
//! that was written before it; then with a stream for each, which is as good as it gets.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::Mutex;

use super::{PIECE, PUSHED, p99};
use crate::runtime::remote::raw_quinn::{ECHO, Frames, messages, with_connection};
use crate::runtime::runtime;

pub(super) fn one_stream(pushes: bool) -> f64 {
    with_connection(runtime(), async |connection| {
        let (mut to, mut from) = connection.open_bi().await.expect("a stream");
        to.write_all(&[ECHO]).await.expect("room");
        let to = Arc::new(Mutex::new(to));
        let shared = to.clone();
        let pushing = async move {
            let piece = piece();
            loop {
                let mut to = shared.lock().await;
                to.write_chunk(piece.clone()).await.expect("room");
            }
        };
        let pushing = pushes.then(|| tokio::spawn(pushing));
        let mut frames = Frames::default();
        let slow = p99(async || {
            let question = to.lock().await.write_chunk(messages(1)).await;
            question.expect("room");
            while frames.read(&mut from).await.expect("an answer") == 0 {}
        })
        .await;
        if let Some(pushing) = pushing {
            pushing.abort();
        }
        slow
    })
}

pub(super) fn two_streams() -> f64 {
    with_connection(runtime(), async |connection| {
        let (mut to, mut from) = connection.open_bi().await.expect("a stream");
        to.write_all(&[ECHO]).await.expect("room");
        let pusher = connection.clone();
        let pushing = tokio::spawn(async move {
            let (mut to, _from) = pusher.open_bi().await.expect("a stream");
            to.write_all(&[ECHO]).await.expect("room");
            let piece = piece();
            loop {
                to.write_chunk(piece.clone()).await.expect("room");
            }
        });
        let mut frames = Frames::default();
        let slow = p99(async || {
            to.write_chunk(messages(1)).await.expect("room");
            while frames.read(&mut from).await.expect("an answer") == 0 {}
        })
        .await;
        pushing.abort();
        slow
    })
}

/// What the other side does not answer: it is no message.
fn piece() -> Bytes {
    const { assert!(PUSHED.is_multiple_of(PIECE)) };
    let mut piece = BytesMut::with_capacity(PIECE + size_of::<u32>());
    piece.put_u32(PIECE as u32);
    piece.put_bytes(7, PIECE);
    piece.freeze()
}
