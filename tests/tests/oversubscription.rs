//! A cluster that lends: production code on a simulated network, in virtual time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::containerizer::simulated::Simulation;
use agent::oversubscription::Load;
use agent::{Agent, AgentHandle, Containers, ExecutorCommand};
use frameworks::scheduler::{
    self, Driver, DriverConfig, Notice, Offers, SchedulerEvents, Subscribed, Update,
};
use libprocess::prelude::*;
use libprocess::sim::{Net, run};
use master::registrar::MemoryStorage;
use master::{Master, MasterHandle};
use mesos::election::{Election, Standalone};
use mesos::protocols::roles;
use mesos::resources::{Format, Resources};
use mesos::v1::framework_info::capability::Type as Capability;
use mesos::v1::task_status::Reason;
use mesos::v1::{self, CommandInfo, TaskInfo, TaskState};
use tokio::time::{Instant, sleep};

/// Longer than anything that is waited for on purpose.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a condition is looked at, in virtual time.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a scheduler heard. Clones are handles of the same one.
#[derive(Clone, Default)]
struct Heard {
    offers: Arc<Mutex<Vec<Resources>>>,
    updates: Arc<Mutex<Vec<v1::TaskStatus>>>,
}

impl Heard {
    fn is_offered(&self, wanted: impl Fn(&Resources) -> bool) -> bool {
        self.offers.lock().expect("a lock").iter().any(wanted)
    }

    fn last(&self, task: &str) -> Option<v1::TaskStatus> {
        let updates = self.updates.lock().expect("a lock");
        updates.iter().rfind(|s| s.task_id.value == task).cloned()
    }

    fn is(&self, task: &str, state: TaskState) -> bool {
        self.last(task)
            .is_some_and(|status| status.state() == state)
    }
}

/// Launches its tasks on the first offer that has room for them, and declines all others.
struct Scheduler {
    driver: Driver,
    heard: Heard,
    wanted: Vec<(&'static str, Resources)>,
}

impl Actor for Scheduler {
    type Context = Context<Self>;
}

impl Process for Scheduler {
    type Protocol = SchedulerEvents;
}

impl Handler<Subscribed> for Scheduler {
    type Result = ();
    fn handle(&mut self, _: Subscribed, _: &mut Context<Self>) {}
}

impl Handler<Offers> for Scheduler {
    type Result = ();

    fn handle(&mut self, offers: Offers, _: &mut Context<Self>) {
        for offer in offers.0 {
            let offered = Resources::from_v1(&offer.resources)
                .expect("resources")
                .unallocate();
            let mut left = offered.clone();
            let mut tasks = Vec::new();
            self.wanted
                .retain(|(name, needs)| match left.checked_sub(needs) {
                    Some(rest) => {
                        left = rest;
                        tasks.push(task(name, &offer.agent_id, needs));
                        false
                    }
                    None => true,
                });
            self.heard.offers.lock().expect("a lock").push(offered);
            self.driver.launch([offer.id], tasks, Some(0.0));
        }
    }
}

impl Handler<Update> for Scheduler {
    type Result = ();
    fn handle(&mut self, update: Update, _: &mut Context<Self>) {
        self.heard.updates.lock().expect("a lock").push(update.0);
    }
}

impl Handler<Notice> for Scheduler {
    type Result = ();
    fn handle(&mut self, _: Notice, _: &mut Context<Self>) {}
}

fn task(name: &str, agent: &v1::AgentId, needs: &Resources) -> TaskInfo {
    TaskInfo {
        name: name.to_owned(),
        task_id: name.into(),
        agent_id: agent.clone(),
        resources: needs.to_v1(Format::PostRefinement),
        command: Some(CommandInfo {
            value: Some("sleep 100000".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn given(text: &str) -> Resources {
    Resources::parse(text, "*").expect("resources")
}

fn lent(text: &str) -> Resources {
    let mut items = given(text).to_v1(Format::PostRefinement);
    for item in &mut items {
        item.revocable = Some(Default::default());
    }
    Resources::from_v1(&items).expect("resources")
}

/// A master, and an agent that lends two cpus unless its load is high.
struct Cluster {
    net: Net,
    election: Arc<Standalone>,
    master: MasterHandle,
    high_load: Arc<AtomicBool>,
    _agent: AgentHandle,
    _work_dir: tempfile::TempDir,
}

impl Cluster {
    async fn start(net: &Net) -> Cluster {
        let address = SocketAddr::from(([10, 0, 0, 1], 5050));
        let election = Arc::new(Standalone::at(address, "master"));
        let node = net
            .node_as(roles::MASTER, "master", &address.to_string())
            .await;
        let storage = Box::new(MemoryStorage::default());
        let config = master::config::Config::default();
        let master = Master::start_with(config, storage, &node)
            .await
            .expect("a master");
        assert!(master.ready().await);

        let high_load = Arc::new(AtomicBool::new(false));
        let switch = high_load.clone();
        let simulation = Simulation::new().load(move || {
            let high = switch.load(Ordering::Relaxed);
            Load::steady(if high { 9.0 } else { 1.0 })
        });
        let work_dir = tempfile::tempdir().expect("a folder");
        let command = ExecutorCommand {
            program: "simulated".to_owned(),
            arguments: Vec::new(),
        };
        let config = agent::Config {
            resources: Some("cpus:4;mem:1024".to_owned()),
            http: false,
            switch_user: false,
            resource_estimator: "fixed:cpus:2".parse().expect("an estimator"),
            qos_controller: "load:load_threshold_5min=4".parse().expect("a controller"),
            ..agent::Config::new(work_dir.path(), command)
        };
        let node = net.node_as(roles::AGENT, "agent", "10.0.1.1:5051").await;
        let containers = Containers::Simulated(simulation);
        let agent = Agent::start(config, &node, containers, election.clone()).await;
        Cluster {
            net: net.clone(),
            election,
            master,
            high_load,
            _agent: agent.expect("an agent"),
            _work_dir: work_dir,
        }
    }

    /// A framework that wants these tasks. It ends with the node.
    async fn framework(
        &self,
        name: &'static str,
        port: u16,
        capabilities: &[Capability],
        wanted: Vec<(&'static str, Resources)>,
    ) -> Heard {
        let address = format!("10.0.2.1:{port}");
        let node = self.net.node_as(roles::FRAMEWORK, name, &address).await;
        let capability = |kind: &Capability| v1::framework_info::Capability {
            r#type: Some(*kind as i32),
        };
        let config = DriverConfig {
            framework: v1::FrameworkInfo {
                user: "simulated".to_owned(),
                name: name.to_owned(),
                capabilities: capabilities.iter().map(capability).collect(),
                ..Default::default()
            },
            master: self.election.detect(),
            name: name.to_owned(),
        };
        let heard = Heard::default();
        let theirs = heard.clone();
        scheduler::start(&node, config, move |driver, _| Scheduler {
            driver,
            heard: theirs,
            wanted,
        })
        .expect("free names");
        heard
    }

    #[track_caller]
    fn eventually(&self, what: &str, holds: impl Fn() -> bool) -> impl Future<Output = ()> {
        let (at, what) = (std::panic::Location::caller(), what.to_owned());
        async move {
            let began = Instant::now();
            while !holds() {
                assert!(began.elapsed() < PATIENCE, "not in time: {what} ({at})");
                sleep(LOOK_EVERY).await;
            }
        }
    }

    /// What the master says is lent, used or not.
    fn lent(&self) -> Resources {
        let view = self.master.view.borrow().clone();
        view.cluster
            .agents
            .values()
            .map(|agent| agent.total.revocable())
            .sum()
    }
}

#[test]
fn what_is_lent_is_taken_back_when_the_load_is_high() {
    run(1, |net| async move {
        let cluster = Cluster::start(&net).await;
        let regular = ("regular", given("cpus:1;mem:64"));
        let borrower = ("borrower", lent("cpus:1") + given("mem:64"));
        let mixed = ("mixed", lent("cpus:1") + given("cpus:1;mem:64"));
        let capabilities = [Capability::RevocableResources, Capability::PartitionAware];
        let wanted = vec![regular, borrower, mixed];
        let heard = cluster
            .framework("borrowing", 9000, &capabilities, wanted)
            .await;
        cluster
            .eventually("both run, and the third is refused", || {
                heard.is("regular", TaskState::TaskRunning)
                    && heard.is("borrower", TaskState::TaskRunning)
                    && heard.is("mixed", TaskState::TaskError)
            })
            .await;
        assert_eq!(cluster.lent(), lent("cpus:2"));
        assert!(heard.is_offered(|offer| offer.contains(&lent("cpus:2"))));

        cluster.high_load.store(true, Ordering::Relaxed);
        cluster
            .eventually("the borrower is gone", || {
                heard.is("borrower", TaskState::TaskGone)
            })
            .await;
        let gone = heard.last("borrower").expect("an update");
        assert_eq!(gone.reason(), Reason::ContainerPreempted);
        assert!(cluster.lent().is_empty());
        assert!(heard.is("regular", TaskState::TaskRunning));

        cluster.high_load.store(false, Ordering::Relaxed);
        cluster
            .eventually("it is lent again", || cluster.lent() == lent("cpus:2"))
            .await;
        assert!(heard.is("regular", TaskState::TaskRunning));
    });
}

#[test]
fn nothing_is_lent_to_frameworks_that_did_not_ask_for_it() {
    run(2, |net| async move {
        let cluster = Cluster::start(&net).await;
        let borrower = ("borrower", lent("cpus:1") + given("mem:64"));
        let regular = ("regular", given("cpus:1;mem:64"));
        let heard = cluster
            .framework("plain", 9000, &[], vec![borrower, regular])
            .await;
        cluster
            .eventually("the agent lends, and the regular task runs", || {
                cluster.lent() == lent("cpus:2") && heard.is("regular", TaskState::TaskRunning)
            })
            .await;
        sleep(PATIENCE).await;
        assert!(heard.is_offered(|offer| !offer.is_empty()));
        assert!(!heard.is_offered(|offer| !offer.revocable().is_empty()));
        assert_eq!(heard.last("borrower"), None);
    });
}
