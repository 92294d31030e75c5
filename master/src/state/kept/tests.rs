//! What is shown is what was told.

use mesos::resources::{Format, Resources};
use mesos::v1::{self, AgentId, ExecutorId, TaskState, TaskStatus};
use proptest::option;
use proptest::prelude::*;
use prost::Message;

use super::{AgentWords, Task};

const TASK: &str = "web.5f3c9d0a-7f0e-4a57-9a7c-2f6b8e1d4c33";
const AGENT: &str = "5f3c9d0a-7f0e-4a57-9a7c-2f6b8e1d4c33-S17";
const EXECUTOR: &str = "executor";

/// Half of them that of the task.
fn id(own: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![Just(own.to_owned()), "[a-z]{1,12}"]
}

fn labels() -> impl Strategy<Value = Option<v1::Labels>> {
    let label = ("[a-z]{1,8}", option::of("[a-z]{0,8}"));
    let label = label.prop_map(|(key, value)| v1::Label { key, value });
    option::of(prop::collection::vec(label, 0..3).prop_map(|labels| v1::Labels { labels }))
}

prop_compose! {
    fn status()(
        task in id(TASK),
        agent in option::of(id(AGENT)),
        executor in option::of(id(EXECUTOR)),
        state in 0..13i32,
        message in option::of("[a-z ]{0,40}"),
        labels in labels(),
        timestamp in option::of(0.0..2e9f64),
        healthy in option::of(any::<bool>()),
        reason in option::of(0..30i32),
        uuid in option::of(any::<[u8; 16]>()),
        container in option::of("[0-9a-f-]{36}"),
    ) -> TaskStatus {
        let container_status = container.map(|value| v1::ContainerStatus {
            container_id: Some(v1::ContainerId { value, parent: None }),
            executor_pid: Some(7),
            ..Default::default()
        });
        TaskStatus {
            task_id: task.into(),
            state,
            message,
            agent_id: agent.map(AgentId::from),
            timestamp,
            executor_id: executor.map(ExecutorId::from),
            healthy,
            reason,
            uuid: uuid.map(Vec::from),
            labels,
            container_status,
            ..Default::default()
        }
    }
}

prop_compose! {
    fn record()(
        name in "[a-z]{0,12}",
        executor in option::of(Just(EXECUTOR)),
        state in 0..13i32,
        statuses in prop::collection::vec(status(), 0..5),
        forwarded in option::of((0..13i32, option::of(any::<[u8; 16]>()))),
        labels in labels(),
        user in option::of("[a-z]{1,8}"),
        limit in option::of(1..100u32),
        health in option::of("[a-z]{1,8}"),
        grace in option::of(any::<i64>()),
        image in option::of("[a-z]{1,8}"),
        port in option::of(1..9999u32),
    ) -> v1::Task {
        let container = image.map(|hostname| Box::new(v1::ContainerInfo {
            hostname: Some(hostname),
            ..Default::default()
        }));
        let health_check = health.map(|value| Box::new(v1::HealthCheck {
            command: Some(v1::CommandInfo { value: Some(value), ..Default::default() }),
            ..Default::default()
        }));
        let ports = port.map(|number| v1::Ports {
            ports: vec![v1::Port { number, ..Default::default() }],
        });
        v1::Task {
            name,
            task_id: TASK.into(),
            framework_id: "framework".into(),
            executor_id: executor.map(ExecutorId::from),
            agent_id: AGENT.into(),
            state,
            resources: resources().to_v1(Format::PostRefinement),
            statuses,
            status_update_state: forwarded.map(|(state, _)| state),
            status_update_uuid: forwarded.and_then(|(_, uuid)| uuid).map(Vec::from),
            labels,
            discovery: ports.map(|ports| v1::DiscoveryInfo {
                ports: Some(ports),
                ..Default::default()
            }),
            container,
            user,
            health_check,
            kill_policy: grace.map(|nanoseconds| v1::KillPolicy {
                grace_period: Some(v1::DurationInfo { nanoseconds }),
            }),
            limits: limit.map(|value| ("cpus".into(), v1::value::Scalar { value: value.into() })).into_iter().collect(),
        }
    }
}

fn resources() -> Resources {
    let parsed = Resources::parse("cpus:0.5;mem:64;ports:[31000-31001]", "*");
    parsed.expect("resources").allocate("a/b")
}

proptest! {
    #[test]
    fn a_task_is_shown_as_it_was_told(record in record()) {
        let task = Task::new(&record, resources());
        prop_assert_eq!(task.last_status(), record.statuses.last().cloned());
        prop_assert_eq!(task.has_no_status(), record.statuses.is_empty());
        prop_assert_eq!(task.state(), record.state());
        prop_assert_eq!(task.to_v1(), record);
    }

    /// The history is that of a list of messages.
    #[test]
    fn statuses_are_remembered(record in record(), more in prop::collection::vec(status(), 0..80)) {
        let mut task = Task::new(&record, resources());
        let mut told = record.statuses;
        for mut status in more {
            if told.last().map(|last| last.state) == Some(status.state) {
                told.pop();
            }
            told.push(status.clone());
            status.data = Some(vec![1]);
            task.remember(status);
            let newest = told.len().saturating_sub(64);
            prop_assert_eq!(task.statuses().collect::<Vec<_>>(), &told[newest..]);
        }
    }
}

prop_compose! {
    fn agent_info()(
        hostname in "[a-z.]{0,200}",
        id in option::of("[a-z0-9-]{1,40}"),
        port in option::of(any::<i32>()),
        attributes in prop::collection::vec(("[a-z]{1,8}", "[a-z]{0,8}"), 0..3),
        region in option::of("[a-z]{1,8}"),
    ) -> v1::AgentInfo {
        let attribute = |(name, value)| v1::Attribute {
            name,
            r#type: v1::value::Type::Text as i32,
            text: Some(v1::value::Text { value }),
            ..Default::default()
        };
        let fault_domain = region.map(|name| v1::domain_info::FaultDomain {
            region: v1::domain_info::fault_domain::RegionInfo { name },
            ..Default::default()
        });
        v1::AgentInfo {
            hostname,
            resources: resources().unallocate().to_v1(Format::PreRefinement),
            attributes: attributes.into_iter().map(attribute).collect(),
            id: id.map(AgentId::from),
            port,
            domain: fault_domain.map(|domain| v1::DomainInfo { fault_domain: Some(domain) }),
        }
    }
}

proptest! {
    #[test]
    fn an_agent_is_shown_as_it_said(info in agent_info()) {
        let words = AgentWords::from(&info);
        prop_assert_eq!(words.hostname(), info.hostname.as_str());
        let traits = words.traits();
        prop_assert_eq!(traits.port(), info.port());
        let told = (traits.hostname, traits.attributes, traits.id, traits.domain);
        let expected = info.clone();
        prop_assert_eq!(told, (expected.hostname, expected.attributes, expected.id, expected.domain));
        prop_assert_eq!(words.to_v1(), info);
    }
}

/// What a task of the usual kind takes, beside its id.
#[test]
fn a_task_is_kept_in_few_bytes() {
    let status = TaskStatus {
        task_id: TASK.into(),
        agent_id: Some(AGENT.into()),
        state: TaskState::TaskRunning as i32,
        timestamp: Some(1.7e9),
        uuid: Some(vec![7; 16]),
        ..Default::default()
    };
    let record = v1::Task {
        name: "web".into(),
        task_id: TASK.into(),
        agent_id: AGENT.into(),
        framework_id: "framework".into(),
        resources: resources().to_v1(Format::PostRefinement),
        statuses: vec![status],
        ..Default::default()
    };
    let in_full = record.encoded_len();
    let task = Task::new(&record, resources());
    let kept = std::mem::size_of::<Task>() + task.encoded_len();
    assert!(kept < 200 && kept < in_full, "{kept} of {in_full}");
}
