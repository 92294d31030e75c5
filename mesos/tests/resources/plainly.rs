//! Resources on their protobuf form, written as plainly as the rules read: the reference that the
//! representation in use is compared with, in meaning by tests and in speed by the benchmarks.
//!
//! A multiset is a list of messages with the reservations as stacks. Each operation looks for an
//! item that agrees in all fields that matter, one by one.
#![allow(deprecated)] // The old form of a reservation is read here too.

use std::collections::BTreeSet;

use mesos::v1::resource::disk_info::source;
use mesos::v1::resource::{ReservationInfo, reservation_info};
use mesos::v1::{Resource, value};

/// A multiset of messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages(Vec<Item>);

#[derive(Clone, Debug)]
struct Item {
    resource: Resource,
    /// How many use it, if it is shared.
    users: Option<u32>,
}

impl Messages {
    /// Reads messages that are valid.
    pub(crate) fn of(messages: &[Resource]) -> Messages {
        let mut all = Messages::default();
        for message in messages {
            validate(message).expect("a valid resource");
            all.add_one(&item(upgraded(message.clone())));
        }
        all
    }

    /// Reads the text form; `None` if something is wrong with it.
    pub(crate) fn parse(text: &str) -> Option<Messages> {
        let mut all = Messages::default();
        for token in text
            .split([';', '\n'])
            .map(str::trim)
            .filter(|token| !token.is_empty())
        {
            let resource = parse_one(token)?;
            validate(&resource)?;
            all.counts_alike(&resource)?;
            all.add_one(&item(upgraded(resource)));
        }
        Some(all)
    }

    /// Everything of one name is counted in one way.
    fn counts_alike(&self, resource: &Resource) -> Option<()> {
        let mut same_name = self.0.iter().map(|item| &item.resource);
        let unlike = same_name.any(|it| it.name == resource.name && it.r#type != resource.r#type);
        (!unlike).then_some(())
    }

    pub(crate) fn add(&mut self, other: &Messages) {
        other.0.iter().for_each(|item| self.add_one(item));
    }

    pub(crate) fn subtract(&mut self, other: &Messages) {
        other.0.iter().for_each(|item| self.subtract_one(item));
    }

    pub(crate) fn contains(&self, other: &Messages) -> bool {
        let mut remaining = self.clone();
        other.0.iter().all(|wanted| {
            let found = remaining.0.iter().any(|item| item.contains(wanted));
            if found && is_indivisible(&wanted.resource) {
                remaining.subtract_one(wanted);
            }
            found
        })
    }

    pub(crate) fn equals(&self, other: &Messages) -> bool {
        self.contains(other) && other.contains(self)
    }

    /// One message for each copy, in some order, without what does not count.
    pub(crate) fn normal(&self) -> Vec<String> {
        let copies = |item: &Item| item.users.unwrap_or(1) as usize;
        let texts = self.0.iter().flat_map(|item| {
            let mut resource = item.resource.clone();
            if let Some(disk) = &mut resource.disk {
                disk.volume = None;
                disk.persistence
                    .iter_mut()
                    .for_each(|it| it.principal = None);
            }
            vec![serde_json::to_string(&resource).unwrap(); copies(item)]
        });
        let mut texts: Vec<String> = texts.collect();
        texts.sort();
        texts
    }

    fn add_one(&mut self, more: &Item) {
        if is_empty(&more.resource) {
            return;
        }
        match self
            .0
            .iter_mut()
            .find(|item| item.agrees(more) && item.adds_up())
        {
            Some(found) => found.add(more),
            None => self.0.push(more.clone()),
        }
    }

    fn subtract_one(&mut self, less: &Item) {
        if let Some(at) = self.0.iter().position(|item| item.agrees(less)) {
            let found = &mut self.0[at];
            found.subtract(less);
            if is_empty(&found.resource) || found.users == Some(0) {
                self.0.remove(at);
            }
        }
    }
}

impl Item {
    /// Whether amounts of both may be added, subtracted and compared.
    fn agrees(&self, other: &Item) -> bool {
        let (a, b) = (&self.resource, &other.resource);
        let alike = a.name == b.name
            && a.r#type == b.r#type
            && a.provider_id == b.provider_id
            && a.reservations == b.reservations
            && a.revocable.is_some() == b.revocable.is_some()
            && a.shared.is_some() == b.shared.is_some()
            && role_of(a) == role_of(b)
            && same_disk(a, b);
        alike && (!is_indivisible(a) || milli(a) == milli(b))
    }

    /// Whether two that agree become one.
    fn adds_up(&self) -> bool {
        self.users.is_some() || !is_indivisible(&self.resource)
    }

    fn contains(&self, wanted: &Item) -> bool {
        if !self.agrees(wanted) {
            return false;
        }
        if let (Some(have), Some(want)) = (self.users, wanted.users) {
            return have >= want;
        }
        let (have, want) = (&self.resource, &wanted.resource);
        if have.scalar.is_some() {
            return milli(have) >= milli(want);
        }
        if let (Some(have), Some(want)) = (&have.ranges, &want.ranges) {
            let inside = |it: &value::Range| {
                have.range
                    .iter()
                    .any(|range| range.begin <= it.begin && it.end <= range.end)
            };
            return want.range.iter().all(inside);
        }
        let words = |of: &Resource| of.set.clone().unwrap_or_default().item;
        words(want).iter().all(|word| words(have).contains(word))
    }

    fn add(&mut self, more: &Item) {
        if let (Some(have), Some(more)) = (&mut self.users, more.users) {
            *have += more;
            return;
        }
        let sum = milli(&self.resource) + milli(&more.resource);
        if let Some(scalar) = &mut self.resource.scalar {
            scalar.value = sum as f64 / 1000.0;
        }
        if let (Some(have), Some(more)) = (&mut self.resource.ranges, &more.resource.ranges) {
            have.range.extend(more.range.iter().cloned());
            coalesce(&mut have.range);
        }
        if let (Some(have), Some(more)) = (&mut self.resource.set, &more.resource.set) {
            for word in &more.item {
                if !have.item.contains(word) {
                    have.item.push(word.clone());
                }
            }
            have.item.sort();
        }
    }

    fn subtract(&mut self, less: &Item) {
        if let (Some(have), Some(less)) = (&mut self.users, less.users) {
            *have = have.saturating_sub(less);
            return;
        }
        let left = (milli(&self.resource) - milli(&less.resource)).max(0);
        if let Some(scalar) = &mut self.resource.scalar {
            scalar.value = left as f64 / 1000.0;
        }
        if let (Some(have), Some(less)) = (&mut self.resource.ranges, &less.resource.ranges) {
            less.range
                .iter()
                .for_each(|hole| cut(&mut have.range, hole));
        }
        if let (Some(have), Some(less)) = (&mut self.resource.set, &less.resource.set) {
            have.item.retain(|word| !less.item.contains(word));
        }
    }
}

fn item(resource: Resource) -> Item {
    Item {
        users: resource.shared.as_ref().map(|_| 1),
        resource,
    }
}

fn milli(resource: &Resource) -> i64 {
    let scalar = resource.scalar.as_ref();
    scalar.map_or(0, |scalar| (scalar.value * 1000.0).round() as i64)
}

fn is_empty(resource: &Resource) -> bool {
    let none = |count: Option<usize>| count.unwrap_or(0) == 0;
    milli(resource) <= 0
        && none(resource.ranges.as_ref().map(|ranges| ranges.range.len()))
        && none(resource.set.as_ref().map(|set| set.item.len()))
}

fn role_of(resource: &Resource) -> Option<&String> {
    resource.allocation_info.as_ref()?.role.as_ref()
}

fn is_indivisible(resource: &Resource) -> bool {
    let Some(disk) = &resource.disk else {
        return false;
    };
    let whole = disk
        .source
        .as_ref()
        .is_some_and(|source| match source.r#type() {
            source::Type::Mount | source::Type::Block => true,
            source::Type::Raw => source.id.is_some(),
            source::Type::Path | source::Type::Unknown => false,
        });
    whole || disk.persistence.is_some()
}

fn same_disk(a: &Resource, b: &Resource) -> bool {
    match (&a.disk, &b.disk) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            let id = |it: &mesos::v1::resource::DiskInfo| it.persistence.clone().map(|it| it.id);
            a.source == b.source && id(a) == id(b)
        }
        _ => false,
    }
}

/// With the reservations as a stack, labels and amounts in order.
fn upgraded(mut resource: Resource) -> Resource {
    let role = resource.role.take().filter(|role| role != "*");
    let old = resource.reservation.take();
    if let (true, Some(role)) = (resource.reservations.is_empty(), role) {
        let kind = match old {
            Some(_) => reservation_info::Type::Dynamic,
            None => reservation_info::Type::Static,
        };
        resource.reservations.push(ReservationInfo {
            role: Some(role),
            r#type: Some(kind as i32),
            ..old.unwrap_or_default()
        });
    }
    for labels in resource
        .reservations
        .iter_mut()
        .filter_map(|it| it.labels.as_mut())
    {
        labels.labels.sort();
    }
    if let Some(ranges) = &mut resource.ranges {
        coalesce(&mut ranges.range);
    }
    if let Some(set) = &mut resource.set {
        set.item.sort();
    }
    resource
}

fn coalesce(ranges: &mut Vec<value::Range>) {
    ranges.sort_by_key(|range| (range.begin, range.end));
    let mut all: Vec<value::Range> = Vec::new();
    for range in ranges.drain(..) {
        match all.last_mut() {
            Some(last) if range.begin <= last.end.saturating_add(1) => {
                last.end = last.end.max(range.end)
            }
            _ => all.push(range),
        }
    }
    *ranges = all;
}

fn cut(ranges: &mut Vec<value::Range>, hole: &value::Range) {
    let mut all = Vec::new();
    for range in ranges.drain(..) {
        if hole.end < range.begin || range.end < hole.begin {
            all.push(range);
            continue;
        }
        if range.begin < hole.begin {
            all.push(value::Range {
                begin: range.begin,
                end: hole.begin - 1,
            });
        }
        if hole.end < range.end {
            all.push(value::Range {
                begin: hole.end + 1,
                end: range.end,
            });
        }
    }
    *ranges = all;
}

fn parse_one(token: &str) -> Option<Resource> {
    let (left, text) = token.split_once(':')?;
    let (name, role) = match left.split_once('(') {
        None => (left.trim(), "*"),
        Some((name, rest)) => (name.trim(), rest.trim().strip_suffix(')')?.trim()),
    };
    let mut resource = Resource {
        name: name.to_owned(),
        role: Some(role.to_owned()),
        ..Default::default()
    };
    let text = text.trim();
    let inside = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    if let Some(inside) = inside('[', ']') {
        resource.set_type(value::Type::Ranges);
        let range = inside.split(',').map(|range| {
            let (begin, end) = range.split_once('-')?;
            let (begin, end) = (begin.trim().parse().ok()?, end.trim().parse().ok()?);
            Some(value::Range { begin, end })
        });
        resource.ranges = Some(value::Ranges {
            range: range.collect::<Option<_>>()?,
        });
    } else if let Some(inside) = inside('{', '}') {
        resource.set_type(value::Type::Set);
        let item = inside
            .split(',')
            .map(|word| word.trim().to_owned())
            .collect();
        resource.set = Some(value::Set { item });
    } else {
        resource.set_type(value::Type::Scalar);
        resource.scalar = Some(value::Scalar {
            value: text.parse().ok()?,
        });
    }
    Some(resource)
}

fn validate(resource: &Resource) -> Option<()> {
    let amount = match resource.r#type() {
        value::Type::Scalar => resource.scalar.is_some_and(|scalar| {
            let whole = resource.name != "gpus" || scalar.value.fract() == 0.0;
            whole && scalar.value >= 0.0 && scalar.value.is_finite()
        }),
        value::Type::Ranges => resource.ranges.as_ref().is_some_and(are_apart),
        value::Type::Set => resource.set.as_ref().is_some_and(are_different),
        value::Type::Text => false,
    };
    let amounts = [
        resource.scalar.is_some(),
        resource.ranges.is_some(),
        resource.set.is_some(),
    ];
    let one = amounts.into_iter().filter(|set| *set).count() == 1;
    let disk = resource.disk.as_ref();
    let volume = disk.is_some_and(|disk| disk.persistence.is_some());
    let fitting = (disk.is_none() || resource.name == "disk")
        && (resource.shared.is_none() || volume)
        && are_stacked(&resource.reservations);
    mesos::roles::validate(resource.role()).ok()?;
    (amount && one && fitting && !resource.name.is_empty()).then_some(())
}

fn are_apart(ranges: &value::Ranges) -> bool {
    let mut ranges = ranges.range.clone();
    ranges.sort_by_key(|range| range.begin);
    ranges.iter().all(|range| range.begin <= range.end)
        && ranges.windows(2).all(|pair| pair[0].end < pair[1].begin)
}

fn are_different(words: &value::Set) -> bool {
    let different: BTreeSet<&String> = words.item.iter().collect();
    different.len() == words.item.len()
}

fn are_stacked(reservations: &[ReservationInfo]) -> bool {
    let valid =
        |it: &ReservationInfo| it.role() != "*" && mesos::roles::validate(it.role()).is_ok();
    let below = |pair: &[ReservationInfo]| {
        let dynamic = pair[1].r#type() == reservation_info::Type::Dynamic;
        dynamic && mesos::roles::is_strict_subrole(pair[1].role(), pair[0].role())
    };
    reservations.iter().all(valid) && reservations.windows(2).all(below)
}
