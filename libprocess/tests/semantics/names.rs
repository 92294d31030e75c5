//! Names: asking who has one.

use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim;

use crate::common::{Counter, CounterProtocol, Total, WatcherProtocol};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_name_is_found_here_and_there_and_means_one_life() {
    sim::run(1, |net| async move {
        let a = net.node("10.0.0.1:5050").await;
        let b = net.node("10.0.0.2:5050").await;
        let counter = b.spawn("counter", |_| Counter(7)).unwrap();
        assert_eq!(
            b.whereis::<CounterProtocol>("counter"),
            Some(counter.clone())
        );
        assert_eq!(
            b.whereis::<WatcherProtocol>("counter"),
            None,
            "another protocol"
        );
        assert_eq!(b.whereis::<CounterProtocol>("nobody"), None);
        assert_eq!(
            a.whereis::<CounterProtocol>("counter"),
            None,
            "on another node"
        );

        let there = b.address();
        let found = a
            .whereis_at::<CounterProtocol>(there, "counter", SECOND)
            .await;
        assert_eq!(found, Ok(Some(counter.clone())));
        let found = found.unwrap().unwrap();
        assert_eq!(a.ask(&found, Total, SECOND).await, Ok(7));
        let other = a
            .whereis_at::<WatcherProtocol>(there, "counter", SECOND)
            .await;
        assert_eq!(other, Ok(None));
        let nobody = a
            .whereis_at::<CounterProtocol>(there, "nobody", SECOND)
            .await;
        assert_eq!(nobody, Ok(None));

        // What was found is one life, not the name.
        let ended = b.monitor(&counter);
        b.stop(&counter);
        ended.await;
        b.spawn("counter", |_| Counter(8)).unwrap();
        let gone = AskError::Exited(ExitReason::NoProcess);
        assert_eq!(a.ask(&found, Total, SECOND).await, Err(gone));
        let found = a
            .whereis_at::<CounterProtocol>(there, "counter", SECOND)
            .await;
        let found = found.unwrap().unwrap();
        assert_eq!(a.ask(&found, Total, SECOND).await, Ok(8));

        net.crash(&b);
        let lost = a
            .whereis_at::<CounterProtocol>(there, "counter", SECOND)
            .await;
        assert!(lost.is_err(), "{lost:?}");
    });
}
