//! The calls behind orders.

use mesos::resources::{Format, Resources};
use mesos::v1::maintenance::{Schedule, Window};
use mesos::v1::master::Call;
use mesos::v1::master::call::{self, Type};
use mesos::v1::quota::QuotaConfig;
use mesos::v1::resource::disk_info::Persistence;
use mesos::v1::resource::{DiskInfo, ReservationInfo, reservation_info};
use mesos::v1::value::{Scalar, Type as ValueType};
use mesos::v1::volume::Mode;
use mesos::v1::{
    AgentId, FrameworkId, MachineId, Resource, TimeInfo, Unavailability, Volume, WeightInfo,
};

/// When maintenance begins: long after any run.
const LATER: i64 = 2_000_000_000_000_000_000;

/// What is reserved at a time, beside one cpu.
const RESERVED_DISK: f64 = 64.0;

/// What a volume takes of it.
const VOLUME_DISK: f64 = 32.0;

fn call(kind: Type, fill: impl FnOnce(&mut Call)) -> Call {
    let mut call = Call::default();
    call.set_type(kind);
    fill(&mut call);
    call
}

pub(super) fn drain(agent_id: AgentId, gone: bool) -> Call {
    call(Type::DrainAgent, |call| {
        call.drain_agent = Some(call::DrainAgent {
            agent_id,
            max_grace_period: None,
            mark_gone: Some(gone),
        });
    })
}

pub(super) fn deactivate(agent_id: AgentId) -> Call {
    call(Type::DeactivateAgent, |call| {
        call.deactivate_agent = Some(call::DeactivateAgent { agent_id });
    })
}

pub(super) fn reactivate(agent_id: AgentId) -> Call {
    call(Type::ReactivateAgent, |call| {
        call.reactivate_agent = Some(call::ReactivateAgent { agent_id });
    })
}

pub(super) fn gone(agent_id: AgentId) -> Call {
    call(Type::MarkAgentGone, |call| {
        call.mark_agent_gone = Some(call::MarkAgentGone { agent_id });
    })
}

pub(super) fn schedule(machines: Vec<MachineId>) -> Call {
    let unavailability = Unavailability {
        start: TimeInfo { nanoseconds: LATER },
        duration: None,
    };
    let window = |machine| Window {
        machine_ids: vec![machine],
        unavailability,
    };
    let windows = machines.into_iter().map(window).collect();
    call(Type::UpdateMaintenanceSchedule, |call| {
        call.update_maintenance_schedule = Some(call::UpdateMaintenanceSchedule {
            schedule: Schedule { windows },
        });
    })
}

pub(super) fn down(machine: MachineId) -> Call {
    call(Type::StartMaintenance, |call| {
        let machines = vec![machine];
        call.start_maintenance = Some(call::StartMaintenance { machines });
    })
}

pub(super) fn up(machines: Vec<MachineId>) -> Call {
    call(Type::StopMaintenance, |call| {
        call.stop_maintenance = Some(call::StopMaintenance { machines });
    })
}

/// A limit on cpus, or none at all.
pub(super) fn quota(role: &str, cpus: Option<u32>) -> Call {
    let limit = |cpus| {
        (
            "cpus".to_owned(),
            Scalar {
                value: f64::from(cpus),
            },
        )
    };
    let config = QuotaConfig {
        role: role.to_owned(),
        limits: cpus.map(limit).into_iter().collect(),
        ..Default::default()
    };
    call(Type::UpdateQuota, |call| {
        call.update_quota = Some(call::UpdateQuota {
            force: Some(true),
            quota_configs: vec![config],
        });
    })
}

pub(super) fn weight(role: &str, weight: u32) -> Call {
    let info = WeightInfo {
        weight: f64::from(weight),
        role: Some(role.to_owned()),
    };
    call(Type::UpdateWeights, |call| {
        call.update_weights = Some(call::UpdateWeights {
            weight_infos: vec![info],
        });
    })
}

pub(super) fn teardown(framework_id: FrameworkId) -> Call {
    call(Type::Teardown, |call| {
        call.teardown = Some(call::Teardown { framework_id });
    })
}

pub(super) fn reserve(agent_id: AgentId, role: &str) -> Call {
    let resources = vec![
        reserved("cpus", 1.0, role),
        reserved("disk", RESERVED_DISK, role),
    ];
    call(Type::ReserveResources, |call| {
        call.reserve_resources = Some(call::ReserveResources {
            agent_id,
            resources,
            source: Vec::new(),
        });
    })
}

/// All that is reserved to a role on an agent, but for volumes; none if there is nothing.
pub(super) fn unreserve(agent_id: AgentId, total: &Resources, role: &str) -> Option<Call> {
    let resources = reserved_on(total, role, false);
    (!resources.is_empty()).then(|| {
        call(Type::UnreserveResources, |call| {
            call.unreserve_resources = Some(call::UnreserveResources {
                agent_id,
                resources,
            });
        })
    })
}

pub(super) fn create(agent_id: AgentId, role: &str, number: u64) -> Call {
    let mut container = Volume {
        container_path: "data".to_owned(),
        ..Default::default()
    };
    container.set_mode(Mode::Rw);
    let volume = Resource {
        disk: Some(
            DiskInfo {
                persistence: Some(Persistence {
                    id: format!("volume-{number}"),
                    principal: None,
                }),
                volume: Some(container),
                ..Default::default()
            }
            .into(),
        ),
        ..reserved("disk", VOLUME_DISK, role)
    };
    call(Type::CreateVolumes, |call| {
        call.create_volumes = Some(call::CreateVolumes {
            agent_id,
            volumes: vec![volume],
        });
    })
}

/// All volumes of a role on an agent; none if there is none.
pub(super) fn destroy(agent_id: AgentId, total: &Resources, role: &str) -> Option<Call> {
    let volumes = reserved_on(total, role, true);
    (!volumes.is_empty()).then(|| {
        call(Type::DestroyVolumes, |call| {
            call.destroy_volumes = Some(call::DestroyVolumes { agent_id, volumes });
        })
    })
}

fn reserved_on(total: &Resources, role: &str, volumes: bool) -> Vec<Resource> {
    let all = total.reserved_to(role).to_v1(Format::PostRefinement);
    let is_volume = |resource: &Resource| {
        let disk = resource.disk.as_ref();
        disk.is_some_and(|disk| disk.persistence.is_some())
    };
    let meant = all.into_iter().filter(|r| is_volume(r) == volumes);
    meant.collect()
}

fn reserved(name: &str, amount: f64, role: &str) -> Resource {
    let mut reservation = ReservationInfo {
        role: Some(role.to_owned()),
        ..Default::default()
    };
    reservation.set_type(reservation_info::Type::Dynamic);
    let mut resource = Resource {
        name: name.to_owned(),
        scalar: Some(Scalar { value: amount }),
        reservations: vec![reservation],
        ..Default::default()
    };
    resource.set_type(ValueType::Scalar);
    resource
}
