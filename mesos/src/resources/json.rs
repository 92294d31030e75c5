//! The flat JSON of the state endpoints: `{"cpus": 4.0, "mem": 1024.0, "ports": "[1-2]"}`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::name::Known;
use super::{Kind, Resources};

/// Names that are shown even if there is nothing of them.
const ALWAYS: [&str; 4] = ["cpus", "gpus", "mem", "disk"];

impl Resources {
    /// The amounts by name, summed over roles and disks; revocable ones apart, as
    /// `cpus_revocable`.
    pub fn to_flat_json(&self) -> Map<String, Value> {
        let mut flat: Map<String, Value> = ALWAYS
            .iter()
            .map(|name| (name.to_string(), Value::from(0.0)))
            .collect();
        flat.extend(self.non_revocable().values(""));
        flat.extend(self.revocable().values("_revocable"));
        flat
    }

    /// The flat form of what is reserved, by role.
    pub fn to_flat_json_by_role(&self) -> Map<String, Value> {
        let roles = self.reservations().into_iter();
        roles
            .map(|(role, part)| (role, Value::Object(part.to_flat_json())))
            .collect()
    }

    fn values(&self, suffix: &str) -> BTreeMap<String, Value> {
        let value = |name: &str, kind| match kind {
            Kind::Scalar => Value::from(self.scalar(name).to_f64()),
            Kind::Ranges => Value::from(self.ranges(name).to_string()),
            Kind::Set => {
                let words: Vec<&str> = self.set(name).into_iter().collect();
                Value::from(format!("{{{}}}", words.join(", ")))
            }
        };
        let kinds = self.keys().map(|key| (key.name.to_string(), key.kind));
        kinds
            .map(|(name, kind)| (format!("{name}{suffix}"), value(&name, kind)))
            .collect()
    }
}

/// Resources in their flat form, written without making that first.
#[derive(Clone, Debug)]
pub struct Flat<'a>(pub Cow<'a, Resources>);

impl<'a> From<&'a Resources> for Flat<'a> {
    fn from(resources: &'a Resources) -> Flat<'a> {
        Flat(Cow::Borrowed(resources))
    }
}

impl From<Resources> for Flat<'static> {
    fn from(resources: Resources) -> Flat<'static> {
        Flat(Cow::Owned(resources))
    }
}

impl Serialize for Flat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.0.is_plain() {
            return self.0.to_flat_json().serialize(serializer);
        }
        // Their names are in order, and `ports` comes after them.
        let mut map = serializer.serialize_map(None)?;
        for (known, quantity) in Known::SCALARS.into_iter().zip(self.0.known()) {
            map.serialize_entry(known.text(), &quantity.to_f64())?;
        }
        let ports = self.0.ports();
        if !ports.is_empty() {
            map.serialize_entry("ports", &format_args!("{ports}"))?;
        }
        map.end()
    }
}

/// The flat form of what is reserved, by role, written without making that first.
#[derive(Clone, Debug)]
pub struct FlatByRole<'a>(pub &'a Resources);

impl Serialize for FlatByRole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_plain() {
            true => serializer.serialize_map(Some(0))?.end(),
            false => self.0.to_flat_json_by_role().serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Whether what is written is what is made.
    fn check(resources: &Resources) {
        let written = serde_json::to_string(&Flat::from(resources)).unwrap();
        let made = serde_json::to_string(&resources.to_flat_json()).unwrap();
        assert_eq!(written, made);
        let written = serde_json::to_string(&FlatByRole(resources)).unwrap();
        let made = serde_json::to_string(&resources.to_flat_json_by_role()).unwrap();
        assert_eq!(written, made);
    }

    #[test]
    fn is_written_as_it_is_made() {
        for text in [
            "",
            "cpus:0.1;mem:32",
            "cpus:4;mem:4096;disk:10000;gpus:2;ports:[31000-31005,32000-32000]",
            "cpus:1;cpus(eng):2;mem(eng):5;bananas:3;names:{a,b}",
        ] {
            let resources = Resources::parse(text, "*").unwrap();
            check(&resources);
            check(&(resources.clone().allocate("eng") + resources.allocate("ops")));
        }
    }

    #[test]
    fn looks_like_a_recorded_agent() {
        let agent =
            Resources::parse("cpus:4;mem:4096;disk:10000;ports:[31000-32000]", "*").unwrap();
        let expected = json!({"disk": 10000.0, "mem": 4096.0, "gpus": 0.0, "cpus": 4.0, "ports": "[31000-32000]"});
        assert_eq!(Value::Object(agent.to_flat_json()), expected);
        let nothing = json!({"disk": 0.0, "mem": 0.0, "gpus": 0.0, "cpus": 0.0});
        assert_eq!(Value::Object(Resources::new().to_flat_json()), nothing);
    }

    #[test]
    fn keeps_revocables_and_roles_apart() {
        let text = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":2},"revocable":{}}"#;
        let revocable = Resources::from_v1(&[serde_json::from_str(text).unwrap()]).unwrap();
        let all = Resources::parse("cpus:1;mem(eng):5", "*").unwrap() + revocable;
        let flat = all.to_flat_json();
        assert_eq!(
            (&flat["cpus"], &flat["cpus_revocable"]),
            (&json!(1.0), &json!(2.0))
        );
        assert_eq!(all.to_flat_json_by_role()["eng"]["mem"], json!(5.0));
    }
}
