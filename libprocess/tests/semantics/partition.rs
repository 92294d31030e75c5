//! What a partition looks like to actors: a simulated network, virtual time, real QUIC.

use std::time::Duration;

use crate::common::on_both;

include!("../../examples/shared/counter.rs");

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_partition_is_noticed_and_heals() {
    on_both(7, |net| async move {
        let a = net.node("10.0.0.1:5050").await;
        let b = net.node("10.0.0.2:5050").await;
        let counter = b.spawn("counter", |_| Counter(0)).unwrap();
        assert_eq!(a.ask(&counter, Add(1), SECOND).await, Ok(1));

        let exited = a.monitor(&counter);
        net.partition(&[&a], &[&b]);
        assert_eq!(exited.await.reason, ExitReason::Disconnected);

        net.heal();
        assert_eq!(a.ask(&counter, Add(1), SECOND).await, Ok(2));
    });
}
