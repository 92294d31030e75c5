//! Sandboxes through the master.

use std::sync::Arc;

use libprocess::prelude::*;
use mesos::protocols::files::{Browse, Chunk, FilesError, Read};
use mesos::protocols::{FilesProtocol, names};
use mesos::v1::FileInfo;
use mesos::wire::Pb;
use serde_json::{Value, json};

use super::rig::{Response, Rig, takes_everything};
use crate::documents::samples;

/// Has one file, `/log`, and reads at most four bytes of it at once.
struct FakeFiles;

const LOG: &[u8] = b"hello, \xff world\n";

impl Actor for FakeFiles {
    type Context = Context<Self>;
}

impl Process for FakeFiles {
    type Protocol = FilesProtocol;
}

impl Handler<Browse> for FakeFiles {
    type Result = Result<Vec<Pb<FileInfo>>, FilesError>;

    fn handle(&mut self, message: Browse, _: &mut Context<Self>) -> Self::Result {
        match message.path.as_str() {
            "/" => Ok(vec![Pb(FileInfo {
                path: "/log".into(),
                size: Some(LOG.len() as u64),
                mode: Some(0o100_640),
                ..Default::default()
            })]),
            _ => Err(FilesError::NotFound(message.path)),
        }
    }
}

impl Handler<Read> for FakeFiles {
    type Result = Result<Chunk, FilesError>;

    fn handle(&mut self, message: Read, _: &mut Context<Self>) -> Self::Result {
        if message.path != "/log" {
            return Err(FilesError::Forbidden(message.path));
        }
        let size = LOG.len() as u64;
        let begin = message.offset.unwrap_or(size).min(size);
        let end = (begin + message.length.unwrap_or(4).min(4)).min(size);
        Ok(Chunk {
            offset: begin,
            data: LOG[begin as usize..end as usize].to_vec(),
        })
    }
}

/// A rig whose only agent has these files.
fn rig() -> Rig {
    let rig = Rig::new(takes_everything);
    let mut view = samples::view();
    let (id, agent) = view.cluster.agents.iter().next().unwrap();
    let mut moved = (**agent).clone();
    moved.pid = Pid::named(names::AGENT, rig.node.address());
    view.cluster.agents = [(id.clone(), Arc::new(moved))].into_iter().collect();
    rig.views.send_replace(Arc::new(view));
    rig.node.spawn(names::FILES, |_| FakeFiles).unwrap();
    rig
}

#[tokio::test]
async fn sandboxes_are_listed_read_and_downloaded() {
    let rig = rig();
    let json = |response: Response| serde_json::from_slice::<Value>(&response.body).unwrap();
    let listing = json(rig.get("/agent/m-S0/files/browse?path=%2F").await);
    assert_eq!(listing[0]["path"], "/log");
    assert_eq!(listing[0]["mode"], "-rw-r-----");
    let size = rig.get("/agent/m-S0/files/read?path=/log&offset=-1").await;
    assert_eq!(json(size), json!({"data": "", "offset": 15, "next": 15}));
    let part = rig
        .get("/agent/m-S0/files/read?path=/log&offset=5&length=3")
        .await;
    assert_eq!(
        json(part),
        json!({"data": ", \u{fffd}", "offset": 5, "next": 8})
    );
    let whole = rig.get("/agent/m-S0/files/download?path=/log").await;
    assert_eq!(whole.body, LOG);
    let disposition = whole.header("content-disposition");
    assert_eq!(disposition, Some("attachment; filename=\"log\""));
    rig.stop().await;
}

#[tokio::test]
async fn what_cannot_be_seen_says_why() {
    let rig = rig();
    for (target, status) in [
        ("/agent/m-S0/files/browse?path=/x", 404),
        ("/agent/m-S0/files/read?path=/secret&offset=0", 403),
        ("/agent/m-S0/files/download?path=/secret", 403),
        ("/agent/m-S0/files/browse", 400),
        ("/agent/nobody/files/browse?path=/", 404),
        ("/agent/m-S0/files/erase?path=/", 404),
    ] {
        assert_eq!(rig.get(target).await.status, status, "{target}");
    }
    rig.stop().await;
}
