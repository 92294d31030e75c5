//! Bare quinn: length-prefixed messages on one stream, without encoding, names or mutual trust.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, ServerConfig};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::{SIZE, runtime};
use crate::measure::time;

const PER_WRITE: usize = 64;
const READ: usize = 64 << 10;
const FRAME: usize = 4 + SIZE;

pub(super) fn tells(count: usize) -> Duration {
    runtime().block_on(async {
        let (_endpoints, from, to) = pair().await;
        let receiving = tokio::spawn(async move {
            let mut stream = to.accept_uni().await.expect("a stream");
            receive(&mut stream, count).await;
        });
        let mut stream = from.open_uni().await.expect("a stream");
        let sending = tokio::spawn(time(async move {
            let mut left = count;
            while left > 0 {
                let batch = left.min(PER_WRITE);
                stream.write_chunk(frames(batch)).await.expect("room");
                left -= batch;
            }
            receiving.await.expect("all messages");
        }));
        sending.await.expect("a time")
    })
}

pub(super) fn asks(count: usize) -> Duration {
    runtime().block_on(async {
        let (_endpoints, from, to) = pair().await;
        let answering = tokio::spawn(async move {
            let mut questions = to.accept_uni().await.expect("a stream");
            let mut answers = to.open_uni().await.expect("a stream");
            for _ in 0..count {
                receive(&mut questions, 1).await;
                answers.write_chunk(frames(1)).await.expect("room");
            }
            to.closed().await;
        });
        let mut questions = from.open_uni().await.expect("a stream");
        let asking = tokio::spawn(time(async move {
            let mut answers = None;
            for _ in 0..count {
                questions.write_chunk(frames(1)).await.expect("room");
                let answers = match &mut answers {
                    Some(answers) => answers,
                    // The stream appears with its first answer.
                    none => none.insert(from.accept_uni().await.expect("a stream")),
                };
                receive(answers, 1).await;
            }
        }));
        let took = asking.await.expect("a time");
        answering.abort();
        took
    })
}

fn frames(count: usize) -> Bytes {
    let mut frames = BytesMut::with_capacity(count * FRAME);
    for _ in 0..count {
        frames.put_u32(SIZE as u32);
        frames.put_slice(&[7; SIZE]);
    }
    frames.freeze()
}

/// Reads until `count` whole messages came.
async fn receive(stream: &mut RecvStream, count: usize) {
    let mut buffered = BytesMut::new();
    let mut received = 0;
    while received < count {
        let chunk = stream.read_chunk(READ, true).await.expect("a stream");
        buffered.extend_from_slice(&chunk.expect("more bytes").bytes);
        while buffered.len() >= FRAME {
            let length = u32::from_be_bytes([buffered[0], buffered[1], buffered[2], buffered[3]]);
            let frame = buffered.split_to(4 + length as usize);
            assert_eq!(frame.len(), FRAME);
            received += 1;
        }
    }
}

async fn pair() -> ([Endpoint; 2], Connection, Connection) {
    let certified = rcgen::generate_simple_self_signed(vec!["node".into()]).expect("a certificate");
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let server = ServerConfig::with_single_cert(vec![certificate.clone()], key.into());
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let client = ClientConfig::with_root_certificates(Arc::new(roots)).expect("a client");

    let loopback: SocketAddr = ([127, 0, 0, 1], 0).into();
    let server = Endpoint::server(server.expect("a server"), loopback).expect("a port");
    let mut caller = Endpoint::client(loopback).expect("a port");
    caller.set_default_client_config(client);
    let address = server.local_addr().expect("an address");
    let connecting = caller.connect(address, "node").expect("an attempt");
    let (from, to) = tokio::join!(connecting, async {
        server.accept().await.expect("a caller").await
    });
    (
        [server, caller],
        from.expect("a connection"),
        to.expect("a connection"),
    )
}
