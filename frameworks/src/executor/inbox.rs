//! Where one subscription's events arrive.

use libprocess::prelude::*;
use mesos::protocols::executor::{Event, ExecutorProtocol, Unsubscribed};

use super::driver::{DriverProtocol, FromAgent};

/// One per subscription: its pid is what the agent knows, so events of an earlier subscription cannot be taken for those
/// of the present one.
pub(super) struct Inbox {
    driver: Pid<DriverProtocol>,
}

impl Inbox {
    pub(super) fn new(driver: Pid<DriverProtocol>) -> Inbox {
        Inbox { driver }
    }
}

impl Actor for Inbox {
    type Context = Context<Self>;
}

impl Process for Inbox {
    type Protocol = ExecutorProtocol;
}

impl Handler<Event> for Inbox {
    type Result = ();

    fn handle(&mut self, Event(event): Event, ctx: &mut Context<Self>) {
        ctx.tell(
            &self.driver,
            FromAgent::Event(ctx.me(), Box::new(event.into_inner())),
        );
    }
}

impl Handler<Unsubscribed> for Inbox {
    type Result = ();

    fn handle(&mut self, _: Unsubscribed, ctx: &mut Context<Self>) {
        ctx.tell(&self.driver, FromAgent::Unsubscribed(ctx.me()));
        ctx.stop();
    }
}
