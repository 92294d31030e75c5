//! What operators do to agents and machines, in whole clusters of production code and virtual time.
//!
//! The framework in them is the scheduler of the `keep_running` example, which knows nothing of operators: it starts
//! anew elsewhere what is taken from it.

use std::time::Duration;

use libprocess::sim::run;
use mesos::protocols::CallRejected;
use mesos::v1::allocator::inverse_offer_status::Status;
use mesos::v1::maintenance::{Schedule, Window};
use mesos::v1::master::Call;
use mesos::v1::master::call::{
    DrainAgent, MarkAgentGone, ReactivateAgent, StartMaintenance, StopMaintenance, Type,
    UpdateMaintenanceSchedule,
};
use mesos::v1::{AgentId, MachineId, OfferId, TaskState, TimeInfo, Unavailability};
use mesos_tests::sim::SimCluster;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The id of an agent that is up.
fn id(cluster: &SimCluster, agent: usize) -> AgentId {
    let mut views = cluster.agent_views();
    let view = views.find(|(number, _)| *number == agent);
    let id = view.and_then(|(_, state)| state.agent_id().cloned());
    id.expect("a registered agent")
}

async fn drain(cluster: &SimCluster, agent: &AgentId, gone: bool) -> Result<(), CallRejected> {
    let mut call = Call {
        drain_agent: Some(DrainAgent {
            agent_id: agent.clone(),
            max_grace_period: None,
            mark_gone: Some(gone),
        }),
        ..Default::default()
    };
    call.set_type(Type::DrainAgent);
    cluster.operate(call).await
}

async fn mark_gone(cluster: &SimCluster, agent: &AgentId) -> Result<(), CallRejected> {
    let mut call = Call {
        mark_agent_gone: Some(MarkAgentGone {
            agent_id: agent.clone(),
        }),
        ..Default::default()
    };
    call.set_type(Type::MarkAgentGone);
    cluster.operate(call).await
}

async fn reactivate(cluster: &SimCluster, agent: &AgentId) -> Result<(), CallRejected> {
    let mut call = Call {
        reactivate_agent: Some(ReactivateAgent {
            agent_id: agent.clone(),
        }),
        ..Default::default()
    };
    call.set_type(Type::ReactivateAgent);
    cluster.operate(call).await
}

/// All copies run, and none on this agent; the framework knows.
fn runs_elsewhere(cluster: &SimCluster, agent: &AgentId) -> bool {
    let view = cluster.view().expect("a master");
    let frameworks = view.cluster.frameworks.values();
    let tasks = frameworks.flat_map(|framework| framework.tasks.values());
    let running = tasks.filter(|task| task.state() == TaskState::TaskRunning);
    let places: Vec<AgentId> = running.map(|task| task.agent_id().to_v1()).collect();
    let service = &cluster.services[0];
    places.len() == service.wanted && !places.contains(agent) && service.is_content()
}

fn is_drained(cluster: &SimCluster, agent: &AgentId) -> bool {
    let Some(view) = cluster.view() else {
        return false;
    };
    view.cluster
        .drains
        .get(agent)
        .is_some_and(|drain| drain.drained)
}

fn count(cluster: &SimCluster, state: TaskState) -> usize {
    let updates = cluster.services[0].heard.updates().into_iter();
    updates.filter(|told| told.status.state() == state).count()
}

#[test]
fn a_drained_agent_is_left_by_its_tasks_and_gets_new_ones_when_it_is_reactivated() {
    run(101, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(4, "sleep 100000").await;
        cluster.settles(MINUTE).await;
        let (agent, tasks) = cluster.busiest_agent();
        let id = id(&cluster, agent);
        drain(&cluster, &id, false).await.expect("accepted");
        let drained =
            |cluster: &SimCluster| is_drained(cluster, &id) && runs_elsewhere(cluster, &id);
        cluster.eventually("it is drained", MINUTE, drained).await;
        assert_eq!(count(&cluster, TaskState::TaskKilled), tasks);
        assert_eq!(cluster.active_agents(), 1);
        cluster.pass(MINUTE).await;
        assert!(runs_elsewhere(&cluster, &id));
        reactivate(&cluster, &id).await.expect("accepted");
        cluster.settles(MINUTE).await;
        assert_eq!(cluster.active_agents(), 2);
    });
}

#[test]
fn draining_goes_on_under_the_next_master() {
    run(102, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(4, "sleep 100000").await;
        cluster.settles(MINUTE).await;
        let (agent, _) = cluster.busiest_agent();
        let id = id(&cluster, agent);
        cluster.cut_off(agent);
        drain(&cluster, &id, false).await.expect("accepted");
        cluster.crash_master();
        cluster.pass(10 * SECOND).await;
        cluster.heal();
        cluster.restart_master().await;
        let drained =
            |cluster: &SimCluster| is_drained(cluster, &id) && runs_elsewhere(cluster, &id);
        cluster
            .eventually("it is drained", 5 * MINUTE, drained)
            .await;
        reactivate(&cluster, &id).await.expect("accepted");
        cluster.settles(5 * MINUTE).await;
    });
}

#[test]
fn tasks_of_an_agent_that_is_given_up_are_started_elsewhere() {
    run(103, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(4, "sleep 100000").await;
        cluster.settles(MINUTE).await;
        let (agent, tasks) = cluster.busiest_agent();
        let id = id(&cluster, agent);
        cluster.crash_machine(agent);
        mark_gone(&cluster, &id).await.expect("accepted");
        let replaced = |cluster: &SimCluster| runs_elsewhere(cluster, &id);
        cluster
            .eventually("all run elsewhere", MINUTE, replaced)
            .await;
        let gone = count(&cluster, TaskState::TaskGoneByOperator);
        assert_eq!(gone, tasks);
        // It comes back from its repair with its old disk, and is not let in.
        cluster.restart_agent(agent).await;
        cluster.pass(2 * MINUTE).await;
        assert_eq!(cluster.active_agents(), 1);
        assert!(runs_elsewhere(&cluster, &id));
        // Its next life is another agent.
        cluster.crash_machine(agent);
        cluster.restart_agent(agent).await;
        cluster.settles(2 * MINUTE).await;
        assert_eq!(cluster.active_agents(), 2);
    });
}

#[test]
fn an_agent_can_be_drained_for_good() {
    run(104, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(4, "sleep 100000").await;
        cluster.settles(MINUTE).await;
        let (agent, tasks) = cluster.busiest_agent();
        let id = id(&cluster, agent);
        drain(&cluster, &id, true).await.expect("accepted");
        let gone = |cluster: &SimCluster| {
            let view = cluster.view().expect("a master");
            view.cluster.gone_agents.contains_key(&id) && runs_elsewhere(cluster, &id)
        };
        cluster.eventually("it is gone", MINUTE, gone).await;
        assert_eq!(count(&cluster, TaskState::TaskGoneByOperator), tasks);
        let again = reactivate(&cluster, &id).await;
        assert!(again.is_err(), "there is no way back");
    });
}

/// The machine of an agent, by its name.
fn machine(agent: usize) -> MachineId {
    MachineId {
        hostname: Some(format!("Agent-{agent}")),
        ip: None,
    }
}

async fn schedule(cluster: &SimCluster, agents: &[usize]) -> Result<(), CallRejected> {
    let unavailability = Unavailability {
        start: TimeInfo {
            nanoseconds: 2_000_000_000_000_000_000,
        },
        duration: None,
    };
    let window = |agent: &usize| Window {
        machine_ids: vec![machine(*agent)],
        unavailability,
    };
    let windows = agents.iter().map(window).collect();
    let mut call = Call {
        update_maintenance_schedule: Some(UpdateMaintenanceSchedule {
            schedule: Schedule { windows },
        }),
        ..Default::default()
    };
    call.set_type(Type::UpdateMaintenanceSchedule);
    cluster.operate(call).await
}

async fn down(cluster: &SimCluster, agent: usize) -> Result<(), CallRejected> {
    let machines = vec![machine(agent)];
    let mut call = Call {
        start_maintenance: Some(StartMaintenance { machines }),
        ..Default::default()
    };
    call.set_type(Type::StartMaintenance);
    cluster.operate(call).await
}

async fn up(cluster: &SimCluster, agent: usize) -> Result<(), CallRejected> {
    let machines = vec![machine(agent)];
    let mut call = Call {
        stop_maintenance: Some(StopMaintenance { machines }),
        ..Default::default()
    };
    call.set_type(Type::StopMaintenance);
    cluster.operate(call).await
}

fn inverse_offers(cluster: &SimCluster) -> Vec<OfferId> {
    let view = cluster.view().expect("a master");
    view.cluster.inverse_offers.keys().cloned().collect()
}

/// What the frameworks say to leaving an agent.
fn answers(cluster: &SimCluster, agent: &AgentId) -> Vec<Status> {
    let view = cluster.view().expect("a master");
    let Some(agent) = view.cluster.agents.get(agent) else {
        return Vec::new();
    };
    let statuses = agent.inverse_offer_statuses(&view.cluster);
    statuses.iter().map(|status| status.status()).collect()
}

#[test]
fn who_runs_something_on_a_machine_in_maintenance_is_asked_to_leave_it() {
    run(105, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(2, "sleep 100000").await;
        cluster.settles(MINUTE).await;
        let (agent, _) = cluster.busiest_agent();
        let id = id(&cluster, agent);
        schedule(&cluster, &[agent]).await.expect("accepted");
        let asked = |cluster: &SimCluster| answers(cluster, &id) == [Status::Unknown];
        cluster.eventually("it is asked", MINUTE, asked).await;
        let offers = inverse_offers(&cluster);
        let driver = &cluster.services[0].driver;
        driver.decline_inverse_offers(offers, Some(30.0));
        let declined = |cluster: &SimCluster| answers(cluster, &id) == [Status::Decline];
        cluster.eventually("it declines", MINUTE, declined).await;
        let again = |cluster: &SimCluster| !inverse_offers(cluster).is_empty();
        let waited = cluster.eventually("it is asked again", MINUTE, again).await;
        assert!(waited > 25 * SECOND, "{waited:?}");
        let offers = inverse_offers(&cluster);
        let driver = &cluster.services[0].driver;
        driver.accept_inverse_offers(offers, Some(3600.0));
        let accepted = |cluster: &SimCluster| answers(cluster, &id) == [Status::Accept];
        cluster.eventually("it accepts", MINUTE, accepted).await;
        schedule(&cluster, &[]).await.expect("accepted");
        assert!(answers(&cluster, &id).is_empty());
        cluster.settles(MINUTE).await;
    });
}

#[test]
fn a_machine_that_is_down_is_not_used_until_it_is_up() {
    run(106, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        cluster.keep_running(3, "sleep 100000").await;
        cluster.settles(MINUTE).await;
        let (agent, _) = cluster.busiest_agent();
        let id = id(&cluster, agent);
        assert!(
            down(&cluster, agent).await.is_err(),
            "it is not in the schedule"
        );
        schedule(&cluster, &[agent]).await.expect("accepted");
        down(&cluster, agent).await.expect("accepted");
        let replaced = |cluster: &SimCluster| runs_elsewhere(cluster, &id);
        cluster
            .eventually("all run elsewhere", MINUTE, replaced)
            .await;
        // The machine is repaired and its agent started, but nobody has said so; another master does not know
        // better.
        cluster.crash_machine(agent);
        cluster.crash_master();
        cluster.restart_master().await;
        cluster.restart_agent(agent).await;
        cluster.pass(2 * MINUTE).await;
        assert_eq!(cluster.active_agents(), 1);
        cluster.crash_machine(agent);
        up(&cluster, agent).await.expect("accepted");
        cluster.restart_agent(agent).await;
        let back = |cluster: &SimCluster| cluster.active_agents() == 2;
        cluster.eventually("it is back", 2 * MINUTE, back).await;
    });
}
