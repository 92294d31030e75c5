//! Bytes that earlier versions wrote: they must be read for ever.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mesos::v1::FrameworkInfo;
use mesos::wire::{Pb, encode_protobuf};

use super::*;
use crate::registrar::Registry;
use crate::registrar::log::parse;

/// A log as the first version of the format was written, one batch a line. The messages of the API in it
/// are base64 of protobuf.
fn written() -> String {
    let batches = [
        r#"[{"put":{"agent":{"id":{"value":"a"},"info":"CgRob3N0"}}},{"put":{"agent":{"id":{"value":"b"},"info":"CgRob3N0"}}}]"#,
        r#"[{"delete":{"agent":{"value":"b"}}},{"put":{"unreachable":{"id":{"value":"b"},"since":{"nanoseconds":7000000000}}}}]"#,
        r#"[{"put":{"framework":{"id":{"value":"f"},"framework":{"info":"CgASAWY=","failover_deadline":{"nanoseconds":9000000000}}}}}]"#,
        r#"[{"put":{"weight":{"role":"eng","weight":2.5}}}]"#,
    ];
    let line = |json: &&str| format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()));
    let lines: String = batches.iter().map(line).collect();
    format!("mesos-registry 1\n{lines}")
}

#[test]
fn what_the_first_version_wrote_is_read() {
    let parsed = parse(written().as_bytes()).expect("it is readable");
    let mut registry = Registry::default();
    parsed
        .changes
        .into_iter()
        .for_each(|change| registry.apply(change));
    let mut expected = Registry::default();
    expected.agents.insert(agent_id("a"), agent_info("host"));
    expected.unreachable.insert(agent_id("b"), at(7));
    let framework = framework("f", Some(at(9)));
    expected.frameworks.insert(framework_id("f"), framework);
    expected.weights.insert("eng".to_owned(), 2.5);
    assert_eq!(registry, expected);
}

#[test]
fn the_form_of_messages_in_it_has_not_changed() {
    let info = FrameworkInfo {
        name: "f".to_owned(),
        ..FrameworkInfo::default()
    };
    assert_eq!(STANDARD.encode(encode_protobuf(&info)), "CgASAWY=");
    assert_eq!(
        STANDARD.encode(encode_protobuf(&Pb(agent_info("host").0).0)),
        "CgRob3N0"
    );
}
