//! Our JSON beside that of prost-reflect, which works from the descriptors alone.

use std::fmt::Debug;

use mesos::v1::{agent, executor, maintenance, master, quota, resource_provider, scheduler};
use mesos::wire::{self, Described};
use proptest::prelude::*;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage, SerializeOptions, Value,
};

const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Random messages end here; the deepest fixed structure of the API has about ten levels.
const MAX_DEPTH: usize = 12;

/// prost-reflect writes Google's own JSON for this one, Mesos its plain fields.
const DURATION: &str = "google.protobuf.Duration";

/// Runs a check for each message that is a document of its own.
macro_rules! for_each_document {
    ($check:ident, $($argument:expr),*) => {
        $check::<scheduler::Call>("mesos.v1.scheduler.Call", $($argument),*);
        $check::<scheduler::Event>("mesos.v1.scheduler.Event", $($argument),*);
        $check::<scheduler::Response>("mesos.v1.scheduler.Response", $($argument),*);
        $check::<executor::Call>("mesos.v1.executor.Call", $($argument),*);
        $check::<executor::Event>("mesos.v1.executor.Event", $($argument),*);
        $check::<master::Call>("mesos.v1.master.Call", $($argument),*);
        $check::<master::Response>("mesos.v1.master.Response", $($argument),*);
        $check::<master::Event>("mesos.v1.master.Event", $($argument),*);
        $check::<agent::Call>("mesos.v1.agent.Call", $($argument),*);
        $check::<agent::Response>("mesos.v1.agent.Response", $($argument),*);
        $check::<agent::ProcessIo>("mesos.v1.agent.ProcessIO", $($argument),*);
        $check::<maintenance::Schedule>("mesos.v1.maintenance.Schedule", $($argument),*);
        $check::<quota::QuotaStatus>("mesos.v1.quota.QuotaStatus", $($argument),*);
        $check::<resource_provider::Call>("mesos.v1.resource_provider.Call", $($argument),*);
        $check::<resource_provider::Event>("mesos.v1.resource_provider.Event", $($argument),*);
    };
}

#[test]
fn every_call_and_event_with_all_its_fields_agrees() {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    for_each_document!(assert_agreement, &pool, &mut Choices::everything());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_messages_agree(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
        for_each_document!(assert_agreement, &pool, &mut Choices::of(&bytes));
    }
}

#[track_caller]
fn assert_agreement<T: Described + PartialEq + Debug>(
    name: &str,
    pool: &DescriptorPool,
    choices: &mut Choices<'_>,
) {
    let bare = build(&pool.get_message_by_name(name).unwrap(), choices, 0);
    let mut filled = bare.clone();
    fill_defaults(&mut filled);
    let expected = oracle_json(&filled);

    // What is unset is written like what is set to the default.
    for message in [&bare, &filled] {
        let ours: T = wire::decode_protobuf(&message.encode_to_vec()).unwrap();
        let mut written = serde_json::to_value(&ours).unwrap();
        drop_empty_lists(&mut written);
        assert_eq!(written, expected, "{name}");
    }

    let ours: T = wire::decode_protobuf(&filled.encode_to_vec()).unwrap();
    let again: T = wire::decode_json(&wire::encode_json(&ours)).unwrap();
    assert_eq!(again, ours, "{name}: JSON lost something");
    let read: T = wire::decode_json(expected.to_string().as_bytes()).unwrap();
    assert_eq!(
        read, ours,
        "{name}: the oracle's JSON reads as something else"
    );
    let again: T = wire::decode_protobuf(&wire::encode_protobuf(&ours)).unwrap();
    assert_eq!(again, ours, "{name}: protobuf lost something");
}

fn oracle_json(message: &DynamicMessage) -> serde_json::Value {
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .unwrap()
}

/// Mesos writes some empty lists, and we do; the oracle does not.
fn drop_empty_lists(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            map.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
            map.values_mut().for_each(drop_empty_lists);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(drop_empty_lists),
        _ => {}
    }
}

/// Where the choices of a message under construction come from. At their end every choice is
/// zero, which leaves out what can be left out.
struct Choices<'a> {
    bytes: &'a [u8],
    at_end: u8,
}

impl<'a> Choices<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at_end: 0 }
    }

    /// Sets every field once.
    fn everything() -> Self {
        Self {
            bytes: &[],
            at_end: 1,
        }
    }

    fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => self.at_end,
        }
    }

    fn number(&mut self) -> u64 {
        let length = usize::from(self.byte() % 9);
        (0..length).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.byte() % 8;
        (0..length).map(|_| self.byte()).collect()
    }
}

fn build(shape: &MessageDescriptor, choices: &mut Choices<'_>, depth: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(shape.clone());
    for field in shape.fields() {
        let is_required = field.cardinality() == prost_reflect::Cardinality::Required;
        let kind = field.kind();
        let message_kind = kind.as_message();
        let is_too_deep = depth >= MAX_DEPTH && message_kind.is_some() && !is_required;
        if is_too_deep || message_kind.is_some_and(|inner| inner.full_name() == DURATION) {
            continue;
        }
        let count = match choices.byte() {
            _ if is_required => 1,
            choice if field.is_list() || field.is_map() => choice % 4,
            choice => choice % 2,
        };
        if count > 0 {
            message.set_field(&field, build_field(&field, count, choices, depth));
        }
    }
    message
}

fn build_field(
    field: &FieldDescriptor,
    count: u8,
    choices: &mut Choices<'_>,
    depth: usize,
) -> Value {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else {
            unreachable!("entries are messages")
        };
        let value_kind = entry.map_entry_value_field().kind();
        let entries = (0..count).map(|_| {
            let key = MapKey::String(text(choices));
            (key, build_value(&value_kind, choices, depth))
        });
        return Value::Map(entries.collect());
    }
    if field.is_list() {
        return Value::List(
            (0..count)
                .map(|_| build_value(&field.kind(), choices, depth))
                .collect(),
        );
    }
    build_value(&field.kind(), choices, depth)
}

fn build_value(kind: &Kind, choices: &mut Choices<'_>, depth: usize) -> Value {
    match kind {
        Kind::Double => Value::F64(match choices.byte() {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            _ => choices.number() as i64 as f64 / 1024.0,
        }),
        Kind::Int32 => Value::I32(choices.number() as i32),
        Kind::Int64 => Value::I64(choices.number() as i64),
        Kind::Uint32 => Value::U32(choices.number() as u32),
        Kind::Uint64 => Value::U64(choices.number()),
        Kind::Bool => Value::Bool(choices.byte().is_multiple_of(2)),
        Kind::String => Value::String(text(choices)),
        Kind::Bytes => Value::Bytes(choices.bytes().into()),
        Kind::Enum(values) => {
            let index = usize::from(choices.byte()) % values.values().len();
            Value::EnumNumber(values.values().nth(index).unwrap().number())
        }
        Kind::Message(inner) => Value::Message(build(inner, choices, depth + 1)),
        other => unreachable!("the API has no {other:?}"),
    }
}

fn text(choices: &mut Choices<'_>) -> String {
    String::from_utf8_lossy(&choices.bytes()).into_owned()
}

/// Sets what Mesos writes although it is unset: explicit defaults that are not deprecated.
fn fill_defaults(message: &mut DynamicMessage) {
    for field in message.descriptor().fields() {
        let proto = field.field_descriptor_proto();
        let deprecated = proto
            .options
            .as_ref()
            .is_some_and(|options| options.deprecated());
        if proto.default_value.is_some() && !deprecated && !message.has_field(&field) {
            message.set_field(&field, field.default_value());
        }
        if matches!(field.kind(), Kind::Message(_)) && message.has_field(&field) {
            fill_defaults_within(message.get_field_mut(&field));
        }
    }
}

fn fill_defaults_within(value: &mut Value) {
    match value {
        Value::Message(message) => fill_defaults(message),
        Value::List(list) => list.iter_mut().for_each(fill_defaults_within),
        Value::Map(map) => map.values_mut().for_each(fill_defaults_within),
        _ => {}
    }
}
