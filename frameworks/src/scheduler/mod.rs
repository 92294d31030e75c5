//! Write a scheduler as an actor.
//!
//! A scheduler is an actor that handles four messages ([`events`]): [`Subscribed`], [`Offers`], [`Update`] and [`Notice`].
//! [`start`] gives it a [`Driver`], with which it accepts, declines and kills. Everything between — finding the master,
//! subscribing, subscribing again after either side was gone, acknowledging updates — is the driver's.
//!
//! ```text
//!  your scheduler ──Driver::accept, kill, …──▶ driver actor ──SchedulerCall──▶ master
//!        ▲                                       │    ▲                           │
//!        └── Subscribed, Offers, Update, Notice ─┘    └── inbox actor ◀── Event ──┘
//! ```
//!
//! The same code runs over QUIC and in a simulated network: it only knows a node and a detector of masters.
//!
//! # What the driver promises
//!
//! * Events arrive in the order in which the master decided them.
//! * An update of a task or an operation is acknowledged when your handler has returned. If your actor ends before, the update comes again to the
//!   framework's next life: the driver ends with your actor, the framework goes on for its failover timeout.
//! * A [`Driver::teardown`] is repeated until a master has heard of it; wait for [`Driver::ended`] before you leave.
//! * Other calls made while there is no subscription are dropped, as with Mesos' own drivers: after [`Subscribed`], ask for what
//!   you need again (offers come by themselves; reconcile tasks you are unsure of).
//! * A refused subscription and an ERROR event are final: [`Notice::Error`] is the last message.

mod backoff;
mod calls;
mod driver;
pub mod events;
mod handle;
mod inbox;

pub use driver::{DriverConfig, start};
pub use events::{Notice, Offers, SchedulerEvents, Subscribed, Update};
pub use handle::Driver;
