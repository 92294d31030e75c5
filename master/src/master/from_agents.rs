//! What agents, and those who observe them, say to the master.

use libprocess::prelude::*;
use mesos::protocols::master::{
    AgentResources, AgentUnresponsive, ExecutorExited, ExecutorMessage, OperationUpdate,
    RegisterAgent, ReregisterAgent, UnregisterAgent, UpdateOversubscribed,
};
use mesos::protocols::{UpdateRecord, roles};

use super::MasterProcess;

impl Handler<RegisterAgent> for MasterProcess {
    type Result = ();

    fn handle(&mut self, request: RegisterAgent, ctx: &mut Context<Self>) {
        if from_agent(ctx) && ctx.sender() == Some(request.agent.as_any()) {
            let effects = self.state.register_agent(self.now(ctx), request);
            self.act(effects, ctx);
        }
    }
}

impl Handler<ReregisterAgent> for MasterProcess {
    type Result = ();

    fn handle(&mut self, request: ReregisterAgent, ctx: &mut Context<Self>) {
        if from_agent(ctx) && ctx.sender() == Some(request.agent.as_any()) {
            let effects = self.state.reregister_agent(self.now(ctx), request);
            self.act(effects, ctx);
        }
    }
}

impl Handler<UnregisterAgent> for MasterProcess {
    type Result = ();

    fn handle(&mut self, request: UnregisterAgent, ctx: &mut Context<Self>) {
        let effects = self.state.unregister_agent(ctx.sender(), &request);
        self.act(effects, ctx);
    }
}

impl Handler<UpdateRecord> for MasterProcess {
    type Result = ();

    fn handle(&mut self, update: UpdateRecord, ctx: &mut Context<Self>) {
        let effects = self.state.status_update(ctx.sender(), update);
        self.act(effects, ctx);
    }
}

impl Handler<ExecutorMessage> for MasterProcess {
    type Result = ();

    fn handle(&mut self, message: ExecutorMessage, ctx: &mut Context<Self>) {
        let effects = self.state.executor_message(ctx.sender(), message);
        self.act(effects, ctx);
    }
}

impl Handler<ExecutorExited> for MasterProcess {
    type Result = ();

    fn handle(&mut self, exited: ExecutorExited, ctx: &mut Context<Self>) {
        let effects = self.state.executor_exited(ctx.sender(), exited);
        self.act(effects, ctx);
    }
}

impl Handler<OperationUpdate> for MasterProcess {
    type Result = ();

    fn handle(&mut self, update: OperationUpdate, ctx: &mut Context<Self>) {
        let now = self.now(ctx);
        let effects = self.state.operation_update(now, ctx.sender(), update);
        self.act(effects, ctx);
    }
}

impl Handler<AgentResources> for MasterProcess {
    type Result = ();

    fn handle(&mut self, told: AgentResources, ctx: &mut Context<Self>) {
        let effects = self.state.agent_resources(ctx.sender(), told);
        self.act(effects, ctx);
    }
}

impl Handler<UpdateOversubscribed> for MasterProcess {
    type Result = ();

    fn handle(&mut self, update: UpdateOversubscribed, ctx: &mut Context<Self>) {
        let effects = self.state.update_oversubscribed(ctx.sender(), update);
        self.act(effects, ctx);
    }
}

impl Handler<AgentUnresponsive> for MasterProcess {
    type Result = ();

    fn handle(&mut self, message: AgentUnresponsive, ctx: &mut Context<Self>) {
        // Observers live on the master's own node; nobody else may speak for an agent's silence.
        if ctx.peer() == Peer::Local {
            let effects = self
                .state
                .agent_unresponsive(self.now(ctx), &message.agent_id);
            self.act(effects, ctx);
        }
    }
}

/// Whether the message being handled may come from an agent.
fn from_agent(ctx: &Context<MasterProcess>) -> bool {
    match ctx.peer() {
        Peer::Local => true,
        Peer::Remote(peer) => peer.role == roles::AGENT,
    }
}
