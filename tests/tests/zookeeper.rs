//! Replicated masters with a real ZooKeeper: elections, outages, what is stored there, and a cluster that loses its
//! leader.

use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use libprocess::prelude::Node;
use master::registrar::{Change, Record, Registry, Storage, StorageError, ZooKeeperStorage};
use mesos::election::zookeeper::ZooKeeper as Ensemble;
use mesos::election::{Candidacy, Elected, Election, Leader, Leadership};
use mesos::v1::{AgentId, AgentInfo};
use mesos::wire::Pb;
use mesos_tests::{Replicated, ZooKeeper, eventually, get, get_json};
use tokio::time::timeout;
use zookeeper_client::{CreateMode, CreateOptions};

/// Short, so that tests are: ten ticks of the server.
const SESSION: Duration = Duration::from_secs(2);

/// Everything here takes seconds; a loaded machine gets more.
const SOON: Duration = Duration::from_secs(60);

fn ensemble(url: &str) -> Ensemble {
    Ensemble::new(url.parse().expect("a URL of ZooKeeper"), SESSION)
}

fn elected(node: &Node, url: &str) -> Elected {
    Elected::new(node, Arc::new(ensemble(url)))
}

fn leader(port: u16) -> Leader {
    Leader::at(([127, 0, 0, 1], port).into(), "localhost")
}

async fn reaches(candidacy: &Candidacy, wanted: fn(&Leadership) -> bool) -> Leadership {
    let mut leadership = candidacy.leadership.clone();
    let reached = timeout(SOON, leadership.wait_for(wanted)).await;
    reached.expect("in time").expect("a contender").clone()
}

async fn leads(candidacy: &Candidacy) -> String {
    match reaches(candidacy, |l| matches!(l, Leadership::Leading(_))).await {
        Leadership::Leading(term) => term.node.expect("a node").to_string(),
        other => panic!("it is {other:?}"),
    }
}

async fn has_lost(candidacy: &Candidacy) {
    reaches(candidacy, |l| *l == Leadership::Lost).await;
}

async fn detects(election: &Elected, expected: Option<Leader>) {
    let mut detected = election.detect();
    let seen = timeout(SOON, detected.wait_for(|leader| *leader == expected)).await;
    seen.expect("in time").expect("a detector");
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_elect_a_leader_whom_others_find_and_step_down_when_zookeeper_is_gone() {
    let mut zookeeper = ZooKeeper::start();
    let url = zookeeper.url("", "/a/mesos");
    let nodes: Vec<Node> = (0..3).map(|_| Node::local()).collect();
    let [one, two, three] = [0, 1, 2].map(|n| elected(&nodes[n], &url));

    // Who looks before there are masters waits for them.
    detects(&three, None).await;
    let first = one.contend(leader(1)).await_node(&url).await;
    assert_eq!(leads(&first).await, "/json.info_0000000000");
    let second = two.contend(leader(2)).await_node(&url).await;
    detects(&three, Some(leader(1))).await;

    // As other programs read it.
    let client = ensemble(&url).client().await.expect("a client");
    let (data, _) = client
        .get_data("/json.info_0000000000")
        .await
        .expect("a node");
    let info: serde_json::Value = serde_json::from_slice(&data).expect("JSON");
    assert_eq!(info["address"]["ip"], "127.0.0.1");
    assert_eq!(
        (&info["port"], &info["pid"]),
        (&1.into(), &"master@127.0.0.1:1".into())
    );

    // An orderly end hands over at once.
    let before = Instant::now();
    first.withdraw().await;
    leads(&second).await;
    println!("handed over within {:?}", before.elapsed());
    detects(&three, Some(leader(2))).await;

    // A pause is no end, a longer one is; all goes on without a restart.
    zookeeper.pause();
    has_lost(&second).await;
    zookeeper.go_on();
    let third = two.contend(leader(2)).await_node(&url).await;
    leads(&third).await;
    detects(&three, Some(leader(2))).await;

    zookeeper.kill();
    has_lost(&third).await;
    let fourth = one.contend(leader(1));
    zookeeper.restart();
    leads(&fourth).await;
    detects(&three, Some(leader(1))).await;

    // Somebody removes the node.
    let node = leads(&fourth).await;
    let client = ensemble(&url).client().await.expect("a client");
    client.delete(&node, None).await.expect("a node to remove");
    has_lost(&fourth).await;
}

/// Waiting until others see the contender.
trait AwaitNode {
    async fn await_node(self, url: &str) -> Candidacy;
}

impl AwaitNode for Candidacy {
    async fn await_node(self, url: &str) -> Candidacy {
        let client = ensemble(url).client().await.expect("a client");
        let own = |names: &Vec<String>| names.iter().any(|name| name.starts_with("json.info_"));
        let began = Instant::now();
        while !client
            .list_children("/")
            .await
            .is_ok_and(|names| own(&names))
        {
            assert!(began.elapsed() < SOON, "nobody contends");
            tokio::task::yield_now().await;
        }
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_password_may_look_and_nothing_else() {
    let zookeeper = ZooKeeper::start();
    let (owner, stranger) = (
        zookeeper.url("me:secret@", "/mesos"),
        zookeeper.url("", "/mesos"),
    );
    let nodes: Vec<Node> = (0..3).map(|_| Node::local()).collect();
    let first = elected(&nodes[0], &owner);
    let candidacy = first.contend(leader(1));
    let node = leads(&candidacy).await;

    let looking = elected(&nodes[1], &stranger);
    detects(&looking, Some(leader(1))).await;
    let client = ensemble(&stranger).client().await.expect("a client");
    let refused = client.delete(&node, None).await;
    assert!(refused.is_err(), "a stranger removed the leader");
    let refused = client.set_data(&node, b"{}", None).await;
    assert!(refused.is_err(), "a stranger replaced the leader");

    // A stranger does not get to lead, and the registry is closed to it, before and after it was made.
    let third = elected(&nodes[2], &stranger);
    let contending = third.contend(leader(3));
    for made in [false, true] {
        if made {
            let storage = Box::new(ZooKeeperStorage::new(ensemble(&owner), None));
            storage.open().await.expect("a registry");
        }
        let storage = Box::new(ZooKeeperStorage::new(ensemble(&stranger), None));
        let error = storage.open().await.err().expect("an error").to_string();
        assert!(
            error.contains("password") && !error.contains("secret"),
            "{error}"
        );
    }
    assert_eq!(*contending.leadership.borrow(), Leadership::Contending);
}

fn agent(number: usize, bytes: usize) -> Change {
    Change::Put(Record::Agent {
        id: AgentId {
            value: format!("4b1a-S{number}"),
        },
        info: Pb(AgentInfo {
            hostname: "h".repeat(bytes),
            ..Default::default()
        }),
    })
}

fn apply(registry: &mut Registry, changes: &[Change]) {
    changes
        .iter()
        .cloned()
        .for_each(|change| registry.apply(change));
}

async fn stored(url: &str) -> Registry {
    let storage = Box::new(ZooKeeperStorage::new(ensemble(url), None));
    storage.read().await.expect("records").into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_in_zookeeper_keeps_batches_of_any_size_and_knows_one_writer() {
    let mut zookeeper = ZooKeeper::start();
    let url = zookeeper.url("me:secret@", "/mesos");
    let open = |term: Option<&str>| {
        Box::new(ZooKeeperStorage::new(ensemble(&url), term.map(Into::into))).open()
    };
    assert_eq!(stored(&url).await, Registry::default());
    let (records, mut writer) = open(None).await.expect("a registry");
    assert!(records.is_empty());

    // Small ones, the same record twice in a batch, one that goes, one larger than a node, many.
    let mut expected = Registry::default();
    let removal = match agent(1, 0) {
        Change::Put(record) => Change::Delete(record.key()),
        delete => delete,
    };
    let many: Vec<Change> = (0..5_000).map(|n| agent(n, 100)).collect();
    for batch in [
        vec![agent(0, 1), agent(1, 2), agent(1, 3)],
        vec![agent(2, 1), removal.clone(), agent(2, 5)],
        vec![agent(3, 3 << 20)],
        vec![agent(3, 1 << 20)],
        many,
        vec![removal.clone(), removal, agent(3, 5)],
    ] {
        apply(&mut expected, &batch);
        let (count, began) = (batch.len(), Instant::now());
        writer.store(batch).await.expect("stored");
        println!("{count} changes stored within {:?}", began.elapsed());
        let began = Instant::now();
        assert!(stored(&url).await == expected, "after a batch of {count}");
        println!("read within {:?}", began.elapsed());
    }

    // The way breaks while nothing is under way, and while something is: it is stored once.
    zookeeper.kill();
    let batch = vec![agent(7, 7)];
    apply(&mut expected, &batch);
    let mut storing = writer.store(batch);
    let early = timeout(Duration::from_millis(300), &mut storing).await;
    assert!(early.is_err(), "nobody can have stored it");
    zookeeper.restart();
    storing.await.expect("stored in the end");
    assert!(stored(&url).await == expected);

    // Whoever opens it is the writer from then on.
    let (records, mut second) = open(None).await.expect("a registry");
    assert!(records.into_iter().collect::<Registry>() == expected);
    let error = writer
        .store(vec![agent(8, 8)])
        .await
        .expect_err("a former writer");
    assert!(matches!(error, StorageError::Fenced), "{error}");
    second.store(vec![agent(9, 9)]).await.expect("stored");

    // A writer whose leadership is over writes nothing, even if nobody else has opened the registry yet.
    let client = ensemble(&url).client().await.expect("a client");
    let (data, _) = client.get_data("/registry/epoch").await.expect("an epoch");
    let options = client_options(&url);
    client
        .create("/term", &data, &options)
        .await
        .expect("a node");
    let (_, mut third) = open(Some("/term")).await.expect("a registry");
    third.store(vec![agent(10, 10)]).await.expect("stored");
    client.delete("/term", None).await.expect("removed");
    let error = third
        .store(vec![agent(11, 11)])
        .await
        .expect_err("a former leader");
    assert!(matches!(error, StorageError::Fenced), "{error}");
    let error = open(Some("/term")).await.err().expect("a former leader");
    assert!(matches!(error, StorageError::Fenced), "{error}");
}

fn client_options(url: &str) -> CreateOptions<'static> {
    CreateMode::Persistent.with_acls(ensemble(url).acls())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_a_crash_cut_in_two_is_found_whole_or_not_at_all() {
    let zookeeper = ZooKeeper::start();
    let url = zookeeper.url("", "/mesos");
    let storage = || Box::new(ZooKeeperStorage::new(ensemble(&url), None));
    let (_, mut writer) = storage().open().await.expect("a registry");
    let before = vec![agent(0, 1)];
    writer.store(before.clone()).await.expect("stored");
    // Two pieces of the journal, and several transactions for the records.
    let batch: Vec<Change> = (0..1_200).map(|n| agent(n, 600)).collect();
    let mut none = Registry::default();
    apply(&mut none, &before);
    let mut all = none.clone();
    apply(&mut all, &batch);
    let (mut seen_none, mut seen_all) = (false, false);
    // A writer that dies after some steps: each time one later, until it comes to the end.
    for steps in 1.. {
        let (records, mut writer) = storage().open().await.expect("a registry");
        let found: Registry = records.into_iter().collect();
        assert!(found == none, "it is back at the beginning");
        let whole = after_steps(steps, writer.store(batch.clone()))
            .await
            .is_some();
        drop(writer);
        let read = stored(&url).await;
        assert!(read == none || read == all, "a reader sees a half batch");
        let (opened, mut writer) = storage().open().await.expect("a registry");
        let opened: Registry = opened.into_iter().collect();
        assert!(opened == none || opened == all, "half a batch is found");
        (seen_none, seen_all) = (seen_none | (opened == none), seen_all | (opened == all));
        if whole {
            assert!(opened == all);
            println!("the batch takes {steps} steps");
            break;
        }
        let removals = batch.iter().map(|change| match change {
            Change::Put(record) => Change::Delete(record.key()),
            delete => delete.clone(),
        });
        let beginning = removals.chain(before.clone()).collect();
        writer.store(beginning).await.expect("removed");
    }
    assert!(seen_none && seen_all);
}

/// What a future gives if it does so before it has gone on so many times; it is dropped then.
async fn after_steps<T>(steps: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut left = steps;
    std::future::poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ensemble_that_loses_one_of_three_servers_goes_on_with_the_same_leader_and_writer() {
    let mut zookeeper = ZooKeeper::of(3);
    let url = zookeeper.url("", "/mesos");
    // Servers need a while to elect a leader of their own, on a loaded machine even longer.
    let patient = Ensemble::new(url.parse().expect("a URL"), Duration::from_secs(40));
    let node = Node::local();
    let election = Elected::new(&node, Arc::new(patient.clone()));
    let candidacy = election.contend(leader(1));
    let term = leads(&candidacy).await;
    let storage = ZooKeeperStorage::new(patient, Some(term.into()));
    let (_, mut writer) = Box::new(storage).open().await.expect("a registry");
    let chief = (0..3)
        .find(|server| zookeeper.leads(*server))
        .expect("a server that leads");
    zookeeper.kill_one(chief);
    let batch = vec![agent(1, 1)];
    writer.store(batch.clone()).await.expect("stored");
    let mut expected = Registry::default();
    apply(&mut expected, &batch);
    assert!(stored(&url).await == expected);
    assert!(matches!(
        *candidacy.leadership.borrow(),
        Leadership::Leading(_)
    ));
    zookeeper.restart();
}

#[test]
fn three_masters_lose_their_leader_and_a_task_goes_on() {
    let mut cluster = Replicated::start(3);
    let leader = cluster.leader();
    cluster.wait_for_agents(1);

    // Who stands by says who leads, and answers for itself.
    let standby = (0..3).find(|master| *master != leader).expect("a standby");
    let address = cluster.address(standby).to_owned();
    let answer = get(&address, "/master/state?x=y").expect("an answer");
    assert_eq!(answer.status, 307);
    assert_eq!(
        answer.location,
        format!("//{}/master/state?x=y", cluster.address(leader))
    );
    let answer = get(&address, "/redirect").expect("an answer");
    assert_eq!(answer.status, 307);
    assert_eq!(answer.location, format!("//{}", cluster.address(leader)));
    assert_eq!(get(&address, "/redirect/x").expect("an answer").status, 404);
    for path in ["/health", "/version", "/flags", "/metrics/snapshot"] {
        assert_eq!(
            get(&address, path).expect("an answer").status,
            200,
            "{path}"
        );
    }
    let snapshot = get_json(&address, "/metrics/snapshot").expect("metrics");
    assert_eq!(snapshot["master/elected"], 0.0);
    let state = get_json(cluster.address(leader), "/state").expect("a state");
    assert_eq!(state["leader_info"]["id"], state["id"]);

    let mut run = cluster.run(&["sh", "-c", "echo begun; sleep 8; echo ended"]);
    eventually("the task runs", SOON, || {
        run.stdout().contains("begun").then_some(())
    });
    let before = Instant::now();
    cluster.kill_9(leader);
    let next = cluster.leader();
    assert_ne!(next, leader);
    cluster.wait_for_agents(1);
    println!("another leads with the agent after {:?}", before.elapsed());
    let code = run.wait(SOON);
    assert_eq!(
        (code, run.stdout().as_str()),
        (Some(0), "begun\nended\n"),
        "{}",
        run.stderr()
    );

    // An orderly end hands over at once; the last one leads, and the first comes back.
    let before = Instant::now();
    cluster.interrupt(next);
    let last = cluster.leader();
    println!("ended in order, another leads after {:?}", before.elapsed());
    cluster.wait_for_agents(1);
    cluster.restart(leader);
    eventually("the first stands by", SOON, || {
        (get(cluster.address(leader), "/state")?.status == 307).then_some(())
    });
    assert_eq!(cluster.leader(), last);

    // A leader that stands still is replaced, and knows that it was before it does anything.
    cluster.pause(last, true);
    let another = cluster.leader();
    cluster.wait_for_agents(1);
    cluster.pause(last, false);
    eventually("it stands by", SOON, || {
        (get(cluster.address(last), "/state")?.status == 307).then_some(())
    });
    assert!(cluster.leads(another));
    cluster.wait_for_agents(1);

    // What is stored is shown, saved and put back.
    let shown = cluster.mesos(&["registry", "show", "--json", &cluster.zk_flag()]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["agent"].as_array().map(Vec::len), Some(1), "{shown}");
    let file = cluster.folder().join("backup").display().to_string();
    cluster.mesos(&["registry", "backup", &cluster.zk_flag(), &file]);
    let refused = cluster.fails(&["registry", "restore", &cluster.zk_flag(), &file]);
    assert!(refused.contains("stop the masters first"), "{refused}");

    // Without masters it is put elsewhere, and back in place of what is there.
    for master in 0..3 {
        cluster.interrupt(master);
    }
    let elsewhere = format!("--zk={}", cluster.zookeeper.url("me:secret@", "/other"));
    cluster.mesos(&["registry", "restore", &elsewhere, &file]);
    let copied = cluster.mesos(&["registry", "show", "--json", &elsewhere]);
    let copied: serde_json::Value = serde_json::from_str(&copied).expect("JSON");
    assert_eq!(copied, shown);
    let empty = cluster.folder().join("empty").display().to_string();
    std::fs::write(&empty, "mesos-registry 1\n").expect("a file");
    let refused = cluster.fails(&["registry", "restore", &elsewhere, &empty]);
    assert!(refused.contains("say --force"), "{refused}");
    cluster.mesos(&["registry", "restore", "--force", &elsewhere, &empty]);
    let nothing = cluster.mesos(&["registry", "show", "--json", &elsewhere]);
    assert_eq!(nothing.trim(), "{}");

    cluster.mesos(&["registry", "restore", "--force", &cluster.zk_flag(), &empty]);
    cluster.mesos(&["registry", "restore", &cluster.zk_flag(), &file]);
    for master in 0..3 {
        cluster.restart(master);
    }
    let leader = cluster.leader();
    cluster.wait_for_agents(1);
    let agents = get_json(cluster.address(leader), "/slaves").expect("agents");
    assert_eq!(agents["slaves"][0]["id"], shown["agent"][0]["id"]["value"]);
}
