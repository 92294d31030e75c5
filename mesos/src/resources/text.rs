//! The text form of resources: `cpus:4;mem:1024;disk(role):10;ports:[31000-32000];names:{a,b}`.

use std::fmt;

use smallvec::SmallVec;

use super::group::Group;
use super::key::{Key, Kind};
use super::name::Name;
use super::stack::{Reservation, ReservationKind};
use super::{Amount, ParseError, Resources, items};
use crate::v1;
use crate::v1::resource::DiskInfo;

impl Resources {
    /// Reads resources as operators write them: in the text form above, or as a JSON array of v1
    /// resources. What names no role is reserved to `default_role`; `*` leaves it unreserved.
    ///
    /// # Errors
    /// Anything malformed, and what can only be made at run time (persistent volumes, revocable
    /// resources, dynamic reservations). The error names the resource.
    pub fn parse(text: &str, default_role: &str) -> Result<Resources, ParseError> {
        let resources = match text.trim_ascii_start().starts_with('[') {
            true => parse_json(text, default_role)?,
            false => items::parse(text, default_role)?,
        };
        check_kinds(&resources)?;
        Ok(resources)
    }
}

fn parse_json(text: &str, default_role: &str) -> Result<Resources, ParseError> {
    let mut messages: Vec<v1::Resource> =
        serde_json::from_str(text).map_err(|error| ParseError::Json(error.to_string()))?;
    for message in &mut messages {
        #[allow(deprecated)] // The form before reservation refinement; operators still write it.
        if message.role.is_none() && message.reservations.is_empty() {
            message.role = Some(default_role.to_string());
        }
    }
    let resources = Resources::from_v1(&messages)?;
    check_static(&resources)?;
    Ok(resources)
}

/// What an operator may say of an agent before it runs.
fn check_static(resources: &Resources) -> Result<(), ParseError> {
    for key in resources.keys() {
        let mut stack = key.reservations.iter();
        let made = match () {
            () if key.is_persistent_volume() => "persistent volumes",
            () if key.revocable => "revocable resources",
            () if stack.any(|r| r.kind == ReservationKind::Dynamic) => "dynamic reservations",
            () => continue,
        };
        let name = key.name.to_string();
        return Err(ParseError::RunTimeOnly { name, what: made });
    }
    Ok(())
}

/// Whether of what is not plain each name is there once, and none that Mesos knows. Nearly always it is so,
/// and seen at a glance.
fn has_each_name_once(resources: &Resources) -> bool {
    let mut latest = None;
    for group in resources.groups.iter() {
        for (what, _) in group.rest() {
            let Name::Other(name) = &what.name else {
                return false;
            };
            if latest.replace(name).is_some_and(|latest| latest >= name) {
                return false;
            }
        }
    }
    true
}

/// Everything of one name is counted in one way.
fn check_kinds(resources: &Resources) -> Result<(), ParseError> {
    if has_each_name_once(resources) {
        return Ok(());
    }
    let rest = resources.groups.iter().flat_map(Group::rest);
    let mut counted: SmallVec<[(&Name, Kind); 8]> =
        rest.map(|(what, _)| (&what.name, what.kind)).collect();
    counted.sort_unstable();
    let is_plain = |name: &Name, kind| match name {
        Name::Known(known) if known.kind() != kind => {
            resources.groups.iter().any(|group| group.has_plain(*known))
        }
        _ => false,
    };
    let mixed = (counted.iter().find(|(name, kind)| is_plain(name, *kind))).or_else(|| {
        let mut pairs = counted.windows(2);
        let pair = pairs.find(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1);
        pair.map(|pair| &pair[0])
    });
    match mixed {
        Some((name, _)) => Err(ParseError::MixedTypes(name.to_string())),
        None => Ok(()),
    }
}

/// Prints as Mesos does; what is neither reserved nor allocated nor a special disk can be parsed
/// again.
impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        for (i, (key, amount)) in self.iter().enumerate() {
            let separator = if i > 0 { "; " } else { "" };
            write!(f, "{separator}{key}:")?;
            match (&amount, key.size) {
                (&Amount::Copies(count), Some(size)) => {
                    write!(f, "{size}")?;
                    if key.shared || count > 1 {
                        write!(f, "<{count}>")?;
                    }
                }
                _ => write!(f, "{amount}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Scalar(quantity) => write!(f, "{quantity}"),
            Amount::Ranges(ranges) => write!(f, "{ranges}"),
            Amount::Set(words) => write!(f, "{words}"),
            Amount::Copies(count) => write!(f, "<{count}>"),
        }
    }
}

/// `name(allocated: role)(reservations: [..])[disk]{REV}<SHARED>`.
impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(role) = &self.allocated_to {
            write!(f, "(allocated: {role})")?;
        }
        if !self.reservations.is_empty() {
            let stack: Vec<String> = self.reservations.iter().map(|r| format!("({r})")).collect();
            write!(f, "(reservations: [{}])", stack.join(","))?;
        }
        if let Some(disk) = &self.disk {
            write!(f, "[{}]", disk_text(disk.info()))?;
        }
        if self.revocable {
            f.write_str("{REV}")?;
        }
        if self.shared {
            f.write_str("<SHARED>")?;
        }
        Ok(())
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ReservationKind::Static => "STATIC",
            ReservationKind::Dynamic => "DYNAMIC",
        };
        write!(f, "{kind},{}", self.role)?;
        if let Some(principal) = &self.principal {
            write!(f, ",{principal}")?;
        }
        if let Some(labels) = &self.labels {
            let labels: Vec<String> = labels
                .labels
                .iter()
                .map(|label| match &label.value {
                    Some(value) => format!("{}: {value}", label.key),
                    None => label.key.clone(),
                })
                .collect();
            write!(f, ",{{{}}}", labels.join(", "))?;
        }
        Ok(())
    }
}

fn disk_text(disk: &DiskInfo) -> String {
    let mut text = String::new();
    if let Some(source) = &disk.source {
        text.push_str(source.r#type().as_str_name());
        let root = source.path.as_ref().and_then(|path| path.root.as_deref());
        let root = root.or(source
            .mount
            .as_ref()
            .and_then(|mount| mount.root.as_deref()));
        if source.id.is_some() || source.profile.is_some() {
            text.push_str(&format!(
                "({},{},{})",
                source.vendor(),
                source.id(),
                source.profile()
            ));
        } else if let Some(root) = root {
            text.push_str(&format!(":{root}"));
        }
    }
    if let Some(persistence) = &disk.persistence {
        let separator = if disk.source.is_some() { "," } else { "" };
        text.push_str(&format!("{separator}{}", persistence.id));
    }
    if let Some(volume) = &disk.volume {
        text.push_str(&format!(":{}", volume.container_path));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_operators_write() {
        let table = [
            ("cpus:4;mem:1024", "cpus:4; mem:1024"),
            (" cpus : 4 ; mem : 1024 ; ", "cpus:4; mem:1024"),
            ("cpus:1;cpus:2", "cpus:3"),
            ("cpus:0;mem:1", "mem:1"),
            ("ports:[31000-32000, 5-6,7-7]", "ports:[5-7, 31000-32000]"),
            ("names:{b,a}", "names:{a, b}"),
            (
                "disk(eng/web):10",
                "disk(reservations: [(STATIC,eng/web)]):10",
            ),
            ("cpus:0.1", "cpus:0.1"),
            ("", "{}"),
        ];
        for (text, printed) in table {
            assert_eq!(
                Resources::parse(text, "*").unwrap().to_string(),
                printed,
                "{text}"
            );
        }
        let reserved = Resources::parse("cpus:1;mem(*):2", "eng").unwrap();
        assert_eq!(
            reserved.to_string(),
            "mem:2; cpus(reservations: [(STATIC,eng)]):1"
        );
    }

    #[test]
    fn names_what_is_wrong() {
        let table = [
            ("cpus", "write name:value"),
            ("cpus:1:2", "write name:value"),
            (":4", "write name:value"),
            ("cpus(eng:4", "write name:value"),
            ("cpus:four", "resource 'cpus': value is not a number"),
            ("cpus:-1", "resource 'cpus': value is negative"),
            ("cpus:nan", "is not a number"),
            ("mem:inf", "resource 'mem': value is larger than"),
            ("mem:1e30", "resource 'mem': value is larger than"),
            ("cpus:0.0001", "below 0.001"),
            ("gpus:0.5", "resource 'gpus': value must be a whole number"),
            ("ports:[9-1]", "range 9-1 ends before it begins"),
            ("ports:[1-", "resource 'ports': value is invalid"),
            ("names:{a,a}", "holds 'a' twice"),
            ("cpus(-x):1", "resource 'cpus': role is invalid"),
            ("cpus:1;cpus:{a}", "'cpus' appears with two different types"),
            ("[{\"name\": 4}]", "JSON form"),
        ];
        for (text, expected) in table {
            let error = Resources::parse(text, "*").unwrap_err().to_string();
            assert!(error.contains(expected), "{text} gave: {error}");
        }
    }

    /// Spaces leave an item to the reader that takes its time.
    fn with_spaces(text: &str) -> String {
        text.replace(':', " : ")
    }

    /// Names and values of every kind, some of them wrong, some of them unusual.
    fn item() -> impl Strategy<Value = String> {
        let name = "cpus|gpus|ports|[ab]{0,2}|[ab]{13,16}";
        let role = "(\\([ab*./-]{0,3}\\))?";
        let value = prop_oneof![
            "[0-9]{0,10}(\\.[0-9]{0,4})?",
            "\\[([0-9]{0,6}-[0-9]{0,6}, ?){0,4}[0-9]{1,5}-[0-9]{5}\\]",
            "\\{[ab]{0,2}(, ?[ab]{0,2}){0,9}\\}",
        ];
        (name, role, value).prop_map(|(name, role, value)| format!("{name}{role}:{value}"))
    }

    proptest! {
        #[test]
        fn both_readers_read_the_same(items in proptest::collection::vec(item(), 1..4)) {
            for text in items.iter().cloned().chain([items.join(";")]) {
                let slowly = Resources::parse(&with_spaces(&text), "*").ok();
                prop_assert_eq!(Resources::parse(&text, "*").ok(), slowly, "{}", text);
            }
        }
    }

    #[test]
    fn reads_the_json_form() {
        let text = r#"[
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 4}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 10}, "role": "eng"},
            {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 5}]}}
        ]"#;
        let expected = Resources::parse("cpus:4;mem(eng):10;ports:[1-5]", "*").unwrap();
        assert_eq!(Resources::parse(text, "*").unwrap(), expected);
    }

    #[test]
    fn prints_volumes_with_their_size_and_their_users() {
        let text = r#"{"name": "disk", "type": "SCALAR", "scalar": {"value": 5}, "role": "eng",
            "disk": {"persistence": {"id": "v"}}}"#;
        let volume: v1::Resource = serde_json::from_str(text).unwrap();
        let shared = v1::Resource {
            shared: Some(Default::default()),
            ..volume.clone()
        };
        let printed = |messages: &[v1::Resource]| Resources::from_v1(messages).unwrap().to_string();
        let key = "disk(reservations: [(STATIC,eng)])[v]";
        assert_eq!(printed(std::slice::from_ref(&volume)), format!("{key}:5"));
        assert_eq!(printed(&[volume.clone(), volume]), format!("{key}:5<2>"));
        assert_eq!(printed(&[shared]), format!("{key}<SHARED>:5<1>"));
    }

    #[test]
    fn refuses_what_is_made_at_run_time() {
        let reservation = r#"[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1},
            "reservations": [{"type": "DYNAMIC", "role": "eng"}]}]"#;
        let volume = r#"[{"name": "disk", "type": "SCALAR", "scalar": {"value": 1}, "role": "eng",
            "disk": {"persistence": {"id": "v"}}}]"#;
        let revocable =
            r#"[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "revocable": {}}]"#;
        for text in [reservation, volume, revocable] {
            let result = Resources::parse(text, "*");
            assert!(
                matches!(result, Err(ParseError::RunTimeOnly { .. })),
                "{result:?}"
            );
        }
    }
}
