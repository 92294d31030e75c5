//! The registry: `/registrar(1)/registry`, and what tools print.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::registrar::{Record, Registry};

/// All records by kind, in the order of their keys. Public messages are in the JSON of the v1 API.
pub fn registry(registry: &Registry) -> Value {
    let mut kinds: Map<String, Value> = Map::new();
    for record in registry.records() {
        let (kind, _) = entry(&record);
        let listed = kinds.entry(kind).or_insert_with(|| json!([]));
        if let Value::Array(listed) = listed {
            listed.push(document(&record));
        }
    }
    Value::Object(kinds)
}

/// What kind of record it is, and which one.
pub fn entry(record: &Record) -> (String, String) {
    // A key is written as an object with one field: its kind.
    let key = serde_json::to_value(record.key()).unwrap_or_default();
    let key = key.as_object().and_then(|kinds| kinds.iter().next());
    let Some((kind, id)) = key else {
        return (String::new(), String::new());
    };
    let id = match record {
        Record::Machine { key, .. } => key.to_string(),
        _ => {
            let name = id.as_str().or(id["value"].as_str());
            name.map_or_else(|| id.to_string(), str::to_owned)
        }
    };
    (kind.clone(), id)
}

fn document(record: &Record) -> Value {
    match record {
        Record::Agent { id, info } => json!({ "id": value(id), "info": value(&info.0) }),
        Record::Framework { id, framework } => json!({
            "id": value(id),
            "info": value(&framework.info.0),
            "failover_deadline": framework.failover_deadline.as_ref().map(value),
        }),
        Record::Drain { id, drain } => json!({
            "id": value(id),
            "config": value(&drain.config.0),
            "since": value(&drain.since),
            "drained": drain.drained,
        }),
        Record::Quota { config } => value(&config.0),
        // Nothing in them is stored in another form than it is shown.
        other => {
            let record = value(other);
            let fields = record.as_object().and_then(|kinds| kinds.values().next());
            fields.cloned().unwrap_or_default()
        }
    }
}

fn value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use mesos::v1::{AgentId, AgentInfo};
    use mesos::wire::Pb;

    use super::*;

    #[test]
    fn shows_what_is_stored_in_words() {
        let agent = Record::Agent {
            id: AgentId { value: "a".into() },
            info: Pb(AgentInfo {
                hostname: "h".into(),
                ..Default::default()
            }),
        };
        let weight = Record::Weight {
            role: "eng".into(),
            weight: 2.0,
        };
        assert_eq!(entry(&agent), ("agent".into(), "a".into()));
        assert_eq!(entry(&weight), ("weight".into(), "eng".into()));
        let shown = registry(&[agent, weight].into_iter().collect());
        assert_eq!(shown["agent"][0]["info"]["hostname"], "h");
        assert_eq!(shown["weight"][0], json!({ "role": "eng", "weight": 2.0 }));
    }
}
