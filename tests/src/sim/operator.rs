//! The operator of a simulated cluster: calls of his own, and orders that plans are made of.
//!
//! An order is given and not waited for: what became of it is known later, if at all. [`Orders`] keeps what was promised.

mod calls;
mod orders;
mod tidy;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::master::OperatorCall;
use mesos::protocols::{CallRejected, MasterProtocol, names};
use mesos::v1;
use mesos::wire::Pb;

pub use orders::{Order, Orders, Promise, Subject};

use tokio::time::Instant;

use super::cluster::{Read, Reads, SimCluster};

/// How long an operator waits for an answer.
const OPERATOR_PATIENCE: Duration = Duration::from_secs(60);

impl SimCluster {
    /// An operator calls the master, which must be up.
    ///
    /// # Errors
    ///
    /// What the master has against it.
    pub async fn operate(&self, call: v1::master::Call) -> Result<(), CallRejected> {
        let answer = self.ask_leader(call).expect("a master").await;
        answer.expect("the master answers")
    }

    /// Asks the leader itself for its state. Those that serve readers elsewhere say so.
    pub(super) fn read_state(&self) {
        let mut call = v1::master::Call::default();
        call.set_type(v1::master::call::Type::GetState);
        let (Some(asked), Some(view)) = (self.ask_leader(call), self.view()) else {
            return;
        };
        let read = Read {
            leader: view.master.id.clone(),
            asked: Instant::now(),
        };
        let reads = self.reads.clone();
        let number = self.asked.get();
        self.asked.set(number + 1);
        lock(&reads).insert(number, read);
        tokio::spawn(async move {
            let _ = asked.await;
            lock(&reads).remove(&number);
        });
    }

    /// An operator's call on its way to the master that leads, if that is up.
    fn ask_leader(
        &self,
        call: v1::master::Call,
    ) -> Option<impl Future<Output = Result<Result<(), CallRejected>, AskError>> + Send + use<>>
    {
        let node = &self.master().life.as_ref()?.node;
        let master: Pid<MasterProtocol> = Pid::named(names::MASTER, self.master_address());
        let call = OperatorCall {
            call: Pb(call),
            principal: None,
        };
        let node = node.clone();
        Some(async move { node.ask(&master, call, OPERATOR_PATIENCE).await })
    }
}

fn lock(reads: &Mutex<Reads>) -> MutexGuard<'_, Reads> {
    reads.lock().unwrap_or_else(PoisonError::into_inner)
}
