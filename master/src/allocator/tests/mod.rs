//! The allocator without a master: scenarios that read like a log, and laws that hold for any
//! sequence of events.

mod constraints;
mod history;
mod laws;
mod naive;
mod process;
mod scale;
mod scenario;

use mesos::resources::Resources;
use mesos::v1::resource::disk_info::Persistence;
use mesos::v1::resource::{DiskInfo, ReservationInfo, RevocableInfo, SharedInfo, reservation_info};
use mesos::v1::{self, AgentId, FrameworkId};

fn agent_id(name: &str) -> AgentId {
    AgentId {
        value: name.to_owned(),
    }
}

fn framework_id(name: &str) -> FrameworkId {
    FrameworkId {
        value: name.to_owned(),
    }
}

/// Reads `cpus:4;cpus(eng):2;ports:[1-2]`, and what operators cannot write:
///
/// | Item | Is |
/// |---|---|
/// | `~cpus:2` | revocable |
/// | `disk(eng,ID):64` | a persistent volume |
/// | `&disk(eng,ID):64` | a shared one |
/// | `cpus(eng>eng/web):1` | a refined reservation |
#[track_caller]
fn resources(text: &str) -> Resources {
    let items = text.split(';').filter(|item| !item.trim().is_empty());
    items.map(item).sum()
}

#[track_caller]
fn item(text: &str) -> Resources {
    let bare = text.trim().trim_start_matches(['~', '&']);
    let (name, stack, volume) = match bare.split_once('(') {
        None => (bare.to_owned(), "", None),
        Some((name, rest)) => {
            let (inside, value) = rest.split_once("):").expect("a value");
            let (stack, volume) = match inside.split_once(',') {
                None => (inside, None),
                Some((stack, id)) => (stack, Some(id)),
            };
            (format!("{name}:{value}"), stack, volume)
        }
    };
    let plain = Resources::parse(&name, "*").unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut messages = plain.to_v1(mesos::resources::Format::PostRefinement);
    for message in &mut messages {
        decorate(message, text.trim(), stack, volume);
    }
    Resources::from_v1(&messages).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn decorate(message: &mut v1::Resource, text: &str, stack: &str, volume: Option<&str>) {
    let roles = stack.split('>').filter(|role| !role.is_empty());
    message.reservations = roles
        .enumerate()
        .map(|(depth, role)| ReservationInfo {
            r#type: Some(match depth {
                0 => reservation_info::Type::Static as i32,
                _ => reservation_info::Type::Dynamic as i32,
            }),
            role: Some(role.to_owned()),
            ..Default::default()
        })
        .collect();
    let volume = volume.map(|id| DiskInfo {
        persistence: Some(Persistence {
            id: id.to_owned(),
            principal: None,
        }),
        volume: Some(v1::Volume {
            container_path: "data".to_owned(),
            mode: v1::volume::Mode::Rw as i32,
            ..Default::default()
        }),
        ..Default::default()
    });
    message.disk = volume.map(Box::new);
    message.revocable = text.starts_with('~').then(RevocableInfo::default);
    message.shared = text.starts_with('&').then(SharedInfo::default);
}
