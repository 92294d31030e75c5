//! Operations: what the agent has besides what its flags say, and how that changes.
//!
//! ```text
//! master            State                       disk            operation updates      master
//!  │ ApplyOperation ▶│ apply_operation             │                     │               │
//!  │                 │── Commit ──────────────────▶│                     │               │
//!  │                 │◀─ committed ────────────────│                     │               │
//!  │                 │── ReportOperation (if it has an id) ─────────────▶│ until it is   │
//!  │                 │◀─ operation_forwarded ─────────────────────────────│ acknowledged │
//!  │                 │── OperationUpdate ───────────────────────────────────────────────▶│
//! ```
//!
//! Every state of its resources that the agent tells a master has a version, and an operation names
//! the one it was decided on. The version changes when the agent registers anew and when it could
//! not do what the master thinks it did, so that what is on its way by then is dropped. What the
//! master sends after it has heard of a version builds on that, and needs no new one.

use std::sync::Arc;

use imbl::OrdMap;
use mesos::protocols::agent::ApplyOperation;
use mesos::protocols::master::{AgentResources, OperationUpdate};
use mesos::resources::{Format, Resources};
use mesos::v1::{self, FrameworkId, Operation, OperationState, OperationStatus, TaskInfo};
use mesos::wire::Pb;
use uuid::Uuid;

use super::effect::{Answer, Commit, Effect, ToMaster};
use super::registration::Registration;
use super::{Moment, State};
use crate::checkpoint::resources::StoredResources;
use crate::status_updates::{OperationKey, OperationReport, Reported, Stream};
use crate::volumes;

/// Operations whose status may wait for its acknowledgement. The master has a bound of its own;
/// this one keeps the file they are in small whoever the master is.
const MAX_OPERATIONS: usize = 4_096;

/// What an agent has besides what its flags say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holdings {
    /// Dynamic reservations and persistent volumes.
    pub(crate) checkpointed: Resources,
    /// Operations whose status was not acknowledged.
    pub(crate) operations: OrdMap<Uuid, Arc<Operation>>,
    /// Names the state that the master was told last.
    pub(crate) version: Uuid,
}

impl State {
    /// Everything the agent has: its flags' resources with what was made of them at run time.
    pub fn total(&self) -> Resources {
        let flags = Resources::from_v1(&self.info.resources).unwrap_or_default();
        // Checked when it was made, and when it was recovered.
        let total = flags.with_checkpointed(&self.holdings.checkpointed);
        total.unwrap_or(flags)
    }

    /// Operations whose status was not acknowledged.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.holdings.operations.values().map(Arc::as_ref)
    }

    /// Takes over what an earlier life stored; its streams begin again with the last status.
    pub(crate) fn recover_resources(&mut self, stored: &StoredResources) {
        let resources = Resources::from_v1(&stored.resources).unwrap_or_default();
        self.holdings.checkpointed = resources;
        for operation in &stored.operations {
            if let Ok(uuid) = Uuid::from_slice(&operation.uuid.value) {
                let operation = Arc::new(operation.clone());
                self.holdings.operations.insert(uuid, operation);
            }
        }
    }

    /// The statuses that an earlier life was not acknowledged.
    pub(crate) fn operation_streams(&self) -> Vec<(OperationKey, Stream<OperationReport>)> {
        let reports = self
            .holdings
            .operations
            .iter()
            .filter_map(|(id, operation)| {
                report(
                    *id,
                    operation.framework_id.clone(),
                    operation.latest_status.clone(),
                )
            });
        let stream = |report: OperationReport| {
            let (key, mut stream) = (report.key(), Stream::default());
            stream.push(Arc::new(report));
            (key, stream)
        };
        reports.map(stream).collect()
    }

    /// The master changes what the agent has.
    pub fn apply_operation(&mut self, moment: &mut Moment, apply: ApplyOperation) -> Vec<Effect> {
        let is_known = self.holdings.operations.contains_key(&apply.uuid);
        if is_known || self.info.id.is_none() || self.registration == Registration::Terminating {
            return Vec::new();
        }
        let outcome = self.outcome(&apply);
        self.settle(moment, apply, outcome)
    }

    /// The master asks about operations that it sent and the agent did not name.
    pub fn reconcile_operations(
        &mut self,
        moment: &mut Moment,
        operations: Vec<ApplyOperation>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        for asked in operations {
            if !self.holdings.operations.contains_key(&asked.uuid) {
                let unknown = dropped("The operation never reached the agent");
                effects.extend(self.settle(moment, asked, Err(unknown)));
            }
        }
        effects
    }

    /// What becomes of the agent's reservations and volumes, and the resources it brings about; or
    /// how it fails.
    fn outcome(&self, apply: &ApplyOperation) -> Result<(Resources, Resources), Failure> {
        let is_outdated = apply
            .resource_version
            .is_some_and(|version| version != self.holdings.version);
        if is_outdated {
            return Err(dropped(
                "The operation was decided on an outdated state of the agent's resources",
            ));
        }
        if apply.operation.id.is_some() && self.holdings.operations.len() >= MAX_OPERATIONS {
            return Err(dropped(
                "Too many operations of this agent wait for their acknowledgement",
            ));
        }
        let conversions = Resources::conversions(&apply.operation).map_err(failed)?;
        let conversions: Vec<_> = conversions
            .into_iter()
            .map(mesos::resources::Conversion::unallocated)
            .collect();
        let total = self.total().apply_all(&conversions).map_err(failed)?;
        let checkpointed = total.checkpointable();
        volumes::volumes_of(&checkpointed).map_err(failed)?;
        let converted = conversions.into_iter().map(|c| c.converted).sum();
        Ok((checkpointed, converted))
    }

    /// Has an outcome written down.
    fn settle(
        &mut self,
        moment: &mut Moment,
        apply: ApplyOperation,
        outcome: Result<(Resources, Resources), Failure>,
    ) -> Vec<Effect> {
        let (resources, status) = match outcome {
            Ok((resources, converted)) => {
                let status = OperationStatus {
                    state: OperationState::OperationFinished as i32,
                    converted_resources: converted.to_v1(Format::PostRefinement),
                    ..Default::default()
                };
                (Some(resources), status)
            }
            Err(failure) => (None, failure.into_status()),
        };
        let answer = Answer {
            framework_id: apply.framework_id,
            info: apply.operation.0,
            uuid: apply.uuid,
            status,
        };
        vec![self.commit(moment, resources, answer)]
    }

    fn commit(
        &self,
        moment: &mut Moment,
        resources: Option<Resources>,
        mut answer: Answer,
    ) -> Effect {
        answer.status.operation_id = answer.info.id.clone();
        answer.status.agent_id = self.info.id.clone();
        if answer.info.id.is_some() {
            let uuid = moment.chance.uuid().as_bytes().to_vec();
            answer.status.uuid = Some(v1::Uuid { value: uuid });
        }
        let answer = Box::new(answer);
        let commit = Commit::Settled { resources, answer };
        Effect::Commit(Box::new(commit))
    }

    /// What is stored now, and what is to be after a change.
    pub(crate) fn stored_around(&self, commit: &Commit) -> (StoredResources, StoredResources) {
        let mut after = self.holdings.clone();
        self.change(&mut after, commit);
        (stored(&self.holdings), stored(&after))
    }

    fn change(&self, holdings: &mut Holdings, commit: &Commit) {
        match commit {
            Commit::Settled { resources, answer } => {
                if let Some(resources) = resources {
                    holdings.checkpointed = resources.clone();
                }
                if answer.status.uuid.is_some() {
                    let operation = Arc::new(self.record(answer));
                    holdings.operations.insert(answer.uuid, operation);
                }
            }
            Commit::Acknowledged(operation) => {
                holdings.operations.remove(operation);
            }
        }
    }

    fn record(&self, answer: &Answer) -> Operation {
        Operation {
            framework_id: answer.framework_id.clone(),
            agent_id: self.info.id.clone(),
            info: answer.info.clone(),
            latest_status: answer.status.clone(),
            statuses: vec![answer.status.clone()],
            uuid: v1::Uuid {
                value: answer.uuid.as_bytes().to_vec(),
            },
        }
    }

    /// A change of the resources is on the disk, or is not.
    pub fn committed(
        &mut self,
        moment: &mut Moment,
        commit: Commit,
        result: Result<(), String>,
    ) -> Vec<Effect> {
        match (result, commit) {
            (
                Err(why),
                Commit::Settled {
                    resources: Some(_),
                    mut answer,
                },
            ) => {
                // The master counts on it already: it hears first what there is.
                answer.status = failed(why).into_status();
                self.holdings.version = moment.chance.uuid();
                let mut effects = self.tell_resources();
                effects.push(self.commit(moment, None, *answer));
                effects
            }
            // What is only to be told and could not be stored is told all the same, and what is
            // acknowledged is told again after a restart at worst.
            (_, commit) => {
                let mut holdings = self.holdings.clone();
                self.change(&mut holdings, &commit);
                self.holdings = holdings;
                match commit {
                    Commit::Settled { answer, .. } => self.answer(*answer),
                    Commit::Acknowledged(_) => Vec::new(),
                }
            }
        }
    }

    /// Tells how an operation ended: until it is acknowledged, if somebody asked for it.
    fn answer(&mut self, answer: Answer) -> Vec<Effect> {
        let status = answer.status.clone();
        if let Some(report) = report(answer.uuid, answer.framework_id.clone(), status) {
            return vec![Effect::ReportOperation(Box::new(report))];
        }
        self.tell_operation(answer.framework_id, answer.uuid, answer.status)
    }

    /// A status of an operation is to be sent, or sent again.
    pub fn operation_forwarded(&mut self, report: &OperationReport) -> Vec<Effect> {
        let framework = report.framework_id.clone();
        self.tell_operation(framework, report.operation, report.status.clone())
    }

    fn tell_operation(
        &self,
        framework_id: Option<FrameworkId>,
        operation: Uuid,
        status: OperationStatus,
    ) -> Vec<Effect> {
        let known = self.registered_master().zip(self.agent_id());
        let tell = known.map(|(master, agent_id)| {
            let update = OperationUpdate {
                agent_id: agent_id.clone(),
                framework_id,
                operation,
                status: Pb(status),
            };
            Effect::Tell(master.clone(), ToMaster::Operation(Box::new(update)))
        });
        tell.into_iter().collect()
    }

    fn tell_resources(&self) -> Vec<Effect> {
        let known = self.registered_master().zip(self.agent_id());
        let tell = known.map(|(master, agent_id)| {
            let message = AgentResources {
                agent_id: agent_id.clone(),
                checkpointed_resources: self.introduced_resources(),
                resource_version: Some(self.holdings.version),
            };
            Effect::Tell(master.clone(), ToMaster::Resources(Box::new(message)))
        });
        tell.into_iter().collect()
    }

    /// The reservations and volumes, as the master is told of them.
    pub(crate) fn introduced_resources(&self) -> Vec<Pb<v1::Resource>> {
        let stored = self.holdings.checkpointed.to_v1(Format::PostRefinement);
        stored.into_iter().map(Pb).collect()
    }

    /// The status of an operation has arrived: the operation is forgotten.
    pub fn operation_acknowledged(&mut self, report: &OperationReport) -> Vec<Effect> {
        match self.holdings.operations.contains_key(&report.operation) {
            true => vec![Effect::Commit(Box::new(Commit::Acknowledged(
                report.operation,
            )))],
            false => Vec::new(),
        }
    }

    /// Whose operation this is, for its stream.
    pub(crate) fn operation_key(&self, operation: Uuid) -> OperationKey {
        let known = self.holdings.operations.get(&operation);
        OperationKey {
            framework: known.and_then(|known| known.framework_id.clone()),
            operation,
        }
    }

    /// Whether the reservations and volumes that a task uses are there.
    pub(crate) fn has_resources_of(
        &self,
        task: &TaskInfo,
        version: Option<Uuid>,
    ) -> Result<(), &'static str> {
        let own = task.executor.iter().flat_map(|e| &e.resources);
        let needed = Resources::from_v1(task.resources.iter().chain(own)).unwrap_or_default();
        let needed = needed.checkpointable();
        if needed.is_empty() {
            return Ok(());
        }
        if version.is_some_and(|version| version != self.holdings.version) {
            return Err("The task was decided on an outdated state of the agent's resources");
        }
        // A volume that many tasks share is there once.
        let mine = &self.holdings.checkpointed;
        let shared = needed.shared();
        let shared = shared
            .keys()
            .all(|key| mine.keys().any(|known| known == key));
        let owned = needed.filter(|key| !key.shared);
        match shared && mine.contains(&owned) {
            true => Ok(()),
            false => Err("The agent does not know the reservations or volumes that the task uses"),
        }
    }
}

/// How an operation comes to nothing.
struct Failure {
    state: OperationState,
    message: String,
}

impl Failure {
    fn into_status(self) -> OperationStatus {
        OperationStatus {
            state: self.state as i32,
            message: Some(self.message),
            ..Default::default()
        }
    }
}

fn dropped(message: &str) -> Failure {
    Failure {
        state: OperationState::OperationDropped,
        message: message.to_owned(),
    }
}

fn failed(why: impl std::fmt::Display) -> Failure {
    Failure {
        state: OperationState::OperationFailed,
        message: why.to_string(),
    }
}

fn stored(holdings: &Holdings) -> StoredResources {
    let operations = holdings.operations.values();
    let operations = operations.map(|operation| (**operation).clone());
    StoredResources::new(&holdings.checkpointed, operations.collect())
}

/// A status that somebody acknowledges.
fn report(
    operation: Uuid,
    framework_id: Option<FrameworkId>,
    status: OperationStatus,
) -> Option<OperationReport> {
    let uuid = Uuid::from_slice(&status.uuid.as_ref()?.value).ok()?;
    Some(OperationReport {
        framework_id,
        operation,
        status,
        uuid,
    })
}
