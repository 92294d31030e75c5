//! Operations in whole clusters that break: nothing of them is lost, and nothing is done twice.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use frameworks::connect::{current_user, node_towards};
use frameworks::scheduler::{
    Driver, DriverConfig, Notice, Offers, SchedulerEvents, Subscribed, Update, start,
};
use libprocess::prelude::*;
use libprocess::sim::explore;
use mesos::election::{Election, Standalone};
use mesos::protocols::roles;
use mesos::v1::{self, OperationState};
use mesos_tests::sim::{MILLI_CPUS, RESERVED_ROLE, Reserver, SimCluster, misfortune};
use mesos_tests::{Cluster, eventually, post};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// Longer than a loaded machine needs for anything here.
const SOON: Duration = Duration::from_secs(90);

const MINUTE: Duration = Duration::from_secs(60);

/// Longer than agents are waited for, twice.
const PATIENCE: Duration = Duration::from_secs(40 * 60);

/// What is reserved on the agents themselves.
fn reserved(cluster: &SimCluster) -> i64 {
    let agents = cluster.agent_views();
    let cpus = agents.map(|(_, state)| state.total().reserved_to(RESERVED_ROLE).cpus());
    cpus.map(|cpus| cpus.milli() / MILLI_CPUS).sum()
}

/// Whether master, agents and framework agree on what was done, and nothing is open.
fn agreed(cluster: &SimCluster, reserver: &Reserver, wanted: usize) -> Result<(), String> {
    let finished = reserver.finished();
    let fates = reserver.fates();
    if finished != wanted || fates.len() != wanted {
        return Err(format!("the framework knows {fates:?}"));
    }
    let there = reserved(cluster);
    if there != wanted as i64 {
        return Err(format!("{there} of {wanted} are reserved"));
    }
    let Some(view) = cluster.view() else {
        return Err("there is no master".to_owned());
    };
    for (_, state) in cluster.agent_views() {
        let id = state.agent_id().ok_or("an agent without an id")?;
        let known = view.cluster.agents.get(id).ok_or("an unknown agent")?;
        if *known.total != state.total() {
            return Err(format!(
                "{} has {}, not {}",
                id.value,
                state.total(),
                known.total
            ));
        }
        if state.operations().count() > 0 {
            return Err(format!("{} waits for acknowledgements", id.value));
        }
    }
    match view.cluster.operations.is_empty() {
        true => Ok(()),
        false => Err("the master waits for acknowledgements".to_owned()),
    }
}

#[test]
fn operations_are_done_once_whatever_crashes() {
    explore(0..4, |net| async move {
        // One every five seconds: while it lasts, something is always under way.
        let wanted = 100;
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        // Misfortune befalls a service as well.
        cluster.keep_running(1, "sleep 100000").await;
        let reserver = cluster.reserve(wanted).await;
        misfortune(&mut cluster, 8).await;
        let agreed = |cluster: &SimCluster| agreed(cluster, &reserver, wanted);
        cluster
            .until_ok("all is reserved, once", PATIENCE, agreed)
            .await;
        let reports = reserver.reports();
        cluster.pass(5 * MINUTE).await;
        assert_eq!(agreed(&cluster), Ok(()));
        assert_eq!(reserver.reports(), reports, "acknowledged, and told again");
    });
}

/// A scheduler that hands on what becomes of its operations, and acknowledges only what it is let to.
struct Told {
    driver: Driver,
    reserved: usize,
    told: mpsc::Sender<v1::OperationStatus>,
    permits: Arc<Semaphore>,
}

impl Actor for Told {
    type Context = Context<Self>;
}

impl Process for Told {
    type Protocol = SchedulerEvents;
}

impl Handler<Subscribed> for Told {
    type Result = ();

    fn handle(&mut self, _: Subscribed, _: &mut Context<Self>) {}
}

impl Handler<Offers> for Told {
    type Result = ();

    /// Reserves one cpu for each of the first two rounds of offers.
    fn handle(&mut self, Offers(offers): Offers, _: &mut Context<Self>) {
        for offer in offers {
            let operations = match self.reserved < RESERVATIONS {
                true => vec![reserve(&format!("reserve-{}", self.reserved))],
                false => Vec::new(),
            };
            self.reserved += operations.len();
            self.driver.accept([offer.id], operations, Some(0.0));
        }
    }
}

impl Handler<Update> for Told {
    type Result = ();

    fn handle(&mut self, _: Update, _: &mut Context<Self>) {}
}

impl Handler<Notice> for Told {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, notice: Notice, _: &mut Context<Self>) -> Self::Result {
        let Notice::OperationUpdate(status) = notice else {
            return Box::pin(std::future::ready(()));
        };
        // The test may have ended.
        let _ = self.told.send(*status);
        let permits = self.permits.clone();
        Box::pin(async move {
            let _ = permits.acquire().await;
        })
    }
}

const RESERVATIONS: usize = 2;

fn reserve(id: &str) -> v1::offer::Operation {
    let operation = json!({"type": "RESERVE", "id": {"value": id}, "reserve": {"resources": [{
        "name": "cpus", "type": "SCALAR", "scalar": {"value": 1},
        "reservations": [{"type": "DYNAMIC", "role": "eng", "principal": current_user()}],
    }]}});
    serde_json::from_value(operation).expect("an operation")
}

fn framework_info() -> v1::FrameworkInfo {
    let capabilities = ["MULTI_ROLE", "RESERVATION_REFINEMENT"].map(|kind| json!({"type": kind}));
    let info = json!({"user": current_user(), "name": "told", "roles": ["eng"],
        "principal": current_user(), "failover_timeout": 600, "capabilities": capabilities});
    serde_json::from_value(info).expect("a description")
}

/// How many operations wait for something, as a daemon has them.
fn open_operations(daemon: &str) -> Option<usize> {
    let json = [("Content-Type", "application/json")];
    let call = br#"{"type":"GET_OPERATIONS"}"#;
    let answer = post(daemon, "/api/v1", &json, call)?;
    let answer: Value = serde_json::from_str(&answer.body).ok()?;
    let operations = answer["get_operations"]["operations"].as_array();
    Some(operations.map_or(0, Vec::len))
}

#[test]
fn what_becomes_of_an_operation_is_told_until_it_is_acknowledged() {
    let mut cluster = Cluster::master_and_agent();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let permits = Arc::new(Semaphore::new(0));
    let (told, reports) = mpsc::channel();
    let (node, driver) = runtime.block_on(async {
        let election = Standalone::from_flag(&cluster.master).expect("an address");
        let master: SocketAddr = cluster.master.parse().expect("an address");
        let tls_dir = cluster.folder().join("tls");
        let node = node_towards(master, roles::FRAMEWORK, &tls_dir).await;
        let node = node.expect("a node");
        let config = DriverConfig {
            framework: framework_info(),
            master: election.detect(),
            name: "told".to_owned(),
        };
        let theirs = permits.clone();
        let driver = start(&node, config, move |driver, _| Told {
            driver,
            reserved: 0,
            told,
            permits: theirs,
        });
        (node, driver.expect("free names"))
    });
    let mut finished = BTreeSet::new();
    while finished.len() < RESERVATIONS {
        let status = reports.recv_timeout(SOON).expect("a report");
        assert_eq!(status.state(), OperationState::OperationFinished);
        finished.insert(status.operation_id.expect("an id").value);
    }

    // Nobody has acknowledged them: whoever comes back tells them again.
    for daemon in [1, 0] {
        cluster.daemons[daemon].kill_9();
        cluster.daemons[daemon].restart();
        if daemon == 0 {
            cluster.wait_for_master();
        }
        cluster.wait_for_agents(1);
        let mut again = BTreeSet::new();
        while again != finished {
            let status = reports.recv_timeout(SOON).expect("another report");
            assert_eq!(status.state(), OperationState::OperationFinished);
            again.insert(status.operation_id.expect("an id").value);
        }
    }

    permits.close();
    // The master knows of it before the agent does.
    for daemon in [&cluster.master, cluster.agent.as_ref().expect("an agent")] {
        eventually("they are acknowledged", SOON, || {
            (open_operations(daemon)? == 0).then_some(())
        });
    }

    // From then on nobody tells them again.
    while reports.try_recv().is_ok() {}
    for daemon in [1, 0] {
        cluster.daemons[daemon].kill_9();
        cluster.daemons[daemon].restart();
        if daemon == 0 {
            cluster.wait_for_master();
        }
        cluster.wait_for_agents(1);
    }
    let status = eventually("an answer", SOON, || {
        // Dropped until the driver has found the new master.
        driver.reconcile_operations([("reserve-0".into(), None)]);
        reports.recv_timeout(Duration::from_secs(1)).ok()
    });
    assert_eq!(status.uuid, None);
    assert_eq!(open_operations(&cluster.master), Some(0));
    runtime.block_on(node.shutdown(Duration::from_secs(5)));
}
