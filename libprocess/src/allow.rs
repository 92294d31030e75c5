//! Who may send what: the allow-list of a protocol. And who may link.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use actix::Message;

use crate::protocol::{Accepts, Protocol};
use crate::tls::PeerIdentity;

/// Which roles may send the messages of protocol `P` to actors of a node; see
/// [`NodeBuilder::allow`](crate::NodeBuilder::allow).
///
/// ```
/// # use libprocess::prelude::*;
/// # use libprocess::Allow;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Read;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Write(u64);
/// protocol! { StoreProtocol = "store" { 1 => Read -> u64, 2 => Write -> () } }
///
/// // Clients may read, only masters may write.
/// let allow = Allow::<StoreProtocol>::roles(["client", "master"]).message::<Write>(["master"]);
/// let node = Node::bind("127.0.0.1:0").allow(allow);
/// ```
pub struct Allow<P: Protocol> {
    rule: Rule,
    protocol: PhantomData<fn(P)>,
}

/// The same without its type.
#[derive(Clone, Debug)]
struct Rule {
    roles: BTreeSet<String>,
    /// By number: instead of the above.
    messages: BTreeMap<u32, BTreeSet<String>>,
}

impl<P: Protocol> Allow<P> {
    /// Nodes in these roles may send every message of the protocol, and others none.
    pub fn roles<R: Into<String>>(roles: impl IntoIterator<Item = R>) -> Self {
        let rule = Rule {
            roles: roles.into_iter().map(Into::into).collect(),
            messages: BTreeMap::new(),
        };
        Self {
            rule,
            protocol: PhantomData,
        }
    }

    /// For messages `M`, these roles instead.
    #[must_use]
    pub fn message<M: Message>(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self
    where
        P: Accepts<M>,
    {
        let roles = roles.into_iter().map(Into::into).collect();
        self.rule.messages.insert(P::TAG, roles);
        self
    }
}

impl<P: Protocol> fmt::Debug for Allow<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Allow({}: {:?})", P::NAME, self.rule)
    }
}

/// The rules of a node.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// By the names of protocols. What has no rule is open to every peer.
    protocols: BTreeMap<&'static str, Rule>,
    /// The roles whose actors may be linked to those of this node.
    linkers: BTreeSet<String>,
}

impl Rules {
    pub(crate) fn add<P: Protocol>(&mut self, allow: Allow<P>) {
        self.protocols.insert(P::NAME, allow.rule);
    }

    pub(crate) fn add_linkers<R: Into<String>>(&mut self, roles: impl IntoIterator<Item = R>) {
        self.linkers.extend(roles.into_iter().map(Into::into));
    }

    pub(crate) fn lets_link(&self, role: &str) -> bool {
        self.linkers.contains(role)
    }

    /// What `peer` may send of a protocol. Without a known peer: nothing that has a rule.
    pub(crate) fn gate(&self, protocol: &str, peer: Option<&PeerIdentity>) -> Gate {
        let Some(rule) = self.protocols.get(protocol) else {
            return Gate::OPEN;
        };
        let lets = |roles: &BTreeSet<String>| peer.is_some_and(|peer| roles.contains(&peer.role));
        Gate {
            rest: lets(&rule.roles),
            messages: rule
                .messages
                .iter()
                .map(|(tag, roles)| (*tag, lets(roles)))
                .collect(),
        }
    }
}

/// What one peer may send of one protocol.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Messages that are not listed below.
    rest: bool,
    messages: Vec<(u32, bool)>,
}

impl Gate {
    const OPEN: Self = Self {
        rest: true,
        messages: Vec::new(),
    };

    pub(crate) fn lets(&self, tag: u32) -> bool {
        let listed = self.messages.iter().find(|(listed, _)| *listed == tag);
        listed.map_or(self.rest, |(_, lets)| *lets)
    }
}
