//! Knowing of a connection what requests and responses do not show: that its client has gone, and
//! how to end it when the client does not read.

use std::any::Any;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use tokio::io::Interest;

/// A second handle to the socket of a connection.
#[derive(Clone, Debug)]
pub(super) struct Connection(Arc<OwnedFd>);

/// Called for every accepted connection.
pub(super) fn on_connect(io: &dyn Any, extensions: &mut Extensions) {
    let Some(stream) = io.downcast_ref::<TcpStream>() else {
        return;
    };
    // Events are small and awaited: they are not to wait for company.
    let _ = stream.set_nodelay(true);
    if let Ok(socket) = stream.as_fd().try_clone_to_owned() {
        extensions.insert(Connection(Arc::new(socket)));
    }
}

impl Connection {
    /// The connection a request came by.
    pub(super) fn of(request: &HttpRequest) -> Option<Connection> {
        request.conn_data::<Connection>().cloned()
    }

    /// Resolves when the client has closed its side. HTTP clients that only finished their request
    /// keep it open.
    ///
    /// The server reads from the same socket, but while it writes an endless response it does not
    /// act upon the end it reads.
    pub(super) async fn closed_by_client(&self) {
        let Ok(socket) = self.second_stream().and_then(TcpStream::from_std) else {
            return std::future::pending().await;
        };
        loop {
            match socket.ready(Interest::READABLE).await {
                Ok(ready) if !ready.is_read_closed() => forget_readiness(&socket),
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Ends the connection both ways, whatever waits to be written.
    pub(super) fn cut(&self) {
        if let Ok(socket) = self.second_stream() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn second_stream(&self) -> io::Result<std::net::TcpStream> {
        self.0.try_clone().map(std::net::TcpStream::from)
    }
}

/// Lets the next `ready` wait for news instead of telling the same again. What arrived is the
/// server's to read.
fn forget_readiness(socket: &TcpStream) {
    let _ = socket.try_io(Interest::READABLE, || {
        Err::<(), _>(io::ErrorKind::WouldBlock.into())
    });
}
