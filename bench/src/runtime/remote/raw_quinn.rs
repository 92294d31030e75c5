//! Bare quinn with its defaults: length-prefixed messages on one stream, without encoding, names,
//! credit or mutual trust. What is sent is counted by the receiver, no more.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use quinn::{Connection, RecvStream, SendStream};
use tokio::runtime::Runtime;

use super::CONCURRENT;
use crate::child::{self, Child, Role};
use crate::measure::time;
use crate::runtime::bare_quinn::{self, Introduction};
use crate::runtime::{SIZE, runtime, single};

/// Messages of one coalesced write: 32 KB and a bit; larger ones are not faster.
const PER_WRITE: usize = 320;
const READ: usize = 64 << 10;
const LENGTH: usize = 4;
const FRAME: usize = LENGTH + SIZE;

/// The process at the other end; it says where it listens.
pub(super) const HOST: Role = ("quinn-host", host);

fn host(_: &[String]) {
    let runtime = runtime();
    let (endpoint, introduction) = runtime.block_on(async { bare_quinn::server() });
    println!("{}", introduction.to_line());
    runtime.spawn(async move {
        let incoming = endpoint.accept().await.expect("a caller");
        let connection = incoming.await.expect("a connection");
        while let Ok((answers, questions)) = connection.accept_bi().await {
            tokio::spawn(serve(questions, answers));
        }
    });
    child::hear();
}

/// What the first byte of a stream asks for.
const COUNT: u8 = 0;
pub(in crate::runtime) const ECHO: u8 = 1;

async fn serve(mut questions: RecvStream, mut answers: SendStream) {
    let mut what = [0];
    questions.read_exact(&mut what).await.expect("a first byte");
    let mut frames = Frames::default();
    let mut count = 0;
    while let Some(new) = frames.read(&mut questions).await {
        count += new as u64;
        if what[0] == ECHO && new > 0 {
            answers.write_chunk(messages(new)).await.expect("room");
        }
    }
    if what[0] == COUNT {
        answers.write_all(&count.to_be_bytes()).await.expect("room");
        answers.finish().expect("an open stream");
        let _ = answers.stopped().await;
    }
}

pub(super) fn coalesced(count: usize) -> Duration {
    tells(count, PER_WRITE)
}

pub(super) fn single_writes(count: usize) -> Duration {
    tells(count, 1)
}

fn tells(count: usize, per_write: usize) -> Duration {
    with_stream(
        runtime(),
        COUNT,
        async move |mut to: SendStream, mut from: RecvStream| {
            let mut left = count;
            while left > 0 {
                let now = left.min(per_write);
                to.write_chunk(messages(now)).await.expect("room");
                left -= now;
            }
            to.finish().expect("an open stream");
            let mut received = [0; 8];
            from.read_exact(&mut received).await.expect("a count");
            assert_eq!(u64::from_be_bytes(received), count as u64);
        },
    )
}

pub(super) fn ping_pong(count: usize) -> Duration {
    asks(count, 1)
}

pub(super) fn pipelined(count: usize) -> Duration {
    asks(count, CONCURRENT)
}

/// Sends as many as were answered, all in one write.
fn asks(count: usize, in_flight: usize) -> Duration {
    with_stream(
        single(),
        ECHO,
        async move |mut to: SendStream, mut from: RecvStream| {
            let mut frames = Frames::default();
            let (mut sent, mut answered) = (0, 0);
            while answered < count {
                let now = (in_flight - (sent - answered)).min(count - sent);
                if now > 0 {
                    to.write_chunk(messages(now)).await.expect("room");
                    sent += now;
                }
                answered += frames.read(&mut from).await.expect("answers");
            }
        },
    )
}

pub(in crate::runtime) fn messages(count: usize) -> Bytes {
    let mut frames = BytesMut::with_capacity(count * FRAME);
    for _ in 0..count {
        frames.put_u32(SIZE as u32);
        frames.put_slice(&[7; SIZE]);
    }
    frames.freeze()
}

/// Finds messages in what arrives.
#[derive(Default)]
pub(in crate::runtime) struct Frames {
    rest: BytesMut,
}

impl Frames {
    /// How many whole messages of our size the next chunk completes; none if the stream is at its end.
    pub(in crate::runtime) async fn read(&mut self, stream: &mut RecvStream) -> Option<usize> {
        let chunk = stream.read_chunk(READ, true).await.ok()??;
        self.rest.extend_from_slice(&chunk.bytes);
        let mut count = 0;
        while self.rest.len() >= LENGTH {
            let length = (&self.rest[..]).get_u32() as usize;
            if self.rest.len() < LENGTH + length {
                break;
            }
            self.rest.advance(LENGTH + length);
            count += usize::from(length == SIZE);
        }
        Some(count)
    }
}

/// How long `work` takes with a stream to another process, in a task of this runtime.
fn with_stream<F>(
    runtime: Runtime,
    what: u8,
    work: impl FnOnce(SendStream, RecvStream) -> F,
) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    with_connection(runtime, async |connection| {
        let (mut to, from) = connection.open_bi().await.expect("a stream");
        to.write_all(&[what]).await.expect("room");
        let working = tokio::spawn(time(work(to, from)));
        working.await.expect("a time")
    })
}

/// What `work` makes of a connection to another process.
pub(in crate::runtime) fn with_connection<T>(
    runtime: Runtime,
    work: impl AsyncFnOnce(Connection) -> T,
) -> T {
    let mut host = Child::start(HOST.0, &[]);
    let introduction = Introduction::from_line(&host.line());
    runtime.block_on(async {
        let endpoint = introduction.client();
        work(introduction.connect(&endpoint).await).await
    })
}
