//! Resources from and to v1 messages.
//!
//! A reservation has two wire forms: the old one (`role`, and `reservation` if it is dynamic) and
//! the stack `reservations`, which alone can express refinement. Both are read, and both together
//! if they agree. `src/common/resources_utils.cpp` of Mesos.
#![allow(deprecated)] // The old form is deprecated, and still what most frameworks speak.

use super::gathering::Gathering;
use super::key::{Disk, Key, Kind, Special, What};
use super::name::Name;
use super::stack::{Reservation, ReservationKind, Stack};
use super::{Amount, Problem, Quantity, Range, Ranges, ResourceError, Resources, Words};
use crate::roles;
use crate::v1;
use crate::v1::resource::{ReservationInfo, disk_info::source, reservation_info};
use crate::v1::value;

/// How reservations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `role` and `reservation`: for peers without the capability RESERVATION_REFINEMENT.
    /// A refined reservation cannot be written so and gets the new form; whoever sends to such
    /// peers leaves refined reservations out before.
    PreRefinement,
    /// `reservations`: for peers that have it, and for ourselves.
    PostRefinement,
    /// Both, where possible: for tools that read our endpoints.
    Endpoint,
}

impl Resources {
    /// Reads resources of a message.
    ///
    /// # Errors
    /// The first rule of Mesos' `Resources::validate` that is broken, naming resource and field.
    pub fn from_v1<'a>(
        messages: impl IntoIterator<Item = &'a v1::Resource>,
    ) -> Result<Resources, ResourceError> {
        let mut gathering = Gathering::default();
        let mut stacks = Stacks::default();
        for message in messages {
            let reader = Reader { message };
            let info = message.allocation_info.as_ref();
            let role = info.and_then(|info| info.role.as_deref());
            let (kind, amount) = reader.amount()?;
            let reservations = stacks.of(&reader)?;
            let group = gathering.group(role, reservations);
            let (what, amount) = match reader.is_bare() {
                true => (What::plain(message.name.as_str().into(), kind), amount),
                false => reader.special(kind, amount)?,
            };
            gathering.add(group, what, amount);
        }
        Ok(gathering.finish())
    }

    /// Writes resources for a message, ordered by key. Each copy of something shared or
    /// indivisible is one message, so that reading them again gives the same multiset.
    pub fn to_v1(&self, format: Format) -> Vec<v1::Resource> {
        let mut messages = Vec::new();
        for (key, amount) in self.iter() {
            let copies = match amount {
                Amount::Copies(count) => count as usize,
                _ => 1,
            };
            let message = write(key, &amount, format);
            messages.extend(std::iter::repeat_n(message, copies));
        }
        messages
    }

    /// Writes resources for a peer that knows nothing of refined reservations.
    ///
    /// # Errors
    /// The first resource that is reserved more than once: it cannot be said in the old form.
    pub fn to_old_v1(&self) -> Result<Vec<v1::Resource>, ResourceError> {
        match self.keys().find(|key| key.reservations.len() > 1) {
            None => Ok(self.to_v1(Format::PreRefinement)),
            Some(key) => Err(ResourceError {
                name: key.name.to_string(),
                field: "reservations".to_string(),
                problem: Problem::Refined(key.reservation_role().to_string()),
            }),
        }
    }
}

/// The stacks of one list of messages: those that follow each other usually have the same.
#[derive(Default)]
struct Stacks<'a>(Option<(&'a v1::Resource, Stack)>);

impl<'a> Stacks<'a> {
    fn of(&mut self, reader: &Reader<'a>) -> Result<&Stack, ResourceError> {
        if reader.is_unreserved() {
            return Ok(&Stack::NONE);
        }
        let message = reader.message;
        let same = self.0.as_ref().is_some_and(|(like, _)| {
            like.reservations == message.reservations
                && like.role == message.role
                && like.reservation == message.reservation
        });
        if !same {
            self.0 = Some((message, reader.reservations()?));
        }
        Ok(self.0.as_ref().map_or(&Stack::NONE, |(_, stack)| stack))
    }
}

/// One resource being read; its methods name fields in their errors.
struct Reader<'a> {
    message: &'a v1::Resource,
}

impl Reader<'_> {
    fn error(&self, field: impl Into<String>, problem: impl Into<Problem>) -> ResourceError {
        let name = self.message.name.clone();
        ResourceError {
            name,
            field: field.into(),
            problem: problem.into(),
        }
    }

    fn is_unreserved(&self) -> bool {
        let message = self.message;
        let role = message.role.as_deref();
        message.reservations.is_empty()
            && message.reservation.is_none()
            && role.is_none_or(|role| role == roles::DEFAULT_ROLE)
    }

    /// Whether there is nothing to it but its name, its amount, and whose it is: so is most of what
    /// there is.
    fn is_bare(&self) -> bool {
        let message = self.message;
        message.disk.is_none()
            && message.provider_id.is_none()
            && message.revocable.is_none()
            && message.shared.is_none()
    }

    fn special(&self, kind: Kind, mut amount: Amount) -> Result<(What, Amount), ResourceError> {
        let message = self.message;
        let provider = message.provider_id.as_ref();
        let mut special = Special {
            disk: self.disk()?,
            provider: provider.map(|id| id.value.as_str().into()),
            revocable: message.revocable.is_some(),
            shared: message.shared.is_some(),
            size: None,
        };
        if special.shared && !special.is_persistent_volume() {
            return Err(self.error("shared", Problem::Unexpected("but for persistent volumes")));
        }
        if let Amount::Scalar(size) = amount
            && special.is_indivisible()
            && !size.is_zero()
        {
            special.size = Some(size);
            amount = Amount::Copies(1);
        }
        let name = Name::from(message.name.as_str());
        Ok((What::of(name, kind, special), amount))
    }

    fn amount(&self) -> Result<(Kind, Amount), ResourceError> {
        let message = self.message;
        if message.name.is_empty() {
            return Err(self.error("name", Problem::Missing));
        }
        let kind = match value::Type::try_from(message.r#type) {
            Ok(value::Type::Scalar) => Kind::Scalar,
            Ok(value::Type::Ranges) => Kind::Ranges,
            Ok(value::Type::Set) => Kind::Set,
            Ok(value::Type::Text) | Err(_) => return Err(self.error("type", Problem::UnknownType)),
        };
        match (kind, &message.scalar, &message.ranges, &message.set) {
            (Kind::Scalar, Some(scalar), None, None) => Ok((kind, self.scalar(scalar)?)),
            (Kind::Ranges, None, Some(ranges), None) => Ok((kind, self.ranges(ranges)?)),
            (Kind::Set, None, None, Some(set)) => Ok((kind, self.set(set)?)),
            _ => Err(self.not_one_amount(kind)),
        }
    }

    /// There is no amount of this kind, or one of another.
    fn not_one_amount(&self, kind: Kind) -> ResourceError {
        let fields = [
            (Kind::Scalar, "scalar", self.message.scalar.is_some()),
            (Kind::Ranges, "ranges", self.message.ranges.is_some()),
            (Kind::Set, "set", self.message.set.is_some()),
        ];
        let other = fields.iter().find(|(of, _, set)| *set && *of != kind);
        match (other, fields[kind as usize].1) {
            (Some((_, field, _)), _) => {
                self.error(*field, Problem::Unexpected("with another 'type'"))
            }
            (None, missing) => self.error(missing, Problem::Missing),
        }
    }

    fn scalar(&self, scalar: &value::Scalar) -> Result<Amount, ResourceError> {
        let quantity =
            Quantity::from_f64(scalar.value).map_err(|e| self.error("scalar.value", e))?;
        if self.message.name == "gpus" && !quantity.is_whole() {
            return Err(self.error("scalar.value", Problem::NotWhole));
        }
        Ok(Amount::Scalar(quantity))
    }

    fn ranges(&self, ranges: &value::Ranges) -> Result<Amount, ResourceError> {
        let ranges = ranges.range.iter().map(|r| Range {
            begin: r.begin,
            end: r.end,
        });
        Ok(Amount::Ranges(
            Ranges::disjoint(ranges).map_err(|e| self.error("ranges", e))?,
        ))
    }

    fn set(&self, set: &value::Set) -> Result<Amount, ResourceError> {
        let words = Words::distinct(set.item.iter().map(String::as_str));
        let twice = |word: &str| self.error("set.item", Problem::Duplicate(word.to_string()));
        words.map(Amount::Set).map_err(twice)
    }

    fn disk(&self) -> Result<Option<Disk>, ResourceError> {
        let Some(disk) = &self.message.disk else {
            return Ok(None);
        };
        if self.message.name != "disk" {
            return Err(self.error("disk", Problem::Unexpected("but for 'disk' resources")));
        }
        if let Some(source) = &disk.source {
            match source::Type::try_from(source.r#type) {
                Ok(source::Type::Path | source::Type::Mount) => {}
                Ok(source::Type::Block | source::Type::Raw) => {
                    let problem = Problem::Unexpected("for the types BLOCK and RAW");
                    if source.mount.is_some() {
                        return Err(self.error("disk.source.mount", problem));
                    }
                    if source.path.is_some() {
                        return Err(self.error("disk.source.path", problem));
                    }
                }
                Ok(source::Type::Unknown) | Err(_) => {
                    return Err(self.error("disk.source.type", Problem::UnknownType));
                }
            }
        }
        Ok(Some(Disk::new((**disk).clone())))
    }

    fn reservations(&self) -> Result<Stack, ResourceError> {
        if self.message.reservations.is_empty() {
            return Ok(self.old_reservation()?.into_iter().collect());
        }
        let mut stack: Vec<Reservation> = Vec::with_capacity(self.message.reservations.len());
        for (i, info) in self.message.reservations.iter().enumerate() {
            let reservation = self.reservation(info, i)?;
            if let Some(above) = stack.last() {
                self.check_refinement(above, &reservation, i)?;
            }
            stack.push(reservation);
        }
        self.check_old_form_agrees(&stack)?;
        Ok(stack.into_iter().collect())
    }

    /// The old form: `role` alone is static, with `reservation` dynamic.
    fn old_reservation(&self) -> Result<Option<Reservation>, ResourceError> {
        let role = self.message.role();
        if role == roles::DEFAULT_ROLE && self.message.reservation.is_none() {
            return Ok(None);
        }
        roles::validate(role).map_err(|e| self.error("role", e))?;
        let Some(info) = &self.message.reservation else {
            return Ok(Some(Reservation::fixed(role)));
        };
        if info.r#type.is_some() {
            return Err(self.error("reservation.type", Problem::Unexpected("in this form")));
        }
        if info.role.is_some() {
            return Err(self.error("reservation.role", Problem::Unexpected("in this form")));
        }
        if role == roles::DEFAULT_ROLE {
            return Err(self.error("role", Problem::ReservedToDefaultRole));
        }
        Ok(Some(Reservation {
            kind: ReservationKind::Dynamic,
            role: role.into(),
            principal: info.principal.clone(),
            labels: info.labels.clone().map(sorted),
        }))
    }

    fn reservation(&self, info: &ReservationInfo, i: usize) -> Result<Reservation, ResourceError> {
        let field = |name: &str| format!("reservations[{i}].{name}");
        let kind = match info.r#type.map(reservation_info::Type::try_from) {
            Some(Ok(reservation_info::Type::Static)) => ReservationKind::Static,
            Some(Ok(reservation_info::Type::Dynamic)) => ReservationKind::Dynamic,
            Some(_) => return Err(self.error(field("type"), Problem::UnknownType)),
            None => return Err(self.error(field("type"), Problem::Missing)),
        };
        let role =
            (info.role.as_deref()).ok_or_else(|| self.error(field("role"), Problem::Missing))?;
        roles::validate(role).map_err(|e| self.error(field("role"), e))?;
        if role == roles::DEFAULT_ROLE {
            return Err(self.error(field("role"), Problem::ReservedToDefaultRole));
        }
        let labels = info.labels.clone().map(sorted);
        Ok(Reservation {
            kind,
            role: role.into(),
            principal: info.principal.clone(),
            labels,
        })
    }

    fn check_refinement(
        &self,
        above: &Reservation,
        below: &Reservation,
        i: usize,
    ) -> Result<(), ResourceError> {
        if below.kind == ReservationKind::Static {
            return Err(self.error(format!("reservations[{i}].type"), Problem::StaticRefinement));
        }
        if !roles::is_strict_subrole(&below.role, &above.role) {
            let (role, above) = (below.role.to_string(), above.role.to_string());
            let problem = Problem::NotARefinement { role, above };
            return Err(self.error(format!("reservations[{i}].role"), problem));
        }
        Ok(())
    }

    /// The old form may stand beside a stack of one, if it says the same.
    fn check_old_form_agrees(&self, stack: &[Reservation]) -> Result<(), ResourceError> {
        let (role, old) = (&self.message.role, &self.message.reservation);
        let [only] = stack else {
            let problem = Problem::Unexpected("with more than one reservation");
            return match (role, old) {
                (Some(_), _) => Err(self.error("role", problem)),
                (_, Some(_)) => Err(self.error("reservation", problem)),
                (None, None) => Ok(()),
            };
        };
        if role.as_ref().is_some_and(|role| only.role != **role) {
            return Err(self.error("role", Problem::Contradiction));
        }
        let agrees = match (only.kind, old) {
            (ReservationKind::Static, old) => old.is_none(),
            (ReservationKind::Dynamic, None) => role.is_none(),
            (ReservationKind::Dynamic, Some(old)) => {
                role.is_some()
                    && old.principal == only.principal
                    && old.labels.clone().map(sorted) == only.labels
            }
        };
        if agrees {
            Ok(())
        } else {
            Err(self.error("reservation", Problem::Contradiction))
        }
    }
}

fn sorted(mut labels: v1::Labels) -> v1::Labels {
    labels.labels.sort();
    labels
}

fn write(key: Key<'_>, amount: &Amount, format: Format) -> v1::Resource {
    let mut message = v1::Resource {
        name: key.name.to_string(),
        disk: (key.disk.as_ref()).map(|disk| Box::new(disk.info().clone())),
        provider_id: key.provider.as_deref().map(|value| v1::ResourceProviderId {
            value: value.into(),
        }),
        revocable: key.revocable.then(Default::default),
        shared: key.shared.then(Default::default),
        allocation_info: key.allocated_to.map(|role| v1::resource::AllocationInfo {
            role: Some(role.into()),
        }),
        ..Default::default()
    };
    write_amount(&mut message, key.what, amount);
    write_reservations(&mut message, key, format);
    message
}

fn write_amount(message: &mut v1::Resource, what: &What, amount: &Amount) {
    let scalar = |quantity: Quantity| {
        Some(value::Scalar {
            value: quantity.to_f64(),
        })
    };
    match amount {
        Amount::Scalar(quantity) => {
            message.set_type(value::Type::Scalar);
            message.scalar = scalar(*quantity);
        }
        Amount::Copies(_) => {
            message.set_type(value::Type::Scalar);
            message.scalar = scalar(what.size.unwrap_or_default());
        }
        Amount::Ranges(ranges) => {
            message.set_type(value::Type::Ranges);
            let range = ranges
                .iter()
                .map(|r| value::Range {
                    begin: r.begin,
                    end: r.end,
                })
                .collect();
            message.ranges = Some(value::Ranges { range });
        }
        Amount::Set(words) => {
            message.set_type(value::Type::Set);
            message.set = Some(value::Set {
                item: words.iter().map(str::to_owned).collect(),
            });
        }
    }
}

fn write_reservations(message: &mut v1::Resource, key: Key<'_>, format: Format) {
    let stack = key.reservations;
    if stack.len() > 1 || format != Format::PreRefinement {
        message.reservations = stack
            .iter()
            .map(|level| write_reservation(&level))
            .collect();
    }
    if stack.len() > 1 || format == Format::PostRefinement {
        return;
    }
    message.role = Some(key.reservation_role().to_string());
    message.reservation = stack
        .last()
        .filter(|r| r.kind == ReservationKind::Dynamic)
        .map(|r| ReservationInfo {
            principal: r.principal.clone(),
            labels: r.labels.clone(),
            ..Default::default()
        });
}

fn write_reservation(reservation: &Reservation) -> ReservationInfo {
    let kind = match reservation.kind {
        ReservationKind::Static => reservation_info::Type::Static,
        ReservationKind::Dynamic => reservation_info::Type::Dynamic,
    };
    ReservationInfo {
        principal: reservation.principal.clone(),
        labels: reservation.labels.clone(),
        role: Some(reservation.role.to_string()),
        r#type: Some(kind as i32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> v1::Resource {
        serde_json::from_str(json).unwrap()
    }

    fn read(json: &str) -> Result<Resources, ResourceError> {
        Resources::from_v1(&[message(json)])
    }

    #[test]
    fn reads_both_forms_of_a_reservation() {
        let old = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"eng",
            "reservation":{"principal":"p"}}"#;
        let new = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1},
            "reservations":[{"type":"DYNAMIC","role":"eng","principal":"p"}]}"#;
        let both = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"eng",
            "reservation":{"principal":"p"},
            "reservations":[{"type":"DYNAMIC","role":"eng","principal":"p"}]}"#;
        let reserved = read(old).unwrap();
        assert_eq!(reserved, read(new).unwrap());
        assert_eq!(reserved, read(both).unwrap());
        assert_eq!(reserved.to_v1(Format::PreRefinement), [message(old)]);
        assert_eq!(reserved.to_v1(Format::PostRefinement), [message(new)]);
        assert_eq!(reserved.to_v1(Format::Endpoint), [message(both)]);
    }

    #[test]
    fn a_refined_reservation_cannot_be_said_in_the_old_form() {
        let once = Resources::parse("cpus(a):1;mem:1", "*").unwrap();
        assert_eq!(once.to_old_v1(), Ok(once.to_v1(Format::PreRefinement)));
        let twice = read(
            r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservations":[
                {"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"a/b"}]}"#,
        );
        let error = twice.unwrap().to_old_v1().unwrap_err().to_string();
        assert!(
            error.contains("resource 'cpus': reservations refine"),
            "{error}"
        );
        assert!(error.contains("'a/b'"), "{error}");
    }

    #[test]
    fn writes_the_default_role_in_the_old_form_only() {
        let cpus = Resources::parse("cpus:1", "*").unwrap();
        assert_eq!(
            cpus.to_v1(Format::PreRefinement)[0].role.as_deref(),
            Some("*")
        );
        assert_eq!(cpus.to_v1(Format::PostRefinement)[0].role, None);
    }

    #[test]
    fn names_resource_and_field() {
        let table = [
            (
                r#"{"name":"","type":"SCALAR","scalar":{"value":1}}"#,
                "name is missing",
            ),
            (
                r#"{"name":"x","type":"TEXT"}"#,
                "resource 'x': type has an unknown",
            ),
            (r#"{"name":"x","type":"SCALAR"}"#, "scalar is missing"),
            (
                r#"{"name":"x","type":"SCALAR","scalar":{"value":-1}}"#,
                "scalar.value is negative",
            ),
            (
                r#"{"name":"x","type":"SCALAR","scalar":{"value":"Infinity"}}"#,
                "scalar.value is larger",
            ),
            (
                r#"{"name":"x","type":"SCALAR","scalar":{"value":1e18}}"#,
                "scalar.value is larger",
            ),
            (
                r#"{"name":"gpus","type":"SCALAR","scalar":{"value":1.5}}"#,
                "whole number",
            ),
            (
                r#"{"name":"x","type":"SCALAR","scalar":{"value":1},"set":{"item":[]}}"#,
                "set must not be set",
            ),
            (
                r#"{"name":"x","type":"RANGES","ranges":{"range":[{"begin":2,"end":1}]}}"#,
                "2-1 ends before",
            ),
            (
                r#"{"name":"x","type":"RANGES","ranges":{"range":[{"begin":1,"end":3},{"begin":3,"end":4}]}}"#,
                "overlap",
            ),
            (
                r#"{"name":"x","type":"SET","set":{"item":["a","a"]}}"#,
                "set.item holds 'a' twice",
            ),
            (
                r#"{"name":"x","type":"SCALAR","scalar":{"value":1},"role":"a//b"}"#,
                "role is invalid",
            ),
            (
                r#"{"name":"x","type":"SCALAR","scalar":{"value":1},"reservation":{}}"#,
                "role cannot be '*'",
            ),
            (
                r#"{"name":"x","type":"SCALAR","scalar":{"value":1},"disk":{}}"#,
                "disk must not be set",
            ),
            (
                r#"{"name":"disk","type":"SCALAR","scalar":{"value":1},
                    "disk":{"source":{"type":"RAW","mount":{"root":"/m"}}}}"#,
                "disk.source.mount must not be set for the types BLOCK and RAW",
            ),
            (
                r#"{"name":"disk","type":"SCALAR","scalar":{"value":1},
                    "disk":{"source":{"type":"BLOCK","path":{}}}}"#,
                "disk.source.path must not be set for the types BLOCK and RAW",
            ),
            (
                r#"{"name":"disk","type":"SCALAR","scalar":{"value":1},
                    "disk":{"source":{"type":"UNKNOWN"}}}"#,
                "disk.source.type has an unknown",
            ),
            (
                r#"{"name":"disk","type":"SCALAR","scalar":{"value":1},"shared":{}}"#,
                "shared must not be set",
            ),
            (
                r#"{"name":"x","type":"SCALAR","scalar":{"value":1},"reservations":[{"role":"a"}]}"#,
                "reservations[0].type is missing",
            ),
            (
                r#"{"name":"x","type":"SCALAR","scalar":{"value":1},
                    "reservations":[{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"b/c"}]}"#,
                "reservations[1].role 'b/c' is not below 'a'",
            ),
            (
                r#"{"name":"x","type":"SCALAR","scalar":{"value":1},"role":"b",
                    "reservations":[{"type":"STATIC","role":"a"}]}"#,
                "role does not agree",
            ),
        ];
        for (json, expected) in table {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{json} gave: {error}");
        }
    }

    #[test]
    fn an_unknown_type_of_a_newer_peer_is_an_error() {
        let mut unknown = message(r#"{"name":"x","type":"SCALAR","scalar":{"value":1}}"#);
        unknown.r#type = 77;
        assert!(Resources::from_v1(&[unknown]).is_err());
    }

    #[test]
    fn volumes_and_mounts_are_counted_in_copies() {
        let volume = |size: u32| {
            message(&format!(
                r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":{size}}},"role":"eng",
                    "disk":{{"persistence":{{"id":"v"}}}}}}"#
            ))
        };
        let small = Resources::from_v1(&[volume(1)]).unwrap();
        let large = Resources::from_v1(&[volume(10)]).unwrap();
        assert!(!large.contains(&small), "a volume cannot be split");
        assert_eq!(&large - &small, large);
        let two = Resources::from_v1(&[volume(10), volume(10)]).unwrap();
        assert_eq!(two.disk(), Quantity::from_whole(20));
        assert_eq!(two.to_v1(Format::PreRefinement).len(), 2);
    }

    #[test]
    fn a_shared_volume_counts_once_and_goes_with_its_last_user() {
        let json = r#"{"name":"disk","type":"SCALAR","scalar":{"value":5},"role":"eng",
            "disk":{"persistence":{"id":"v"}},"shared":{}}"#;
        let one = read(json).unwrap();
        let two = &one + &one;
        assert_eq!(two.disk(), Quantity::from_whole(5));
        assert!(two.contains(&one) && !one.contains(&two));
        assert_eq!(&two - &one, one);
        assert!((&one - &one).is_empty());
    }

    #[test]
    fn how_a_volume_is_mounted_does_not_tell_it_apart() {
        let json = |volume: &str| {
            format!(
                r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":5}},"role":"eng",
                    "disk":{{"persistence":{{"id":"v"}}{volume}}}}}"#
            )
        };
        let offered = read(&json("")).unwrap();
        let used = read(&json(r#","volume":{"mode":"RW","container_path":"data"}"#)).unwrap();
        assert!(offered.contains(&used));
    }
}
