//! The actor that finds out what happened.

use std::sync::Arc;

use libprocess::prelude::*;
use mesos::protocols::MasterProtocol;

use super::history::History;

protocol! {
    /// A herald is told nothing: it looks at what is published.
    pub(crate) local HeraldProtocol = "mesos.master.herald" {}
}

/// Writes the history of one leadership; ends with its master.
pub(crate) struct Herald {
    history: Arc<History>,
    master: Pid<MasterProtocol>,
}

impl Herald {
    /// Starts one beside `master`.
    pub(crate) fn spawn(
        node: &Node,
        history: Arc<History>,
        master: Pid<MasterProtocol>,
    ) -> Result<(), SpawnError> {
        // An earlier one may not have ended yet.
        let name = format!("operator-events({})", history.revision(0).epoch);
        // A thread of its own: nobody is to wait while a large step is compared.
        let herald = node.process(name).own_thread();
        herald.spawn(move |_| Herald { history, master })?;
        Ok(())
    }
}

impl Actor for Herald {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.monitor(&self.master);
        let history = self.history.clone();
        let writing = async move {
            loop {
                history.work.notified().await;
                history.write_down();
            }
        };
        ctx.spawn(writing.into_actor(self));
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        self.history.end();
    }
}

impl Process for Herald {
    type Protocol = HeraldProtocol;
}

impl Handler<Exited> for Herald {
    type Result = ();

    fn handle(&mut self, _: Exited, ctx: &mut Context<Self>) {
        self.history.end();
        ctx.stop();
    }
}
