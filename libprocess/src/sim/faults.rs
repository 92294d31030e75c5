//! What can go wrong in a simulated world.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::net::{Net, Place};
use super::rules::{Rule, RuleGuard, built_in};
use super::weather::{Duplicate, Latency, Loss, Reorder};
use super::world::Machine;

/// Faults of the network. They hold until they are set to something else.
impl Net {
    /// Nothing passes between `one` and `other` any more, in either direction, until
    /// [`heal`](Self::heal). What is under way is lost.
    pub fn partition<A: Place, B: Place>(&self, one: &[A], other: &[B]) {
        self.partition_one_way(one, other);
        self.partition_one_way(other, one);
    }

    /// Nothing passes from `from` to `to` any more; the other direction stays.
    pub fn partition_one_way<A: Place, B: Place>(&self, from: &[A], to: &[B]) {
        self.world.partition(|partition| {
            for from in from {
                let ways = to.iter().map(|to| (from.place(), to.place()));
                partition.0.extend(ways);
            }
        });
        self.messages.shared().look_out();
    }

    /// Ends all partitions.
    pub fn heal(&self) {
        self.world.partition(|partition| partition.0.clear());
    }

    /// Cuts a node off for the rest of its life, silently: what it sends is lost, and its address is
    /// free for another. [`heal`](Self::heal) does not bring it back.
    pub fn unplug(&self, node: &impl Place) {
        self.datagrams.unplug(node.place());
        self.messages.shared().unplug(node.place());
    }

    /// How long packets take; each draws its own time, so a wide range reorders them. The clock
    /// has a resolution of one millisecond. 1 ms until set.
    pub fn latency(&self, latency: RangeInclusive<Duration>) {
        self.set(built_in::LATENCY, Some(Latency(latency)));
    }

    /// Loses packets with this probability.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn loss(&self, probability: f64) {
        self.set(
            built_in::LOSS,
            chance(probability).then_some(Loss(probability)),
        );
        self.messages.shared().look_out();
    }

    /// Delivers packets twice with this probability.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn duplicate(&self, probability: f64) {
        let rule = chance(probability).then_some(Duplicate(probability));
        self.set(built_in::DUPLICATE, rule);
    }

    /// Holds packets up with this probability, each for a time of its own up to `longest`: those behind it overtake.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn reorder(&self, probability: f64, longest: Duration) {
        let rule = chance(probability).then_some(Reorder(probability, longest));
        self.set(built_in::REORDER, rule);
    }

    /// Lets so many bytes a second pass from each of `from` to each of `to`; [`u64::MAX`] ends that. What is sent
    /// faster waits, 256 KiB of it; what comes on top is lost.
    pub fn bandwidth<A: Place, B: Place>(&self, from: &[A], to: &[B], bytes_per_second: u64) {
        self.world.bandwidth(|bandwidth| {
            for from in from {
                for to in to {
                    bandwidth.set(from.place(), to.place(), bytes_per_second);
                }
            }
        });
    }

    /// A rule of the scenario's own, in force as long as its guard lives. A closure from packets to
    /// verdicts is one:
    ///
    /// ```
    /// # use libprocess::sim::{self, Verdict};
    /// # sim::run(1, |net| async move {
    /// // The first ten packets are lost.
    /// let mut left = 10;
    /// let rule = net.rule(move |_: &sim::Packet| match left {
    ///     0 => Verdict::Pass,
    ///     _ => { left -= 1; Verdict::Drop }
    /// });
    /// # let node = net.node("10.0.0.1:5050").await;
    /// drop(rule);
    /// # });
    /// ```
    pub fn rule(&self, rule: impl Rule) -> RuleGuard {
        let number = self.world.rules(|rules| rules.add(rule));
        self.messages.shared().look_out();
        RuleGuard::new(&self.world, number)
    }

    fn set(&self, number: u64, rule: Option<impl Rule>) {
        self.world.rules(|rules| match rule {
            Some(rule) => rules.set(number, rule),
            None => rules.remove(number),
        });
    }
}

/// Faults of machines.
impl Net {
    /// Lets a node take what arrives for it slowly: one packet in each `pause`; zero ends that. What its socket's
    /// buffer does not hold is lost.
    pub fn slow_reader(&self, node: &impl Place, pause: Duration) {
        let pause = (!pause.is_zero()).then_some(pause);
        self.datagrams.slow_down(node.place(), pause);
        self.messages.shared().slow_down(node.place(), pause);
    }

    /// Stops a node, as SIGSTOP does: nothing of it runs, it neither sends nor reads; time goes on. What the scenario
    /// itself waits for, like an ask made with the node, is no part of it.
    pub fn pause(&self, node: &impl Place) {
        self.world
            .machine(node.place(), |machine| machine.gate().clone())
            .close();
        self.messages.shared().look_out();
    }

    /// Lets a paused node run on: as if no time had passed for it, but all its timers are due.
    pub fn resume(&self, node: &impl Place) {
        self.world
            .machine(node.place(), |machine| machine.gate().clone())
            .open();
        self.messages.shared().resume(node.place());
    }

    /// Lets the power of a machine go in the middle of its work: when its node has handled so many messages more, and is
    /// about to handle the next. Nothing of the node runs from then on, and what it has not sent by then is not sent.
    /// `then` is called at that moment, whereupon the node has to be [crashed](Net::crash): it never runs on.
    pub fn fail_after(
        &self,
        node: &impl Place,
        messages: u32,
        then: impl FnOnce() + Send + 'static,
    ) {
        let fuse = |machine: &mut Machine| machine.fuse.clone();
        self.world.machine(node.place(), fuse).set(messages, then);
    }

    /// Spares a machine what [`fail_after`](Net::fail_after) has in store for it.
    pub fn spare(&self, node: &impl Place) {
        let fuse = |machine: &mut Machine| machine.fuse.clone();
        self.world.machine(node.place(), fuse).remove();
    }

    /// Sets a machine's clock on the wall forward; see [`Node::wall_time`](crate::Node::wall_time). Timers and
    /// deadlines go by another clock, which never jumps.
    pub fn clock_forward(&self, node: &impl Place, by: Duration) {
        self.move_clock(node, i64::try_from(by.as_nanos()).unwrap_or(i64::MAX));
    }

    /// Sets a machine's clock on the wall back.
    pub fn clock_back(&self, node: &impl Place, by: Duration) {
        self.move_clock(node, -i64::try_from(by.as_nanos()).unwrap_or(i64::MAX));
    }

    /// Lets time pass for everybody: what is due meanwhile happens in its order.
    pub async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    fn move_clock(&self, node: &impl Place, by: i64) {
        self.world
            .machine(node.place(), |machine| machine.move_clock(by));
    }
}

/// Whether it can happen at all.
#[track_caller]
fn chance(probability: f64) -> bool {
    assert!(
        (0.0..=1.0).contains(&probability),
        "{probability} is no probability"
    );
    probability > 0.0
}
