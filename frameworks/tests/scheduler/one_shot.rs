//! `mesos run` and a master that hears less than was said.

use std::time::Duration;

use mesos::resources::Quantity;
use mesos::v1::scheduler::call;
use mesos_frameworks::run::{TaskDescription, start};
use tokio::sync::watch;

use crate::master::FakeMaster;

#[test]
fn a_run_asks_about_what_it_launched_until_it_hears_of_it() {
    crate::run(|world, node| async move {
        // Only the run speaks to this master.
        world.driver.stop();
        let mut master = FakeMaster::start(&node);
        let (_leader, detected) = watch::channel(Some(world.leader()));
        let description = TaskDescription {
            name: "t".to_owned(),
            command: vec!["true".to_owned()],
            resources: vec![("cpus".to_owned(), Quantity::from_whole(1))],
            role: "*".to_owned(),
            instances: 1,
            ..Default::default()
        };
        let _run = start(&node, detected, description).expect("a free name");
        let stream = master.subscribe().await;
        stream.offer("offer");
        // The launch is lost with the master that it was sent to, and so are the first answers.
        master.expect(call::Type::Accept).await;
        master.expect(call::Type::Suppress).await;
        for _ in 0..3 {
            let asked = master.expect(call::Type::Reconcile).await.reconcile;
            let tasks = asked.expect("what is asked").tasks;
            let [task] = &tasks[..] else {
                panic!("asked about {tasks:?}")
            };
            assert_eq!(
                (task.task_id.value.as_str(), &task.agent_id),
                ("t.0", &Some("agent".into()))
            );
        }
        stream.update("t.0");
        master.expect(call::Type::Acknowledge).await;
        assert!(master.is_left_alone_for(Duration::from_secs(60)).await);
    });
}
