//! Who hears nothing of whom: worked out, not pinged, and only while something may be silent.

use std::net::SocketAddr;
use std::sync::Weak;
use std::time::Duration;

use tokio::time::Instant;

use super::events::Event;
use super::wires::{End, EndState, Wire};
use super::{Port, Shared, State};
use crate::link::Link;

/// How often it is looked at, while there is reason to: as often as links ping each other.
const LOOK: Duration = Duration::from_millis(400);

/// The size of a ping on its way.
const PING: usize = 60;

/// What is to become of a link.
enum Verdict {
    Silent(Weak<Link>),
    /// The other end does not know it any more, and says so.
    Unknown(Weak<Link>),
}

impl Shared {
    /// From now on something may keep nodes from hearing of each other.
    pub(in crate::sim) fn look_out(&self) {
        let now = Instant::now();
        let mut state = self.state();
        if state.looking {
            return;
        }
        state.looking = true;
        // Until now everybody heard everybody.
        for wire in state.wires.values_mut() {
            for end in &mut wire.ends {
                end.heard = end.heard.max(now);
            }
        }
        state.plan(now + LOOK, Event::Looks);
        self.planned.notify_one();
    }

    pub(super) fn look(&self, now: Instant) {
        let (verdicts, reason) = {
            let mut state = self.state();
            let state = &mut *state;
            let mut verdicts = Vec::new();
            let mut half = false;
            for wire in state.wires.values_mut() {
                half |= wire.ends.iter().any(|end| end.state == EndState::Over)
                    || wire.ends.iter().any(|end| !is_there(&state.ports, end));
                for side in 0..2 {
                    verdicts.extend(self.listen(&state.ports, wire, side, now));
                }
            }
            // Both are gone, and nobody is left to hear of it.
            let ports = &state.ports;
            let open = |end: &End| end.state != EndState::Over && is_there(ports, end);
            state.wires.retain(|_, wire| wire.ends.iter().any(open));
            let paused = state.ports.values().any(Port::is_paused);
            (verdicts, half || paused || self.world.may_stop_packets())
        };
        for verdict in verdicts {
            match verdict {
                Verdict::Silent(link) => {
                    if let Some(link) = link.upgrade() {
                        link.fell_silent();
                    }
                }
                Verdict::Unknown(link) => {
                    if let Some(link) = link.upgrade() {
                        link.closed_by_peer(Link::OVER);
                    }
                }
            }
        }
        let mut state = self.state();
        match reason {
            true => state.plan(now + LOOK, Event::Looks),
            false => state.looking = false,
        }
    }

    /// What one end of a wire hears of the other.
    fn listen(&self, ports: &Ports, wire: &mut Wire, side: usize, now: Instant) -> Option<Verdict> {
        let (here, there) = match side {
            0 => (&wire.ends[0], &wire.ends[1]),
            _ => (&wire.ends[1], &wire.ends[0]),
        };
        if here.state != EndState::Up || !is_there(ports, here) || is_paused(ports, here) {
            return None;
        }
        let speaks = match ports.get(&there.address) {
            Some(port) => !port.is_paused(),
            None => false,
        };
        let ping = self.world.packet(there.address, here.address, PING);
        let question = self.world.packet(here.address, there.address, PING);
        if speaks && self.world.would_pass(&ping) {
            if is_there(ports, there) && there.state != EndState::Over {
                wire.ends[side].heard = now;
                return None;
            }
            // It answers what it does not know, if it hears of it.
            if self.world.would_pass(&question) {
                return Some(Verdict::Unknown(here.link.clone()));
            }
        }
        let silent = now >= here.heard + here.silent_after;
        silent.then(|| Verdict::Silent(here.link.clone()))
    }
}

type Ports = std::collections::BTreeMap<SocketAddr, Port>;

fn is_there(ports: &Ports, end: &End) -> bool {
    let port = ports.get(&end.address);
    port.is_some_and(|port| port.number == end.port)
}

fn is_paused(ports: &Ports, end: &End) -> bool {
    let port = ports.get(&end.address);
    port.is_some_and(Port::is_paused)
}

impl State {
    /// A node did not listen until now: its silence before does not count.
    pub(super) fn hear_all_at(&mut self, address: SocketAddr, now: Instant) {
        for wire in self.wires.values_mut() {
            for end in &mut wire.ends {
                if end.address == address {
                    end.heard = now;
                }
            }
        }
    }
}
