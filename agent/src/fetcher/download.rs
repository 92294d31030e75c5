//! http and https.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// `--fetcher_stall_timeout`: this long without a byte ends a download, however long it takes as a
/// whole (Mesos' `docs/fetcher.md`).
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Finding and reaching a server takes seconds or never.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// As many as browsers follow.
const MAX_REDIRECTS: u32 = 20;

/// A client; nothing is shared between fetches.
#[derive(Debug)]
pub(super) struct Web(Agent);

impl Web {
    pub(super) fn new() -> Web {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::WebPki)
            // Named here, because a process-wide default would be state of the whole process.
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(STALL_TIMEOUT))
            .timeout_per_write(Some(STALL_TIMEOUT))
            .max_redirects(MAX_REDIRECTS)
            .user_agent("mesos-fetcher")
            .build();
        Web(Agent::new_with_config(config))
    }

    /// The body of a successful answer; else the reason in words.
    pub(super) fn get(&self, url: &str) -> Result<impl Read + use<>, String> {
        let response = self.0.get(url).call().map_err(|error| match error {
            ureq::Error::StatusCode(code) => format!("the server answered {code}"),
            other => other.to_string(),
        })?;
        Ok(response.into_body().into_reader())
    }
}
