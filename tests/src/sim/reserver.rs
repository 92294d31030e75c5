//! A framework that does nothing but reserve, a little at a time and every few seconds, until it has what it wants.
//!
//! It gives every operation an id, asks for the fate of those it has not heard of, and tries again with another id what
//! has come to nothing. It speaks to masters through the production driver.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frameworks::scheduler::{
    self, Driver, DriverConfig, Notice, Offers, SchedulerEvents, Subscribed, Update,
};
use libprocess::prelude::*;
use libprocess::sim::Net;
use mesos::protocols::roles;
use mesos::v1::framework_info::{Capability, capability};
use mesos::v1::offer::operation::{Reserve, Type as OperationType};
use mesos::v1::resource::{ReservationInfo, reservation_info};
use mesos::v1::{self, OperationState, Resource};

use super::daemons::Voting;

/// How often it begins an operation, and asks after those it has not heard of.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The cpus of one operation, in thousandths.
pub const MILLI_CPUS: i64 = 50;

/// How long offers that are not needed are to stay away.
const REFUSE_SECONDS: f64 = 1.0;

/// And how long while nothing is lacking; what comes to nothing revives them.
const CONTENT_SECONDS: f64 = 3600.0;

/// The role it reserves for.
pub const ROLE: &str = "eng";

/// What became of its operations, by id.
pub type Fates = BTreeMap<String, OperationState>;

/// The test's end of a reserver.
pub struct Reserver {
    /// Its node.
    pub node: Node,
    fates: Shared,
    reports: Arc<AtomicUsize>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Fates>>, Ends);

/// Ends in the order in which they were told.
type Ends = Arc<Mutex<Vec<(String, OperationState)>>>;

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Fates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reserver {
    pub(super) async fn start(
        net: &Net,
        address: &str,
        voting: &Voting,
        wanted: usize,
    ) -> Reserver {
        let node = net.node_as(roles::FRAMEWORK, "reserver", address).await;
        let fates = Shared::default();
        let config = DriverConfig {
            framework: description(),
            master: voting.on(&node).detect(),
            name: "reserver".to_owned(),
        };
        let reports = Arc::<AtomicUsize>::default();
        let (theirs, counted) = (fates.clone(), reports.clone());
        scheduler::start(&node, config, move |driver, _| Wanting {
            driver,
            wanted,
            next: 0,
            is_time: true,
            agents: BTreeMap::new(),
            fates: theirs,
            reports: counted,
        })
        .expect("free names");
        Reserver {
            node,
            fates,
            reports,
        }
    }

    /// What became of its operations so far.
    pub fn fates(&self) -> Fates {
        self.fates.lock().clone()
    }

    /// The ends that it was told, by an agent or a master, after so many.
    pub fn ends_after(&self, known: usize) -> Vec<(String, OperationState)> {
        let ends = self.fates.1.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(known..).unwrap_or_default().to_vec()
    }

    /// How often it was told something that it had to acknowledge.
    pub fn reports(&self) -> usize {
        self.reports.load(Ordering::Relaxed)
    }

    /// How many of its operations it knows to be done.
    pub fn finished(&self) -> usize {
        let done = |state: &&OperationState| **state == OperationState::OperationFinished;
        self.fates().values().filter(done).count()
    }
}

fn description() -> v1::FrameworkInfo {
    let capability = |kind: capability::Type| Capability {
        r#type: Some(kind as i32),
    };
    v1::FrameworkInfo {
        user: "simulated".to_owned(),
        name: "reserver".to_owned(),
        roles: vec![ROLE.to_owned()],
        principal: Some("reserver".to_owned()),
        failover_timeout: Some(1.0e6),
        capabilities: vec![
            capability(capability::Type::MultiRole),
            capability(capability::Type::ReservationRefinement),
        ],
        ..Default::default()
    }
}

/// The cpus of one operation.
fn cpus() -> f64 {
    MILLI_CPUS as f64 / 1_000.0
}

struct Wanting {
    driver: Driver,
    wanted: usize,
    /// Operations ever tried, for their ids.
    next: usize,
    /// Whether the next offer may be used.
    is_time: bool,
    /// Where each is to be done.
    agents: BTreeMap<String, v1::AgentId>,
    fates: Shared,
    reports: Arc<AtomicUsize>,
}

impl Wanting {
    fn look(&mut self) {
        self.is_time = true;
        let open = |state: &OperationState| *state != OperationState::OperationFinished;
        let asked = self.fates.lock().clone().into_iter();
        let asked: Vec<_> = asked
            .filter(|(_, state)| open(state))
            .map(|(id, _)| {
                (
                    v1::OperationId::from(id.clone()),
                    self.agents.get(&id).cloned(),
                )
            })
            .collect();
        if !asked.is_empty() {
            self.driver.reconcile_operations(asked);
        }
    }

    /// Reserves a little, if it is time and anything is wanted still.
    fn use_offer(&mut self, offer: v1::Offer) {
        let free = |resource: &Resource| {
            let much = resource.scalar.is_some_and(|scalar| scalar.value >= cpus());
            resource.name == "cpus" && resource.reservations.is_empty() && much
        };
        let may = self.is_time && offer.resources.iter().any(free);
        let operations: Vec<_> = match may && self.lacks_any() {
            true => vec![self.reserve(&offer.agent_id)],
            false => Vec::new(),
        };
        self.is_time &= operations.is_empty();
        let refuse = match self.lacks_any() {
            true => REFUSE_SECONDS,
            false => CONTENT_SECONDS,
        };
        self.driver.accept([offer.id], operations, Some(refuse));
    }

    fn lacks_any(&self) -> bool {
        self.fates.lock().len() < self.wanted
    }

    fn reserve(&mut self, agent: &v1::AgentId) -> v1::offer::Operation {
        let id = format!("r{}", self.next);
        self.next += 1;
        let pending = OperationState::OperationPending;
        self.fates.lock().insert(id.clone(), pending);
        self.agents.insert(id.clone(), agent.clone());
        let mut reservation = ReservationInfo {
            role: Some(ROLE.to_owned()),
            principal: Some("reserver".to_owned()),
            ..Default::default()
        };
        reservation.set_type(reservation_info::Type::Dynamic);
        let mut cpu = Resource {
            name: "cpus".to_owned(),
            scalar: Some(v1::value::Scalar { value: cpus() }),
            reservations: vec![reservation],
            ..Default::default()
        };
        cpu.set_type(v1::value::Type::Scalar);
        let mut operation = v1::offer::Operation {
            id: Some(id.into()),
            reserve: Some(Reserve {
                resources: vec![cpu],
                source: Vec::new(),
            }),
            ..Default::default()
        };
        operation.set_type(OperationType::Reserve);
        operation
    }

    fn hear(&self, status: &v1::OperationStatus) {
        let Some(id) = status.operation_id.as_ref().map(|id| id.value.clone()) else {
            return;
        };
        if status.uuid.is_some() {
            let mut ends = self.fates.1.lock().unwrap_or_else(PoisonError::into_inner);
            ends.push((id.clone(), status.state()));
            drop(ends);
            self.reports.fetch_add(1, Ordering::Relaxed);
        }
        let mut fates = self.fates.lock();
        match status.state() {
            state @ OperationState::OperationFinished => {
                fates.insert(id, state);
            }
            _ if fates.get(&id) == Some(&OperationState::OperationFinished) => {}
            // It came to nothing, or never came there: another one takes its place.
            OperationState::OperationUnknown
            | OperationState::OperationError
            | OperationState::OperationFailed
            | OperationState::OperationDropped => {
                fates.remove(&id);
                self.driver.revive([]);
            }
            // Not told yet, or not known for now: asked for again.
            _ => {}
        }
    }
}

impl Actor for Wanting {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(LOOK_EVERY, |actor, _| actor.look());
    }
}

impl Process for Wanting {
    type Protocol = SchedulerEvents;
}

impl Handler<Subscribed> for Wanting {
    type Result = ();

    fn handle(&mut self, _: Subscribed, _: &mut Context<Self>) {}
}

impl Handler<Offers> for Wanting {
    type Result = ();

    fn handle(&mut self, Offers(offers): Offers, _: &mut Context<Self>) {
        for offer in offers {
            self.use_offer(offer);
        }
    }
}

impl Handler<Update> for Wanting {
    type Result = ();

    fn handle(&mut self, _: Update, _: &mut Context<Self>) {}
}

impl Handler<Notice> for Wanting {
    type Result = ();

    fn handle(&mut self, notice: Notice, _: &mut Context<Self>) {
        match notice {
            Notice::OperationUpdate(status) => self.hear(&status),
            Notice::Error(why) => panic!("the framework was refused: {why}"),
            _ => {}
        }
    }
}
