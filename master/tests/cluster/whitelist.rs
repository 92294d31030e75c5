//! `--whitelist`, with a real file that changes.

use std::time::Duration;

use mesos::v1::scheduler::{Call, call};
use mesos_master::config::Config;
use mesos_master::registrar::MemoryStorage;
use mesos_master::{Master, StartError};

use crate::fakes::AgentLife;
use crate::world::{Framework, agent, run, start_with, until};

/// Far more than the file is left unread.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn hosts_are_offered_while_the_file_names_them() {
    run(|node| async move {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts = folder.path().join("hosts");
        std::fs::write(&hosts, "elsewhere\n").expect("a file");
        let config = Config {
            whitelist: Some(hosts.clone()),
            ..Config::default()
        };
        let master = start_with(config, &node, &MemoryStorage::default()).await;
        let (_, _life) = agent(&node, &master, AgentLife::default(), true);
        let mut framework = Framework::subscribe(&node, &master, None, "f").await;
        until(&master, "the agent is there", |view| {
            view.cluster.agents.len() == 1
        })
        .await;
        let offers = || master.view.borrow().cluster.offers.len();
        tokio::time::sleep(LONG).await;
        assert_eq!(offers(), 0);

        std::fs::write(&hosts, "elsewhere\nhere\n").expect("a file");
        let offer = framework.offer().await;

        // What cannot be understood changes nothing; an empty file means nobody.
        std::fs::write(&hosts, "not a host\n").expect("a file");
        decline(&framework, offer.id).await;
        let offer = framework.offer().await;
        std::fs::write(&hosts, "").expect("a file");
        tokio::time::sleep(LONG).await;
        decline(&framework, offer.id).await;
        tokio::time::sleep(LONG).await;
        assert_eq!(offers(), 0);
    });
}

#[test]
fn a_master_without_the_file_it_is_told_to_use_does_not_start() {
    run(|node| async move {
        let config = Config {
            whitelist: Some("/nowhere/hosts".into()),
            ..Config::default()
        };
        let started = Master::start(config, &node).await;
        let Err(error @ StartError::Whitelist(_)) = started else {
            panic!("started: {started:?}");
        };
        let error = error.to_string();
        assert!(error.starts_with("--whitelist: cannot read /nowhere/hosts: "));
    });
}

async fn decline(framework: &Framework, offer: mesos::v1::OfferId) {
    let decline = call::Decline {
        offer_ids: vec![offer],
        filters: None,
    };
    let call = Call {
        decline: Some(decline),
        ..Default::default()
    };
    framework.call(call::Type::Decline, call).await;
}
