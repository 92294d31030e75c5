//! A daemon's node: where it listens, who it is, whom it believes.

use std::net::SocketAddr;
use std::path::Path;

use frameworks::connect::ConnectError;
use libprocess::Allow;
use libprocess::observe::{Observer, ObserverProtocol, Readiness};
use libprocess::prelude::*;
use libprocess::tls::{Authority, Trust};
use mesos::protocols::roles;

use crate::arguments::TlsFlags;

/// Who may see what a daemon does: people, and the daemons that show whole clusters to people. Frameworks and
/// executors have no business with the names of others' actors.
const LOOKERS: [&str; 3] = [roles::OPERATOR, roles::MASTER, roles::AGENT];

/// Makes the node of a daemon in `role`, which believes the authority of `--tls_dir` and `others`.
///
/// Others may look at what it does (`mesos top`).
///
/// The keys by which a restarted node ends the links of its former life at once are kept below `work_dir`; a
/// daemon that keeps nothing is noticed by its silence instead.
pub(super) async fn start(
    address: SocketAddr,
    role: &str,
    tls: &TlsFlags,
    work_dir: Option<&Path>,
    readiness: &Readiness,
    others: impl IntoIterator<Item = Trust>,
) -> Result<Node, ConnectError> {
    let authority = Authority::load_or_create(&tls.folder())?;
    let identity = authority.issue(role, &address.to_string());
    let mut builder = Node::bind(address)
        .identity(identity)
        .trust(authority.trust())
        .allow(Allow::<ObserverProtocol>::roles(LOOKERS));
    for trust in others {
        builder = builder.trust(trust);
    }
    if let Some(work_dir) = work_dir {
        builder = builder.keys_dir(work_dir.join("keys"));
    }
    let node = builder.start().await?;
    // The name cannot be taken on a new node; one that is going down needs no observer.
    let _ = Observer::start(&node, readiness);
    Ok(node)
}

/// What a daemon does when it hangs up: it presents a new certificate, of the authority as it is now. Links stay.
pub(super) fn renewal(
    node: &Node,
    role: &'static str,
    tls: &TlsFlags,
) -> impl FnMut() + Send + 'static {
    let (node, folder) = (node.clone(), tls.folder());
    move || {
        let renewed = Authority::load_or_create(&folder)
            .map_err(|error| error.to_string())
            .and_then(|authority| {
                let identity = authority.issue(role, &node.address().to_string());
                // Whom it believes stays.
                node.rotate(&identity, [])
                    .map_err(|error| error.to_string())
            });
        match renewed {
            Ok(()) => tracing::info!("the certificate was renewed"),
            Err(error) => {
                tracing::warn!("the certificate was not renewed, the old one stays: {error}")
            }
        }
    }
}
