//! Calls that change a cluster.

use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::master::OperatorCall;
use mesos::protocols::{MasterProtocol, names};
use mesos::v1::master::Call;
use mesos::wire::Pb;
use serde_json::Value;

use crate::connection::Connection;

/// The master answers when the change is stored; a busy ZooKeeper takes a moment.
const DONE_WITHIN: Duration = Duration::from_secs(30);

/// Asks the master to do what the call says, in the JSON of the v1 API.
pub(super) async fn call(
    connection: &Connection,
    call: Value,
) -> Result<(), Box<dyn std::error::Error>> {
    let call: Call = serde_json::from_value(call)?;
    let message = OperatorCall {
        call: Pb(call),
        principal: None,
    };
    let master: Pid<MasterProtocol> = Pid::named(names::MASTER, connection.master);
    match connection.node.ask(&master, message, DONE_WITHIN).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(rejected)) => Err(format!("the master refuses: {}", rejected.message).into()),
        Err(error) => Err(format!(
            "the master at {} does not answer: {error}; whether it was done shows the list",
            connection.master
        )
        .into()),
    }
}
