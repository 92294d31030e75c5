//! The flat JSON of the state endpoints: `{"cpus": 4.0, "mem": 1024.0, "ports": "[1-2]"}`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
