//! Endpoints of bare quinn, and what they need to talk to each other from process to process: a
//! certificate that is told.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::{ClientConfig, Endpoint, ServerConfig};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

const NAME: &str = "node";

/// Where a server listens and what it presents, as one line of text.
pub(super) struct Introduction {
    pub(super) address: SocketAddr,
    certificate: CertificateDer<'static>,
}

impl Introduction {
    pub(super) fn to_line(&self) -> String {
        let hex = |byte: &u8| format!("{byte:02x}");
        let certificate: String = self.certificate.iter().map(hex).collect();
        format!("{} {certificate}", self.address)
    }

    pub(super) fn from_line(line: &str) -> Self {
        let (address, hex) = line.split_once(' ').expect("an address and a certificate");
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        Self {
            address: address.parse().expect("an address"),
            certificate: bytes.into(),
        }
    }

    /// An endpoint that believes it, with quinn's defaults.
    pub(super) fn client(&self) -> Endpoint {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a root");
        let client = ClientConfig::with_root_certificates(Arc::new(roots)).expect("a client");
        let mut endpoint = Endpoint::client(loopback()).expect("a port");
        endpoint.set_default_client_config(client);
        endpoint
    }

    /// A connection to the server.
    pub(super) async fn connect(&self, endpoint: &Endpoint) -> quinn::Connection {
        let connecting = endpoint.connect(self.address, NAME).expect("an attempt");
        connecting.await.expect("a connection")
    }
}

/// A server with quinn's defaults and TLS of the server only.
pub(super) fn server() -> (Endpoint, Introduction) {
    let certified = rcgen::generate_simple_self_signed(vec![NAME.into()]).expect("a certificate");
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let server = ServerConfig::with_single_cert(vec![certificate.clone()], key.into());
    let endpoint = Endpoint::server(server.expect("a server"), loopback()).expect("a port");
    let address = endpoint.local_addr().expect("an address");
    (
        endpoint,
        Introduction {
            address,
            certificate,
        },
    )
}

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}
