//! One v1 message in both forms, by the first byte: what comes over HTTP, to masters, agents and frameworks.

use mesos::resources::{Format, Resources};
use mesos::v1::{self, agent, executor, master, scheduler};
use mesos::wire::{self, ContentType, Described};

/// Reads `bytes` as a message, and writes and reads again what was read: the second writing is the same as the first, in
/// either form.
pub fn read(form: ContentType, bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else {
        return;
    };
    match which % 9 {
        0 => again::<scheduler::Call>(form, bytes),
        1 => again::<scheduler::Event>(form, bytes),
        2 => again::<executor::Call>(form, bytes),
        3 => again::<executor::Event>(form, bytes),
        4 => again::<master::Call>(form, bytes),
        5 => again::<master::Event>(form, bytes),
        6 => again::<agent::Call>(form, bytes),
        7 => again::<agent::ProcessIo>(form, bytes),
        _ => {
            if let Some(offer) = read_as::<v1::Offer>(form, bytes) {
                resources(&offer.resources);
            }
        }
    }
}

fn again<T: Described>(form: ContentType, bytes: &[u8]) {
    read_as::<T>(form, bytes);
}

fn read_as<T: Described>(form: ContentType, bytes: &[u8]) -> Option<T> {
    let message = wire::decode::<T>(form, bytes).ok()?;
    for form in [form, other(form)] {
        let written = wire::encode(form, &message);
        // JSON has no words for some numbers that protobuf can hold.
        if let Ok(read) = wire::decode::<T>(form, &written) {
            assert_eq!(wire::encode(form, &read), written);
        }
    }
    Some(message)
}

fn other(form: ContentType) -> ContentType {
    match form {
        ContentType::Json => ContentType::Protobuf,
        ContentType::Protobuf => ContentType::Json,
    }
}

/// Resources survive being written in each format that keeps everything.
fn resources(messages: &[v1::Resource]) {
    let Ok(resources) = Resources::from_v1(messages) else {
        return;
    };
    let written = resources.to_v1(Format::PostRefinement);
    assert_eq!(Resources::from_v1(&written), Ok(resources));
}
