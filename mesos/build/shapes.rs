//! Writes `shapes.rs`: for each message a constant table of its fields, by which `mesos::wire`
//! reads and writes JSON and checks protobuf, and the impls that tie the table to the type.

use std::fmt::Write;

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Repeated fields that Mesos writes as `[]` when they are empty: it builds these answers by hand,
/// where all others come out of its generic encoder, which leaves empty fields out.
const WRITTEN_WHEN_EMPTY: &[&str] = &[
    "mesos.v1.agent.Response.GetExecutors.completed_executors",
    "mesos.v1.agent.Response.GetExecutors.executors",
    "mesos.v1.agent.Response.GetFrameworks.completed_frameworks",
    "mesos.v1.agent.Response.GetFrameworks.frameworks",
    "mesos.v1.agent.Response.GetTasks.completed_tasks",
    "mesos.v1.agent.Response.GetTasks.launched_tasks",
    "mesos.v1.agent.Response.GetTasks.pending_tasks",
    "mesos.v1.agent.Response.GetTasks.queued_tasks",
    "mesos.v1.agent.Response.GetTasks.terminated_tasks",
    "mesos.v1.master.Response.GetAgents.agents",
    "mesos.v1.master.Response.GetAgents.recovered_agents",
    "mesos.v1.master.Response.GetExecutors.executors",
    "mesos.v1.master.Response.GetFrameworks.completed_frameworks",
    "mesos.v1.master.Response.GetFrameworks.frameworks",
    "mesos.v1.master.Response.GetTasks.completed_tasks",
    "mesos.v1.master.Response.GetTasks.tasks",
    "mesos.v1.master.Response.GetTasks.unreachable_tasks",
];

/// The reader marks the fields it has seen in a 64-bit mask.
const MAX_FIELDS: usize = 64;

/// The text of `shapes.rs`.
pub(crate) fn generate(descriptors: &FileDescriptorSet) -> String {
    let mut out = String::new();
    for file in &descriptors.file {
        let package = file.package();
        for message in &file.message_type {
            write_message(&mut out, package, message);
        }
        for values in &file.enum_type {
            write_enum(&mut out, package, values);
        }
    }
    out
}

fn write_message(out: &mut String, scope: &str, message: &DescriptorProto) {
    let name = format!("{scope}.{}", message.name());
    assert!(
        message.field.len() <= MAX_FIELDS,
        "{name} has too many fields"
    );
    assert_oneofs_are_contiguous(&name, message);

    let mut fields: Vec<_> = message.field.iter().collect();
    fields.sort_by_key(|field| field.number());
    let constant = constant_name(&name);
    writeln!(
        out,
        "static {constant}: Shape = Shape {{ name: {name:?}, fields: &["
    )
    .unwrap();
    for field in fields {
        write_field(out, &name, message, field);
    }
    writeln!(out, "] }};").unwrap();
    let is_map_entry = message.options.as_ref().is_some_and(|o| o.map_entry());
    if let Some(path) = rust_path(scope, message.name()).filter(|_| !is_map_entry) {
        writeln!(out, "described!({path}, {constant});").unwrap();
    }

    for nested in &message.nested_type {
        write_message(out, &name, nested);
    }
    for values in &message.enum_type {
        write_enum(out, &name, values);
    }
}

fn write_field(
    out: &mut String,
    message_name: &str,
    message: &DescriptorProto,
    field: &FieldDescriptorProto,
) {
    let is_map = message.nested_type.iter().any(|nested| {
        nested.options.as_ref().is_some_and(|o| o.map_entry())
            && field.type_name() == format!(".{message_name}.{}", nested.name())
    });
    let label = match field.label() {
        _ if is_map => "Map",
        Label::Optional => "Optional",
        Label::Required => "Required",
        Label::Repeated => "Repeated",
    };
    let kind = match field.r#type() {
        Type::Double => "Double".to_owned(),
        Type::Int32 => "Int32".to_owned(),
        Type::Int64 => "Int64".to_owned(),
        Type::Uint32 => "Uint32".to_owned(),
        Type::Uint64 => "Uint64".to_owned(),
        Type::Bool => "Bool".to_owned(),
        Type::String => "String".to_owned(),
        Type::Bytes => "Bytes".to_owned(),
        Type::Enum => format!("Enum(&{})", constant_name(&field.type_name()[1..])),
        Type::Message => format!("Message(&{})", constant_name(&field.type_name()[1..])),
        other => panic!(
            "{message_name}.{}: teach mesos::wire {other:?} first",
            field.name()
        ),
    };
    let name = field.name();
    let write_empty = WRITTEN_WHEN_EMPTY.contains(&format!("{message_name}.{name}").as_str());
    writeln!(
        out,
        "    Field {{ number: {}, name: {name:?}, label: Label::{label}, kind: Kind::{kind}, \
         default: {}, write_empty: {write_empty} }},",
        field.number(),
        written_default(field),
    )
    .unwrap();
}

/// The default that an unset field shows in JSON: explicit ones, unless the field is deprecated.
fn written_default(field: &FieldDescriptorProto) -> String {
    let deprecated = field.options.as_ref().is_some_and(|o| o.deprecated());
    let Some(value) = field.default_value.as_deref().filter(|_| !deprecated) else {
        return "None".to_owned();
    };
    match field.r#type() {
        Type::Bool => format!("Some(DefaultValue::Bool({value}))"),
        Type::Double => format!("Some(DefaultValue::Double({value}_f64))"),
        Type::String | Type::Enum => format!("Some(DefaultValue::Text({value:?}))"),
        Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => {
            format!("Some(DefaultValue::Integer({value}))")
        }
        other => panic!(
            "{}: teach mesos::wire a default of {other:?} first",
            field.name()
        ),
    }
}

fn write_enum(out: &mut String, scope: &str, values: &EnumDescriptorProto) {
    let constant = constant_name(&format!("{scope}.{}", values.name()));
    writeln!(
        out,
        "static {constant}: Enumeration = Enumeration {{ values: &["
    )
    .unwrap();
    for value in &values.value {
        writeln!(out, "    ({}, {:?}),", value.number(), value.name()).unwrap();
    }
    writeln!(out, "] }};").unwrap();
}

/// The writer walks the fields by number; prost writes a oneof where its first number stands.
fn assert_oneofs_are_contiguous(name: &str, message: &DescriptorProto) {
    let mut fields: Vec<_> = message.field.iter().collect();
    fields.sort_by_key(|field| field.number());
    let mut groups: Vec<_> = fields.iter().map(|field| field.oneof_index).collect();
    groups.dedup();
    for index in 0..message.oneof_decl.len() {
        let runs = groups
            .iter()
            .filter(|group| **group == Some(index as i32))
            .count();
        assert!(
            runs <= 1,
            "{name}: the numbers of a oneof must stand together"
        );
    }
}

/// `mesos.v1.scheduler.Call.Accept` → `MESOS_V1_SCHEDULER_CALL_ACCEPT`. Full names differ in more
/// than case and dots, so there are no clashes (and rustc would refuse them).
fn constant_name(full_name: &str) -> String {
    full_name.replace('.', "__").to_uppercase()
}

/// The path at which prost-build puts a message; `None` for Google's own types, which belong to
/// another crate.
fn rust_path(scope: &str, name: &str) -> Option<String> {
    let scope = scope.strip_prefix("mesos.")?;
    let modules: Vec<_> = scope.split('.').map(|part| part.to_snake_case()).collect();
    Some(format!(
        "crate::{}::{}",
        modules.join("::"),
        name.to_upper_camel_case()
    ))
}
