//! Where one subscription's events arrive.

use libprocess::prelude::*;
use mesos::protocols::scheduler::{Event, SchedulerProtocol, Unsubscribed};

use super::driver::{DriverProtocol, FromMaster};

/// One per subscription: its pid is what the master knows, so events of an earlier subscription cannot be taken for
/// those of the present one.
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
    type Protocol = SchedulerProtocol;
}

impl Handler<Event> for Inbox {
    type Result = ();

    fn handle(&mut self, Event(event): Event, ctx: &mut Context<Self>) {
        ctx.tell(
            &self.driver,
            FromMaster::Event(ctx.me(), Box::new(event.into_inner())),
        );
    }
}

impl Handler<Unsubscribed> for Inbox {
    type Result = ();

    fn handle(&mut self, _: Unsubscribed, ctx: &mut Context<Self>) {
        ctx.tell(&self.driver, FromMaster::Unsubscribed(ctx.me()));
        ctx.stop();
    }
}
