//! What a scheduler handles.

use libprocess::prelude::*;
use mesos::v1;

protocol! {
    /// What the driver tells a scheduler. Local: scheduler and driver live on one node.
    pub local SchedulerEvents = "mesos.scheduler.events" {
        1 => Subscribed -> (),
        2 => Offers -> (),
        3 => Update -> (),
        4 => Notice -> (),
    }
}

/// There is a subscription: the first one, or a new one after the master or the way to it was gone.
///
/// Offers of earlier subscriptions are void.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// The id of this framework. A scheduler that is to survive its own restart stores it.
    pub framework_id: v1::FrameworkId,
    /// The master that answered, as far as it introduced itself.
    pub master: Option<v1::MasterInfo>,
}

/// Resources to use or decline.
#[derive(Clone, Debug)]
pub struct Offers(pub Vec<v1::Offer>);

/// A task's new state. Acknowledged when the handler has returned.
#[derive(Clone, Debug)]
pub struct Update(pub v1::TaskStatus);

/// Everything else that may happen to a framework.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The subscription is gone; the driver looks for another. Offers are void, tasks go on.
    Disconnected,
    /// An offer is void; a launch that was on its way comes back as TASK_LOST or TASK_DROPPED.
    Rescinded(v1::OfferId),
    /// Agents will be unavailable: the scheduler is asked to leave them, see [`Driver::accept_inverse_offers`].
    ///
    /// [`Driver::accept_inverse_offers`]: super::Driver::accept_inverse_offers
    InverseOffers(Vec<v1::InverseOffer>),
    /// An inverse offer is void: its agent is away, or will be unavailable at another time.
    InverseOfferRescinded(v1::OfferId),
    /// Bytes from an executor; best effort.
    Message(v1::scheduler::event::Message),
    /// An agent was lost or an executor ended; its tasks report for themselves.
    Failure(v1::scheduler::event::Failure),
    /// An operation's new state, if it was given an id. Acknowledged when the handler has returned.
    OperationUpdate(Box<v1::OperationStatus>),
    /// The framework was refused or thrown out; the text says why. The driver has ended.
    Error(String),
}
