//! Containers under real control groups, of whichever version the machine has. Needs root; the same
//! program is run on an emulated machine that has version 2 only.

mod support;

use mesos::resources::{Format, Resources};
use mesos::v1::task_status::Reason;
use mesos_agent::containerizer::{Destroy, GetLimitation, Recover, Status, Update, Usage};

use support::{World, can_use_cgroups, id, processes_with, resources, until};

const MB: u64 = 1 << 20;

/// Doubles a text until memory runs out; every shell can do that.
const EAT_MEMORY: &str = "x=xxxxxxxxxxxxxxxx; while true; do x=$x$x; done";

#[tokio::test]
async fn limits_are_in_force_before_the_first_instruction() {
    if !can_use_cgroups() {
        return;
    }
    let world = World::with_cgroups().await;
    let mut config = world.config("one", "cat /proc/self/cgroup; exec sleep 1000");
    config.resources = resources("cpus:2;mem:64");
    config.command_executor = true;
    world.try_launch("one", config).await.expect("launched");

    let limit = (64 + 32) * MB;
    let memory = |files| world.cgroup("one", files);
    assert_eq!(
        memory(("memory.limit_in_bytes", "memory.max")),
        Some(limit.to_string())
    );
    assert_eq!(
        memory(("memory.soft_limit_in_bytes", "memory.low")),
        Some(limit.to_string())
    );
    // 2.1 cpus: 2150 shares, which are a weight of 82.
    let share = world
        .cgroup("one", ("cpu.shares", "cpu.weight"))
        .expect("a share");
    assert!(["2150", "82"].contains(&share.as_str()), "{share}");
    let quota = world
        .cgroup("one", ("cpu.cfs_quota_us", "cpu.max"))
        .expect("a quota");
    assert!(quota.starts_with("210000"), "{quota}");

    until("its own control group is written", || {
        world.output("one").contains("/one")
    })
    .await;
    world.destroy("one").await;
}

#[tokio::test]
async fn borrowed_cpus_weigh_next_to_nothing() {
    if !can_use_cgroups() {
        return;
    }
    let world = World::with_cgroups().await;
    let mut config = world.config("one", "exec sleep 1000");
    let mut borrowed = resources("cpus:2").to_v1(Format::PostRefinement);
    borrowed[0].revocable = Some(Default::default());
    config.resources = resources("mem:64") + Resources::from_v1(&borrowed).expect("resources");
    config.command_executor = true;
    world.try_launch("one", config).await.expect("launched");
    // 2.1 cpus of 10 shares each; the least weight.
    let share = world
        .cgroup("one", ("cpu.shares", "cpu.weight"))
        .expect("a share");
    assert!(["21", "1"].contains(&share.as_str()), "{share}");
    world.destroy("one").await;
}

#[tokio::test]
async fn an_overrun_ends_the_container_and_is_reported() {
    if !can_use_cgroups() {
        return;
    }
    let mut world = World::with_cgroups().await;
    // The executor survives its child: the container must not.
    let mut config = world.config("one", &format!("sh -c '{EAT_MEMORY}'; exec sleep 1000"));
    config.resources = resources("cpus:1;mem:40");
    world.try_launch("one", config).await.expect("launched");
    let terminated = world.terminated().await;
    assert_eq!(terminated.container_id, id("one"));
    assert_eq!(terminated.status, Some(9), "the executor was killed");
    let limitation = terminated.limitation.expect("a limitation");
    assert_eq!(limitation.reason, Reason::ContainerLimitationMemory);
    assert!(
        limitation
            .message
            .starts_with("Memory limit exceeded: Requested: 40MB Maximum Used: "),
        "{}",
        limitation.message
    );
    let used = limitation.resources[0]
        .scalar
        .as_ref()
        .expect("an amount")
        .value;
    assert!((30.0..=40.0).contains(&used), "{used}");
    assert!(!world.cgroup_exists("one"));
}

#[tokio::test]
async fn an_overrun_is_known_at_once_to_who_asks() {
    if !can_use_cgroups() {
        return;
    }
    let mut world = World::with_cgroups().await;
    let script = format!("sh -c '{EAT_MEMORY}'; echo child gone; exec sleep 1000");
    let mut config = world.config("one", &script);
    config.resources = resources("cpus:1;mem:40");
    world.try_launch("one", config).await.expect("launched");
    assert_eq!(
        world
            .ask(GetLimitation {
                container_id: id("two")
            })
            .await,
        None
    );
    until("the child is killed", || {
        world.output("one").contains("child gone")
    })
    .await;
    let limitation = world
        .ask(GetLimitation {
            container_id: id("one"),
        })
        .await;
    // Either we were faster than the containerizer's own look, or it has told everybody.
    match limitation {
        Some(limitation) => assert_eq!(limitation.reason, Reason::ContainerLimitationMemory),
        None => assert!(world.terminated().await.limitation.is_some()),
    }
    until("the container is gone", || !world.cgroup_exists("one")).await;
}

#[tokio::test]
async fn destroy_leaves_nothing_behind() {
    if !can_use_cgroups() {
        return;
    }
    let mut world = World::with_cgroups().await;
    let word = support::unique("mesos-destroy-test");
    // Deaf to TERM, in a session of its own, an orphan, and forking all the time.
    let script = "trap '' TERM; setsid sh -c \"trap '' TERM; sleep 1000 & sleep 1000\" & \
                  (sleep 1000 &) ; while true; do sleep 0.01; done & \
                  echo started; while true; do sleep 1000; done";
    let mut config = world.config("one", script);
    config.environment.insert("WORD".to_owned(), word.clone());
    world.try_launch("one", config).await.expect("launched");
    until("all run", || processes_with(&word).len() >= 6).await;

    world.destroy("one").await;
    assert_eq!(processes_with(&word), [] as [u32; 0]);
    assert!(!world.cgroup_exists("one"));
    let terminated = world.terminated().await;
    assert_eq!((terminated.status, terminated.limitation), (Some(9), None));
    assert!(
        world
            .ask(Destroy {
                container_id: id("one")
            })
            .await
            .is_err(),
        "it is not known any more"
    );
    assert_eq!(
        std::fs::read_dir(world.folder.path().join("runtime"))
            .expect("a folder")
            .count(),
        0
    );
}

#[tokio::test]
async fn what_outlives_the_executor_is_killed_with_the_container() {
    if !can_use_cgroups() {
        return;
    }
    let mut world = World::with_cgroups().await;
    let word = support::unique("mesos-outlive-test");
    let mut config = world.config("one", "setsid sleep 1000 & exit 3");
    config.environment.insert("WORD".to_owned(), word.clone());
    world.try_launch("one", config).await.expect("launched");
    assert_eq!(world.terminated().await.status, Some(3 << 8));
    assert_eq!(processes_with(&word), [] as [u32; 0]);
    assert!(!world.cgroup_exists("one"));
}

#[tokio::test]
async fn nested_control_groups_are_destroyed_too() {
    if !can_use_cgroups() {
        return;
    }
    let world = World::with_cgroups().await;
    let script = "group=$(grep -E '^0:|:(freezer):' /proc/self/cgroup | head -n 1 | cut -d: -f3); \
                  mount=/sys/fs/cgroup; [ -d $mount/freezer ] && mount=$mount/freezer && \
                  group=$(grep ':freezer:' /proc/self/cgroup | cut -d: -f3); \
                  mkdir -p $mount$group/deep/er && sleep 1000 & \
                  sleep 1000";
    world.launch("one", script).await;
    world.destroy("one").await;
    assert!(!world.cgroup_exists("one"));
}

#[tokio::test]
async fn usage_is_measured_and_bounds_follow_the_tasks() {
    if !can_use_cgroups() {
        return;
    }
    let world = World::with_cgroups().await;
    let launched = world
        .launch(
            "one",
            "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; \
                                        echo done; exec sleep 1000",
        )
        .await;
    until("it has worked", || world.output("one").contains("done")).await;
    let usage = world
        .ask(Usage {
            container_id: id("one"),
        })
        .await
        .expect("statistics");
    assert_eq!(usage.cpus_limit, Some(1.0));
    assert_eq!(usage.mem_limit_bytes, Some(64 * MB));
    assert_eq!(usage.processes, Some(1));
    assert!(usage.cpus_user_time_secs > Some(0.0), "{usage:?}");
    assert!(usage.mem_total_bytes > Some(0), "{usage:?}");

    let update = |text| Update {
        container_id: id("one"),
        resources: resources(text),
        volumes: Vec::new(),
    };
    world
        .ask(update("cpus:0.5;mem:128"))
        .await
        .expect("updated");
    let usage = world
        .ask(Usage {
            container_id: id("one"),
        })
        .await
        .expect("statistics");
    assert_eq!(
        (usage.cpus_limit, usage.mem_limit_bytes),
        (Some(0.5), Some(128 * MB))
    );
    world.ask(update("cpus:0.5;mem:48")).await.expect("updated");
    let usage = world
        .ask(Usage {
            container_id: id("one"),
        })
        .await
        .expect("statistics");
    assert_eq!(
        usage.mem_limit_bytes,
        Some(48 * MB),
        "lowered, for less is in use"
    );

    let status = world
        .ask(Status {
            container_id: id("one"),
        })
        .await
        .expect("a status");
    assert_eq!(status.executor_pid, Some(launched.pid));
    world.destroy("one").await;
}

#[tokio::test]
async fn a_new_life_of_the_agent_finds_the_living_the_dead_and_the_orphans() {
    if !can_use_cgroups() {
        return;
    }
    let mut world = World::with_cgroups().await;
    let word = support::unique("mesos-recovery-test");
    let mut launched = Vec::new();
    for name in ["living", "dead", "orphan"] {
        let mut config = world.config(name, "sleep 1000");
        config
            .environment
            .insert("WORD".to_owned(), format!("{word}-{name}"));
        launched.push(world.try_launch(name, config).await.expect("launched"));
    }
    let known = vec![
        world.known("living", launched[0]),
        world.known("dead", launched[1]),
    ];
    world.restart().await;
    assert_ne!(
        processes_with(&format!("{word}-living")),
        [] as [u32; 0],
        "it outlives the agent"
    );
    for pid in processes_with(&format!("{word}-dead")) {
        assert!(
            std::process::Command::new("kill")
                .args(["-9", &pid.to_string()])
                .status()
                .is_ok()
        );
    }
    until("it is dead", || {
        processes_with(&format!("{word}-dead")).is_empty()
    })
    .await;

    let recovered = world.ask(Recover { known }).await.expect("recovered");
    assert_eq!(recovered.alive, [id("living")]);
    assert_eq!(recovered.gone, [id("dead")]);
    assert_eq!(recovered.orphans, ["orphan"]);
    assert_eq!(processes_with(&format!("{word}-orphan")), [] as [u32; 0]);
    let terminated = world.terminated().await;
    assert_eq!(
        (terminated.container_id, terminated.status),
        (id("dead"), None)
    );
    assert!(!world.cgroup_exists("dead") && !world.cgroup_exists("orphan"));
    assert!(world.cgroup_exists("living"));

    world.destroy("living").await;
    assert_eq!(world.terminated().await.container_id, id("living"));
    assert_eq!(processes_with(&word), [] as [u32; 0]);
}

#[tokio::test]
async fn another_agents_containers_are_not_touched_by_recovery() {
    if !can_use_cgroups() {
        return;
    }
    let one = World::with_cgroups().await;
    one.launch("mine", "sleep 1000").await;
    let other = World::with_cgroups().await;
    let recovered = other.ask(Recover::default()).await.expect("recovered");
    assert!(recovered.orphans.is_empty());
    assert!(one.cgroup_exists("mine"));
    one.destroy("mine").await;
}

#[tokio::test]
async fn an_agent_that_ends_without_containers_leaves_no_control_group() {
    if !can_use_cgroups() {
        return;
    }
    let mut world = World::with_cgroups().await;
    world.launch("one", "sleep 1000").await;
    world.restart().await;
    assert!(world.cgroup_exists("one"), "it outlives the agent");
    world.ask(Recover::default()).await.expect("recovered");
    assert!(!world.cgroup_exists("one"), "an orphan");
    assert!(world.cgroup_root_exists());
    world.stop().await;
    assert!(!world.cgroup_root_exists());
}
