//! One HTTP request per message, kept alive: actix-web serves, a minimal client asks.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{CONCURRENT, SIZE, runtime};
use crate::measure::time;

/// One after the other on one connection.
pub(super) fn requests(count: usize) -> Duration {
    measure(1, count)
}

/// Spread over many connections.
pub(super) fn parallel_requests(count: usize) -> Duration {
    measure(CONCURRENT, count)
}

fn measure(connections: usize, count: usize) -> Duration {
    let (address, server) = serve();
    let runtime = runtime();
    let took = runtime.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(Client::connect(address).await);
        }
        let each = count / connections;
        time(async {
            let tasks: Vec<_> = clients
                .into_iter()
                .map(|client| tokio::spawn(client.post(each)))
                .collect();
            for task in tasks {
                task.await.expect("answers");
            }
        })
        .await
    });
    runtime.block_on(server.stop(false));
    took
}

async fn receive(body: web::Bytes) -> HttpResponse {
    assert_eq!(body.len(), SIZE);
    HttpResponse::Accepted().finish()
}

/// On a thread of its own, with as many workers as there are cores.
fn serve() -> (SocketAddr, ServerHandle) {
    let (started, serving) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = || App::new().route("/", web::post().to(receive));
            let server = HttpServer::new(app).disable_signals();
            let server = server.bind(("127.0.0.1", 0)).expect("a port");
            let address = server.addrs()[0];
            let server = server.run();
            started
                .send((address, server.handle()))
                .expect("a waiting thread");
            server.await.expect("a server");
        });
    });
    serving.recv().expect("a server")
}

struct Client {
    stream: TcpStream,
    request: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        let head = format!("POST / HTTP/1.1\r\nhost: {address}\r\ncontent-length: {SIZE}\r\n\r\n");
        let request = [head.as_bytes(), &[7; SIZE]].concat();
        Client { stream, request }
    }

    async fn post(mut self, count: usize) {
        let mut answer = [0; 1024];
        for _ in 0..count {
            self.stream.write_all(&self.request).await.expect("room");
            let mut length = 0;
            // The answers have no body: they end with their heads.
            while !answer[..length].ends_with(b"\r\n\r\n") {
                let read = self.stream.read(&mut answer[length..]).await;
                length += read.expect("an answer");
            }
            assert!(answer.starts_with(b"HTTP/1.1 202"));
        }
    }
}
