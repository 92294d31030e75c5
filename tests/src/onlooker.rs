//! A framework with one task that looks on while masters come and go.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use frameworks::connect::{current_user, node_towards, towards};
use frameworks::scheduler::{
    self, DriverConfig, Notice, Offers, SchedulerEvents, Subscribed, Update,
};
use libprocess::prelude::*;
use mesos::election::{self, MasterFlag};
use mesos::protocols::roles;
use mesos::resources::{Format, Resources};
use mesos::v1;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Of the task; agents are to have more, which is offered.
const RESOURCES: &str = "cpus:0.1;mem:32";

/// Offers that are declined come again with the next allocation, so that there are always some to come.
const REFUSE_SECONDS: f64 = 0.0;

/// How long a framework without a master is kept, and its session with ZooKeeper lasts: longer than anything here.
const LONG: Duration = Duration::from_secs(3600);

/// How often it is looked whether something was seen.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What the framework saw so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// When it was last subscribed, and with which master.
    pub subscribed: Option<(Instant, String)>,
    /// When offers came since then: the first of them.
    pub offered: Option<Instant>,
    /// How often its subscription was lost.
    pub disconnections: usize,
    /// Whether its task runs, as far as it was told.
    pub runs: bool,
    /// What it was told of its task but that it runs.
    pub disturbances: Vec<String>,
}

/// The framework, on a node and a runtime of its own.
pub struct Onlooker {
    seen: watch::Receiver<Seen>,
    /// To this the task adds a line when it starts.
    starts: PathBuf,
    _runtime: Runtime,
}

impl Onlooker {
    /// Subscribes with whoever leads at `master`, certified by the authority in `tls_dir`; `folder` is where the task
    /// leaves its traces.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn start(master: &str, tls_dir: &Path, folder: &Path) -> Onlooker {
        let runtime = Runtime::new().expect("a runtime");
        let starts = folder.join("onlooker");
        let (publish, seen) = watch::channel(Seen::default());
        let flag: MasterFlag = master.parse().expect("a master's address");
        let script = format!("echo started >> {}; sleep 100000", starts.display());
        runtime.block_on(async {
            let address = towards(&flag).expect("where masters are");
            let node = node_towards(address, roles::FRAMEWORK, tls_dir).await;
            let node = node.expect("a node");
            let election = election::of_flag(&flag, LONG, &node).expect("an election");
            let config = DriverConfig {
                framework: v1::FrameworkInfo {
                    user: current_user(),
                    name: "onlooker".to_owned(),
                    failover_timeout: Some(LONG.as_secs_f64()),
                    checkpoint: Some(true),
                    ..Default::default()
                },
                master: election.detect(),
                name: "onlooker".to_owned(),
            };
            let make = |driver, _: &mut Context<Looking>| Looking {
                driver,
                script,
                seen: publish,
            };
            scheduler::start(&node, config, make).expect("free names");
        });
        Onlooker {
            seen,
            starts,
            _runtime: runtime,
        }
    }

    /// What it saw so far.
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until its task runs.
    ///
    /// # Panics
    ///
    /// It does not within that time.
    #[track_caller]
    pub fn wait_for_task(&self, within: Duration) {
        self.wait("its task runs", within, |seen| seen.runs.then_some(()));
    }

    /// Waits for an offer of another master than that of `before`; answers when it came, and what was seen then.
    ///
    /// # Panics
    ///
    /// None comes within that time.
    #[track_caller]
    pub fn wait_for_offer(&self, before: &Seen, within: Duration) -> (Instant, Seen) {
        let master = |seen: &Seen| seen.subscribed.clone().map(|(_, master)| master);
        let former = master(before);
        self.wait("another master offers", within, |seen| {
            let offered = seen.offered.filter(|_| master(seen) != former)?;
            Some((offered, seen.clone()))
        })
    }

    /// How often the task was started.
    pub fn starts(&self) -> usize {
        let lines = fs::read_to_string(&self.starts).unwrap_or_default();
        lines.lines().count()
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, within: Duration, seen: impl Fn(&Seen) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = seen(&self.seen.borrow()) {
                return found;
            }
            assert!(began.elapsed() < within, "not within {within:?}: {what}");
            park_timeout(LOOK_EVERY);
        }
    }
}

struct Looking {
    driver: scheduler::Driver,
    script: String,
    seen: watch::Sender<Seen>,
}

impl Actor for Looking {
    type Context = Context<Self>;
}

impl Process for Looking {
    type Protocol = SchedulerEvents;
}

impl Handler<Subscribed> for Looking {
    type Result = ();

    fn handle(&mut self, subscribed: Subscribed, _: &mut Context<Self>) {
        let master = subscribed.master.map_or_else(String::new, |info| info.id);
        self.seen.send_modify(|seen| {
            seen.subscribed = Some((Instant::now(), master));
            seen.offered = None;
        });
    }
}

impl Handler<Offers> for Looking {
    type Result = ();

    fn handle(&mut self, Offers(offers): Offers, _: &mut Context<Self>) {
        let now = Instant::now();
        self.seen
            .send_modify(|seen| seen.offered = seen.offered.or(Some(now)));
        let mut is_needed = !self.seen.borrow().runs;
        for offer in offers {
            if !std::mem::take(&mut is_needed) {
                self.driver.decline([offer.id], Some(REFUSE_SECONDS));
                continue;
            }
            let resources = Resources::parse(RESOURCES, "*").expect("resources");
            let task = v1::TaskInfo {
                name: "onlooker".to_owned(),
                task_id: "onlooker".into(),
                agent_id: offer.agent_id,
                resources: resources.to_v1(Format::PostRefinement),
                command: Some(v1::CommandInfo {
                    shell: Some(true),
                    value: Some(self.script.clone()),
                    ..Default::default()
                }),
                ..Default::default()
            };
            self.driver
                .launch([offer.id], vec![task], Some(REFUSE_SECONDS));
        }
    }
}

impl Handler<Update> for Looking {
    type Result = ();

    fn handle(&mut self, Update(status): Update, _: &mut Context<Self>) {
        self.seen.send_modify(|seen| match status.state() {
            v1::TaskState::TaskStarting => {}
            v1::TaskState::TaskRunning => seen.runs = true,
            other => seen
                .disturbances
                .push(format!("{other:?}: {}", status.message())),
        });
    }
}

impl Handler<Notice> for Looking {
    type Result = ();

    fn handle(&mut self, notice: Notice, _: &mut Context<Self>) {
        self.seen.send_modify(|seen| match notice {
            Notice::Disconnected => seen.disconnections += 1,
            Notice::Error(why) => seen.disturbances.push(why),
            Notice::Failure(failure) => seen.disturbances.push(format!("{failure:?}")),
            _ => {}
        });
    }
}
