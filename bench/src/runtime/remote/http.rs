//! One HTTP request per message, kept alive: actix-web serves, a minimal client asks.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::child::{self, Child, Role};
use crate::measure::time;
use crate::runtime::{SIZE, runtime};

const CONNECTIONS: usize = 64;

/// One after the other on one connection.
pub(super) fn one_by_one(count: usize) -> Duration {
    measure(1, count)
}

/// Spread over many connections.
pub(super) fn parallel(count: usize) -> Duration {
    measure(CONNECTIONS, count)
}

fn measure(connections: usize, count: usize) -> Duration {
    let mut host = Child::start(HOST.0, &[]);
    let address: SocketAddr = host.line().parse().expect("an address");
    runtime().block_on(async {
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
    })
}

async fn receive(body: web::Bytes) -> HttpResponse {
    assert_eq!(body.len(), SIZE);
    HttpResponse::Accepted().finish()
}

/// The server, with as many workers as there are cores.
pub(super) const HOST: Role = ("http-host", host);

fn host(_: &[String]) {
    std::thread::spawn(|| {
        actix_web::rt::System::new().block_on(async {
            let app = || App::new().route("/", web::post().to(receive));
            let server = HttpServer::new(app).disable_signals();
            let server = server.bind(("127.0.0.1", 0)).expect("a port");
            println!("{}", server.addrs()[0]);
            server.run().await.expect("a server");
        });
    });
    child::hear();
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
