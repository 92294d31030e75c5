//! What actors told each other in a run: one line an envelope, the last of them kept.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::party::Party;
use crate::pid::AnyPid;

/// What an envelope was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message that wants no answer.
    Tell,
    /// A message that wants an answer.
    Ask,
    /// The answer to the message that is named.
    Answer,
    /// The notice of an end.
    Exit,
}

/// What became of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It reached its actor.
    Handled,
    /// A tap dropped it.
    Dropped,
    /// A tap holds it up; it has another line when it is handled.
    Delayed,
}

/// One envelope, when it reached its actor; an answer when it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Virtual time since the start of the run.
    pub at: Duration,
    /// The sender, if it was an actor.
    pub from: Option<AnyPid>,
    /// The sender's node, if it is known.
    pub from_node: Option<SocketAddr>,
    /// The receiver; `None` for answers to what was asked from outside of actors.
    pub to: Option<AnyPid>,
    /// The name of the message in its protocol; for [`Kind::Exit`] the reason.
    pub message: Cow<'static, str>,
    /// What it was.
    pub kind: Kind,
    /// The number it shares with those that led to it.
    pub trace: u64,
    /// What became of it.
    pub passage: Passage,
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_secs_f64();
        write!(f, "{seconds:>12.6} s  ")?;
        match (&self.from, &self.from_node) {
            (Some(actor), _) => write!(f, "{actor}")?,
            (None, Some(node)) => write!(f, "{node}")?,
            (None, None) => write!(f, "outside")?,
        }
        match &self.to {
            Some(actor) => write!(f, " -> {actor}")?,
            None => write!(f, " -> outside")?,
        }
        let kind = match self.kind {
            Kind::Tell => "tell",
            Kind::Ask => "ask",
            Kind::Answer => "answer",
            Kind::Exit => "exit",
        };
        write!(f, "  {kind} {}  #{:x}", self.message, self.trace)?;
        match self.passage {
            Passage::Handled => Ok(()),
            Passage::Dropped => write!(f, "  (dropped)"),
            Passage::Delayed => write!(f, "  (delayed)"),
        }
    }
}

/// How many envelopes are kept to be looked at. All of them are in the hash.
const KEPT: usize = 10_000;

/// The last envelopes, oldest first.
#[derive(Default)]
pub(super) struct Envelopes {
    last: VecDeque<Envelope>,
    /// How many there were.
    count: u64,
}

impl Envelopes {
    pub(super) fn record(&mut self, envelope: Envelope) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(envelope);
        self.count += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn last(&self) -> impl DoubleEndedIterator<Item = &Envelope> {
        self.last.iter()
    }

    /// Those between two parties of the kept ones, from the `first` of all on.
    pub(super) fn between(&self, from: &Party, to: &Party, first: u64) -> Vec<String> {
        let dropped = self.count - self.last.len() as u64;
        let skipped = first.saturating_sub(dropped) as usize;
        let since = self.last.iter().skip(skipped);
        let meant = since.filter(|it| {
            let to_node = it.to.as_ref().map(AnyPid::address);
            from.means(it.from.as_ref(), it.from_node) && to.means(it.to.as_ref(), to_node)
        });
        meant.map(ToString::to_string).collect()
    }
}
