//! The watch over one agent: it is asked for a sign of life, and given up after some silence.

use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::agent::Ping;
use mesos::protocols::master::AgentUnresponsive;
use mesos::protocols::observer::SetConnected;
use mesos::protocols::{AgentProtocol, MasterProtocol, ObserverProtocol};
use mesos::v1::AgentId;

/// Pings one agent until the master stops it.
pub(crate) struct AgentObserver {
    agent: AgentId,
    pid: Pid<AgentProtocol>,
    master: Pid<MasterProtocol>,
    interval: Duration,
    /// Silences after which the agent is given up.
    max_misses: u32,
    misses: u32,
    connected: bool,
}

impl AgentObserver {
    /// Watches `agent` at `pid` for `master`. A ping is sent every `interval`, and an answer that
    /// takes longer is a miss.
    pub(crate) fn new(
        agent: AgentId,
        pid: Pid<AgentProtocol>,
        master: Pid<MasterProtocol>,
        interval: Duration,
        max_misses: u32,
    ) -> AgentObserver {
        AgentObserver {
            agent,
            pid,
            master,
            interval,
            max_misses,
            misses: 0,
            connected: true,
        }
    }

    fn ping(&mut self, ctx: &mut Context<Self>) {
        let ping = Ping {
            connected: self.connected,
        };
        ctx.detach().ask_then(
            &self.pid,
            ping,
            self.interval,
            |observer, answer, ctx| match answer {
                Ok(_) => observer.misses = 0,
                Err(_) => observer.missed(ctx),
            },
        );
    }

    fn missed(&mut self, ctx: &mut Context<Self>) {
        self.misses += 1;
        tracing::debug!(agent = %self.agent.value, misses = self.misses, "ping missed");
        // Said again with every further miss: the master may be busy with the agent just then.
        if self.misses >= self.max_misses {
            ctx.tell(
                &self.master,
                AgentUnresponsive {
                    agent_id: self.agent.clone(),
                },
            );
        }
    }
}

impl Actor for AgentObserver {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.monitor(&self.master);
        self.ping(ctx);
        ctx.run_interval(self.interval, AgentObserver::ping);
    }
}

impl Process for AgentObserver {
    type Protocol = ObserverProtocol;
}

impl Handler<Exited> for AgentObserver {
    type Result = ();

    /// A master that lost its leadership has no time to stop its observers.
    fn handle(&mut self, _: Exited, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<SetConnected> for AgentObserver {
    type Result = ();

    fn handle(&mut self, SetConnected(connected): SetConnected, _: &mut Context<Self>) {
        self.connected = connected;
    }
}
