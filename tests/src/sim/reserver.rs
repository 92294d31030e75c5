//! A framework that does nothing but reserve, a little at a time and every few seconds, until it has what it wants.
//!
//! It gives every operation an id, asks for the fate of those it has not heard of, and tries again with another id what
//! has come to nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim::Net;
use mesos::protocols::master::SchedulerCall;
use mesos::protocols::scheduler::{Event, Unsubscribed};
use mesos::protocols::{MasterProtocol, SchedulerProtocol, names, roles};
use mesos::v1::offer::operation::{Reserve, Type as OperationType};
use mesos::v1::scheduler::call::{self, Type};
use mesos::v1::scheduler::{Call, event};
use mesos::v1::{self, OperationState, Resource};
use mesos::wire::Pb;

/// How often it begins an operation, asks after those it has not heard of, and subscribes again if it has to.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The cpus of one operation, in thousandths.
pub const MILLI_CPUS: i64 = 50;

/// How long a master may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The role it reserves for.
pub const ROLE: &str = "eng";

/// What became of its operations, by id.
pub type Fates = BTreeMap<String, OperationState>;

/// The test's end of a reserver.
pub struct Reserver {
    /// Its node.
    pub node: Node,
    fates: Arc<Mutex<Fates>>,
}

impl Reserver {
    /// Starts one that wants so many reservations.
    pub async fn start(net: &Net, address: &str, master: SocketAddr, wanted: usize) -> Reserver {
        let node = net.node_as(roles::FRAMEWORK, "reserver", address).await;
        let fates = Arc::<Mutex<Fates>>::default();
        let actor = Wanting {
            master: Pid::named(names::MASTER, master),
            wanted,
            framework_id: None,
            stream_id: None,
            next: 0,
            is_time: true,
            agents: BTreeMap::new(),
            fates: fates.clone(),
        };
        node.spawn("reserver", move |_| actor).expect("a free name");
        Reserver { node, fates }
    }

    /// What became of its operations so far.
    pub fn fates(&self) -> Fates {
        self.fates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many of its operations it knows to be done.
    pub fn finished(&self) -> usize {
        let done = |state: &&OperationState| **state == OperationState::OperationFinished;
        self.fates().values().filter(done).count()
    }
}

/// The cpus of one operation.
fn cpus() -> f64 {
    MILLI_CPUS as f64 / 1_000.0
}

struct Wanting {
    master: Pid<MasterProtocol>,
    wanted: usize,
    framework_id: Option<v1::FrameworkId>,
    stream_id: Option<String>,
    /// Operations ever tried, for their ids.
    next: usize,
    /// Whether the next offer may be used.
    is_time: bool,
    /// Where each is to be done.
    agents: BTreeMap<String, v1::AgentId>,
    fates: Arc<Mutex<Fates>>,
}

impl Wanting {
    fn fates(&self) -> std::sync::MutexGuard<'_, Fates> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, kind: Type, call: Call, ctx: &Context<Self>) {
        let mut call = Call {
            framework_id: self.framework_id.clone(),
            ..call
        };
        call.set_type(kind);
        let call = SchedulerCall {
            call: Pb(call),
            from: None,
            stream_id: self.stream_id.clone(),
            principal: None,
        };
        ctx.tell(&self.master, call);
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.stream_id.is_none() {
            return self.subscribe(ctx);
        }
        self.is_time = true;
        let open = |state: &OperationState| *state != OperationState::OperationFinished;
        let asked = self.fates().clone().into_iter();
        let asked = asked.filter(|(_, state)| open(state)).map(|(id, _)| {
            call::reconcile_operations::Operation {
                agent_id: self.agents.get(&id).cloned(),
                operation_id: id.into(),
                resource_provider_id: None,
            }
        });
        let operations: Vec<_> = asked.collect();
        if !operations.is_empty() {
            let reconcile = Call {
                reconcile_operations: Some(call::ReconcileOperations { operations }),
                ..Default::default()
            };
            self.call(Type::ReconcileOperations, reconcile, ctx);
        }
    }

    fn subscribe(&mut self, ctx: &mut Context<Self>) {
        let capability =
            |kind: v1::framework_info::capability::Type| v1::framework_info::Capability {
                r#type: Some(kind as i32),
            };
        let framework_info = v1::FrameworkInfo {
            user: "simulated".to_owned(),
            name: "reserver".to_owned(),
            id: self.framework_id.clone(),
            roles: vec![ROLE.to_owned()],
            principal: Some("reserver".to_owned()),
            failover_timeout: Some(1.0e6),
            capabilities: vec![
                capability(v1::framework_info::capability::Type::MultiRole),
                capability(v1::framework_info::capability::Type::ReservationRefinement),
            ],
            ..Default::default()
        };
        let mut call = Call {
            framework_id: self.framework_id.clone(),
            subscribe: Some(call::Subscribe {
                framework_info,
                ..Default::default()
            }),
            ..Default::default()
        };
        call.set_type(Type::Subscribe);
        let call = SchedulerCall {
            call: Pb(call),
            from: Some(ctx.me()),
            stream_id: None,
            principal: None,
        };
        let master = self.master.clone();
        ctx.monitor(&master);
        ctx.detach().ask_then(
            &master,
            call,
            ANSWER_WITHIN,
            |actor: &mut Self, answer, _| {
                let granted = answer
                    .ok()
                    .and_then(Result::ok)
                    .and_then(|a| a.subscription);
                if let Some(granted) = granted {
                    actor.framework_id = Some(granted.framework_id);
                    actor.stream_id = Some(granted.stream_id);
                }
            },
        );
    }

    /// Reserves a little, if it is time and anything is wanted still.
    fn use_offer(&mut self, offer: &v1::Offer, ctx: &Context<Self>) {
        let free = |resource: &Resource| {
            let much = resource.scalar.is_some_and(|scalar| scalar.value >= cpus());
            resource.name == "cpus" && resource.reservations.is_empty() && much
        };
        let may = self.is_time && offer.resources.iter().any(free);
        let operations: Vec<_> = match may && self.fates().len() < self.wanted {
            true => vec![self.reserve(&offer.agent_id)],
            false => Vec::new(),
        };
        self.is_time &= operations.is_empty();
        let accept = call::Accept {
            offer_ids: vec![offer.id.clone()],
            operations,
            filters: Some(v1::Filters {
                refuse_seconds: Some(1.0),
            }),
        };
        let call = Call {
            accept: Some(accept),
            ..Default::default()
        };
        self.call(Type::Accept, call, ctx);
    }

    fn reserve(&mut self, agent: &v1::AgentId) -> v1::offer::Operation {
        let id = format!("r{}", self.next);
        self.next += 1;
        let pending = OperationState::OperationPending;
        self.fates().insert(id.clone(), pending);
        self.agents.insert(id.clone(), agent.clone());
        let mut reservation = v1::resource::ReservationInfo {
            role: Some(ROLE.to_owned()),
            principal: Some("reserver".to_owned()),
            ..Default::default()
        };
        reservation.set_type(v1::resource::reservation_info::Type::Dynamic);
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

    fn hear(&mut self, status: &v1::OperationStatus, ctx: &Context<Self>) {
        let Some(id) = status.operation_id.as_ref().map(|id| id.value.clone()) else {
            return;
        };
        let state = status.state();
        match state {
            OperationState::OperationFinished => {
                self.fates().insert(id.clone(), state);
            }
            _ if self.fates().get(&id) == Some(&OperationState::OperationFinished) => {}
            // It came to nothing, or never came there: another one takes its place.
            OperationState::OperationUnknown
            | OperationState::OperationError
            | OperationState::OperationFailed
            | OperationState::OperationDropped => {
                self.fates().remove(&id);
            }
            // Not told yet, or not known for now: asked for again.
            _ => {}
        }
        if let Some(uuid) = &status.uuid {
            let acknowledge = call::AcknowledgeOperationStatus {
                agent_id: status.agent_id.clone(),
                resource_provider_id: None,
                uuid: uuid.value.clone(),
                operation_id: id.into(),
            };
            let call = Call {
                acknowledge_operation_status: Some(acknowledge),
                ..Default::default()
            };
            self.call(Type::AcknowledgeOperationStatus, call, ctx);
        }
    }
}

impl Actor for Wanting {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.look(ctx);
        ctx.run_interval(LOOK_EVERY, Wanting::look);
    }
}

impl Process for Wanting {
    type Protocol = SchedulerProtocol;
}

impl Handler<Event> for Wanting {
    type Result = ();

    fn handle(&mut self, Event(Pb(event)): Event, ctx: &mut Context<Self>) {
        match event.r#type() {
            event::Type::Offers => {
                for offer in &event.offers.unwrap_or_default().offers {
                    self.use_offer(offer, ctx);
                }
            }
            event::Type::UpdateOperationStatus => {
                if let Some(update) = &event.update_operation_status {
                    self.hear(&update.status, ctx);
                }
            }
            event::Type::Error => self.stream_id = None,
            _ => {}
        }
    }
}

impl Handler<Unsubscribed> for Wanting {
    type Result = ();

    fn handle(&mut self, _: Unsubscribed, _: &mut Context<Self>) {
        self.stream_id = None;
    }
}

impl Handler<Exited> for Wanting {
    type Result = ();

    fn handle(&mut self, _: Exited, _: &mut Context<Self>) {
        self.stream_id = None;
    }
}
