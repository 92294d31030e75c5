//! Who is in which group, as one node knows it: written by its broker and by those who join, read by all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{MEMBERS, SUBSCRIPTIONS};
use crate::group::handle::JoinError;
use crate::group::messages::GroupEvent;
use crate::node::Node;
use crate::pid::AnyPid;

/// A group and one of its members.
pub(super) type Place = (Arc<str>, AnyPid);

#[derive(Default)]
pub(super) struct Roster {
    /// By group and member: the protocol that it speaks.
    groups: BTreeMap<Arc<str>, BTreeMap<AnyPid, Arc<str>>>,
    /// Those on this node that have joined.
    local: BTreeSet<Place>,
    /// What the broker has told others of.
    announced: BTreeSet<Place>,
    /// Where the two differ.
    changed: BTreeSet<Place>,
    pub(super) subscriptions: Vec<Subscription>,
}

/// Tells a subscriber, whose protocol only it knows.
type Tell = dyn Fn(&Node, GroupEvent) + Send + Sync;

/// Somebody who is told of the events of a group.
#[derive(Clone)]
pub(super) struct Subscription {
    pub(super) group: Arc<str>,
    pub(super) pid: AnyPid,
    pub(super) tell: Arc<Tell>,
    /// It has heard who is in the group.
    pub(super) begun: bool,
}

impl Roster {
    /// An actor of this node joins. Joining twice is joining once.
    pub(super) fn join(&mut self, place: Place, protocol: &str) -> Result<(), JoinError> {
        if self.local.contains(&place) {
            return Ok(());
        }
        if self.local.len() >= MEMBERS {
            return Err(JoinError::TooMany);
        }
        self.insert(&place, protocol);
        self.local.insert(place.clone());
        self.compare(place);
        Ok(())
    }

    /// An actor of this node leaves.
    pub(super) fn leave(&mut self, place: &Place) {
        if self.local.remove(place) {
            self.remove(place);
            self.compare(place.clone());
        }
    }

    /// An actor of this node has ended.
    pub(super) fn leave_all(&mut self, pid: &AnyPid) {
        let left = self.local.iter().filter(|(_, member)| member == pid);
        for place in left.cloned().collect::<Vec<_>>() {
            self.leave(&place);
        }
    }

    pub(super) fn subscribe(&mut self, subscription: Subscription) -> Result<(), JoinError> {
        if self.subscriptions.len() >= SUBSCRIPTIONS {
            return Err(JoinError::TooMany);
        }
        self.subscriptions.push(subscription);
        Ok(())
    }

    /// The next change on this node that is to be told to others: who, and whether it joined.
    pub(super) fn next_change(&mut self) -> Option<(Place, bool)> {
        let place = self.changed.pop_first()?;
        let joined = self.local.contains(&place);
        match joined {
            true => self.announced.insert(place.clone()),
            false => self.announced.remove(&place),
        };
        Some((place, joined))
    }

    /// What others were told, with the protocols.
    pub(super) fn announced(&self) -> impl Iterator<Item = (&Place, &str)> {
        self.announced.iter().map(|place| {
            let protocol = self
                .groups
                .get(&place.0)
                .and_then(|group| group.get(&place.1));
            // Gone already, which the next change will tell.
            (place, protocol.map_or("", |protocol| protocol))
        })
    }

    /// Those of whom subscribers of the group were told, as it is before the next change.
    pub(super) fn told_members(&self, group: &Arc<str>) -> Vec<AnyPid> {
        let mut members: BTreeSet<_> = self.members(group).map(|(member, _)| member).collect();
        for place in &self.changed {
            if place.0 == *group {
                match self.announced.contains(place) {
                    true => members.insert(&place.1),
                    false => members.remove(&place.1),
                };
            }
        }
        members.into_iter().cloned().collect()
    }

    /// Forgets all but the members on this node, of whom nobody was told yet, and the subscribers, who will
    /// hear of them again.
    pub(super) fn begin_anew(&mut self) {
        let local = &self.local;
        for (group, members) in &mut self.groups {
            members.retain(|member, _| local.contains(&(group.clone(), member.clone())));
        }
        self.groups.retain(|_, members| !members.is_empty());
        self.announced.clear();
        self.changed = self.local.clone();
        for subscription in &mut self.subscriptions {
            subscription.begun = false;
        }
    }

    pub(super) fn is_announced(&self, pid: &AnyPid) -> bool {
        self.announced.iter().any(|(_, member)| member == pid)
    }

    pub(super) fn protocol(&self, place: &Place) -> Option<&Arc<str>> {
        self.groups.get(&place.0)?.get(&place.1)
    }

    /// True if it was not there.
    pub(super) fn insert(&mut self, (group, member): &Place, protocol: &str) -> bool {
        let members = self.groups.entry(group.clone()).or_default();
        members
            .insert(member.clone(), Arc::from(protocol))
            .is_none()
    }

    /// True if it was there.
    pub(super) fn remove(&mut self, (group, member): &Place) -> bool {
        let Some(members) = self.groups.get_mut(group) else {
            return false;
        };
        let removed = members.remove(member).is_some();
        if members.is_empty() {
            self.groups.remove(group);
        }
        removed
    }

    /// The members of a group, with their protocols.
    pub(super) fn members(&self, group: &str) -> impl Iterator<Item = (&AnyPid, &str)> {
        let members = self.groups.get(group).into_iter().flatten();
        members.map(|(member, protocol)| (member, &**protocol))
    }

    fn compare(&mut self, place: Place) {
        match self.local.contains(&place) == self.announced.contains(&place) {
            true => self.changed.remove(&place),
            false => self.changed.insert(place),
        };
    }
}
