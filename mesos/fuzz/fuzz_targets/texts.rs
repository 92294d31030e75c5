//! What operators write: resources, attributes, values of flags, and where masters are, by the first byte.
#![no_main]

use mesos::attributes::Attributes;
use mesos::election::zookeeper::ZkUrl;
use mesos::flags::{bytes, duration, format_bytes, format_duration, list, percentage};
use mesos::resources::{Format, Quantities, Resources};
use mesos::roles;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((which, text)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    match which % 4 {
        0 => resources(text),
        1 => attributes(text),
        2 => flags(text),
        _ => names(text),
    }
});

fn resources(text: &str) {
    if let Ok(resources) = Resources::parse(text, "*") {
        let written = resources.to_v1(Format::PostRefinement);
        assert_eq!(Resources::from_v1(&written), Ok(resources.clone()));
        let _ = resources.to_string();
    }
}

fn attributes(text: &str) {
    if let Ok(attributes) = Attributes::parse(text) {
        assert_eq!(Attributes::from_v1(&attributes.to_v1()), Ok(attributes.clone()));
        let _ = (attributes.to_flat_json(), attributes.to_string());
    }
}

fn flags(text: &str) {
    if let Ok(size) = bytes(text) {
        assert_eq!(bytes(&format_bytes(size)), Ok(size));
    }
    if let Ok(time) = duration(text) {
        // It may round what has no short form, and what it has written it reads.
        assert!(duration(&format_duration(time)).is_ok(), "{time:?}");
    }
    if let Ok(part) = percentage(text) {
        assert!((0.0..=1.0).contains(&part), "{part}");
    }
    let _ = list(text);
}

fn names(text: &str) {
    // Anything else may name a file to be read.
    if text.trim().starts_with("zk://") {
        let _ = text.parse::<ZkUrl>();
    }
    let _ = text.parse::<Quantities>();
    if roles::validate(text).is_ok() {
        assert!(roles::ancestors(text).all(|ancestor| roles::validate(ancestor).is_ok()), "{text}");
    }
}
