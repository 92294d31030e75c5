//! A containerizer under test, and what it told.
#![allow(dead_code, unreachable_pub)] // Each test program uses a part of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use libprocess::prelude::*;
use mesos::resources::Resources;
use mesos::v1;
use mesos_agent::containerizer::{
    CONTAINERIZER, Cgroups, ContainerConfig, ContainerListenerProtocol, Containerizer,
    ContainerizerConfig, ContainerizerProtocol, DEFAULT_PATH, Destroy, Isolation, KnownContainer,
    Launch, LaunchError, Launched, Subscribe, Terminated,
};
use tokio::sync::mpsc;

/// Far beyond what anything here takes, also on an emulated machine.
pub const SOON: Duration = Duration::from_secs(60);

pub struct World {
    node: Node,
    pub containerizer: Pid<ContainerizerProtocol>,
    terminated: mpsc::UnboundedReceiver<Terminated>,
    pub folder: tempfile::TempDir,
    cgroups_root: String,
    isolation: Isolation,
}

struct Listener(mpsc::UnboundedSender<Terminated>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Process for Listener {
    type Protocol = ContainerListenerProtocol;
}

impl Handler<Terminated> for Listener {
    type Result = ();

    fn handle(&mut self, terminated: Terminated, _: &mut Context<Self>) {
        self.0.send(terminated).expect("the test listens");
    }
}

/// Whether the test can run here; says so loudly if not.
pub fn can_use_cgroups() -> bool {
    let root = unique("mesos-probe");
    match Cgroups::detect(&root) {
        Ok(cgroups) => {
            cgroups.remove_root();
            true
        }
        Err(error) => {
            eprintln!("SKIPPED: control groups cannot be used here: {error}");
            false
        }
    }
}

pub fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "{name}-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

pub fn id(value: &str) -> v1::ContainerId {
    v1::ContainerId {
        value: value.to_owned(),
        ..Default::default()
    }
}

pub fn resources(text: &str) -> Resources {
    Resources::parse(text, "*").expect("resources")
}

impl World {
    pub async fn with_cgroups() -> World {
        let root = unique("mesos-test");
        let isolation = Isolation::linux(&root, true).expect("control groups");
        World::new(root, isolation, tempfile::tempdir().expect("a folder")).await
    }

    pub async fn posix() -> World {
        World::new(
            String::new(),
            Isolation::Posix,
            tempfile::tempdir().expect("a folder"),
        )
        .await
    }

    async fn new(cgroups_root: String, isolation: Isolation, folder: tempfile::TempDir) -> World {
        let (node, containerizer, terminated) = start(&isolation, folder.path()).await;
        World {
            node,
            containerizer,
            terminated,
            folder,
            cgroups_root,
            isolation,
        }
    }

    /// Another life of the same agent; whatever the first one started goes on.
    pub async fn restart(&mut self) {
        self.node.shutdown(SOON).await;
        (self.node, self.containerizer, self.terminated) =
            start(&self.isolation, self.folder.path()).await;
    }

    pub async fn stop(&self) {
        self.node.shutdown(SOON).await;
    }

    pub fn config(&self, container: &str, script: &str) -> ContainerConfig {
        ContainerConfig {
            command: v1::CommandInfo {
                value: Some(script.to_owned()),
                ..Default::default()
            },
            environment: [("PATH".to_owned(), DEFAULT_PATH.to_owned())].into(),
            sandbox: self.sandbox(container),
            resources: resources("cpus:1;mem:64"),
            ..ContainerConfig::default()
        }
    }

    pub fn sandbox(&self, container: &str) -> PathBuf {
        self.folder.path().join(container)
    }

    pub fn output(&self, container: &str) -> String {
        fs::read_to_string(self.sandbox(container).join("stdout")).unwrap_or_default()
    }

    pub async fn ask<M>(&self, message: M) -> M::Result
    where
        M: Message + Send + 'static,
        M::Result: Send + 'static,
        ContainerizerProtocol: Accepts<M>,
    {
        self.node
            .ask(&self.containerizer, message, SOON)
            .await
            .expect("an answer")
    }

    pub async fn try_launch(
        &self,
        name: &str,
        config: ContainerConfig,
    ) -> Result<Launched, LaunchError> {
        self.ask(Launch {
            container_id: id(name),
            config,
        })
        .await
    }

    pub async fn launch(&self, name: &str, script: &str) -> Launched {
        self.try_launch(name, self.config(name, script))
            .await
            .expect("launched")
    }

    pub async fn destroy(&self, name: &str) {
        self.ask(Destroy {
            container_id: id(name),
        })
        .await
        .expect("destroyed");
    }

    pub async fn terminated(&mut self) -> Terminated {
        tokio::time::timeout(SOON, self.terminated.recv())
            .await
            .expect("a container ends")
            .expect("the listener lives")
    }

    pub fn nobody_told(&mut self) -> bool {
        self.terminated.try_recv().is_err()
    }

    pub fn known(&self, name: &str, launched: Launched) -> KnownContainer {
        KnownContainer {
            container_id: id(name),
            pid: launched.pid,
            start_time: launched.start_time,
            resources: resources("cpus:1;mem:64"),
            command_executor: false,
            ..Default::default()
        }
    }

    /// What a file of the container's control group says, by its name in either version.
    pub fn cgroup(&self, name: &str, (v1, v2): (&str, &str)) -> Option<String> {
        let mount = Path::new("/sys/fs/cgroup");
        let group = Path::new(&self.cgroups_root).join(name);
        let path = if mount.join("cgroup.controllers").exists() {
            mount.join(group).join(v2)
        } else {
            let controller = v1.split('.').next().expect("a controller");
            mount.join(controller).join(group).join(v1)
        };
        Some(fs::read_to_string(path).ok()?.trim().to_owned())
    }

    pub fn cgroup_root_exists(&self) -> bool {
        self.cgroup("", ("memory.limit_in_bytes", "memory.max"))
            .is_some()
    }

    pub fn cgroup_exists(&self, name: &str) -> bool {
        self.cgroup(name, ("memory.limit_in_bytes", "memory.max"))
            .is_some()
    }
}

async fn start(
    isolation: &Isolation,
    folder: &Path,
) -> (
    Node,
    Pid<ContainerizerProtocol>,
    mpsc::UnboundedReceiver<Terminated>,
) {
    let node = Node::local();
    let config = ContainerizerConfig {
        isolation: isolation.clone(),
        runtime_dir: folder.join("runtime"),
    };
    let containerizer = Containerizer::new(config).expect("a containerizer");
    let containerizer = node
        .spawn(CONTAINERIZER, |_| containerizer)
        .expect("spawned");
    let (told, terminated) = mpsc::unbounded_channel();
    let listener = node.spawn("listener", |_| Listener(told)).expect("spawned");
    node.ask(&containerizer, Subscribe { listener }, SOON)
        .await
        .expect("subscribed");
    (node, containerizer, terminated)
}

impl Drop for World {
    fn drop(&mut self) {
        if let Isolation::Linux(cgroups) = &self.isolation {
            cgroups.remove_root();
        }
    }
}

/// Waits until something is so.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The processes that were started with this word in their environment or arguments.
pub fn processes_with(word: &str) -> Vec<u32> {
    fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|text| String::from_utf8_lossy(&text).contains(word))
        })
        .collect()
}
