//! A chat in a group: three guests on three nodes, who know one address and find each other.
//!
//! The nodes are in one process here only because that is easier to start; they talk over QUIC as any others.

use std::net::SocketAddr;
use std::time::Duration;

use libprocess::group::{GroupChange, GroupEvent, Groups};
use libprocess::prelude::*;
use libprocess::tls::Authority;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const LOBBY: &str = "lobby";

/// Something was said. `Clone`, as it goes to many.
#[derive(Clone, Serialize, Deserialize)]
struct Said(String);

/// Please say something.
#[derive(Serialize, Deserialize)]
struct Say(String);

protocol! {
    GuestProtocol = "chat.guest" {
        1 => Said -> (),
        2 => Say -> (),
        // Listed, so that a guest can be told who comes and goes.
        3 => GroupEvent,
    }
}

struct Guest {
    groups: Groups,
    /// Here a real one would draw on a screen.
    screen: UnboundedSender<String>,
}

impl Actor for Guest {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let me = ctx.me();
        // First the events, so that a guest sees itself enter. It leaves by ending.
        let entered = self.groups.events(LOBBY, &me);
        let entered = entered.and_then(|()| self.groups.join(LOBBY, &me));
        if let Err(error) = entered {
            ctx.fail(error.to_string());
        }
    }
}

impl Process for Guest {
    type Protocol = GuestProtocol;
}

impl Guest {
    fn show(&self, line: String) {
        // Whoever turned the screen off does not want to know.
        let _ = self.screen.send(line);
    }
}

impl Handler<Say> for Guest {
    type Result = ();
    fn handle(&mut self, Say(text): Say, ctx: &mut Context<Self>) {
        // To all members of whom this node knows, this guest among them.
        self.groups
            .publish_from::<_, GuestProtocol, _>(ctx, LOBBY, &Said(text));
    }
}

impl Handler<Said> for Guest {
    type Result = ();
    fn handle(&mut self, Said(text): Said, ctx: &mut Context<Self>) {
        let from = ctx.sender().map_or("somebody", AnyPid::name);
        self.show(format!("{} reads: <{from}> {text}", ctx.me().name()));
    }
}

impl Handler<GroupEvent> for Guest {
    type Result = ();
    fn handle(&mut self, event: GroupEvent, ctx: &mut Context<Self>) {
        let did = match event.change {
            GroupChange::Joined => "is here",
            GroupChange::Left => "has left",
        };
        self.show(format!(
            "{} sees: {} {did}",
            ctx.me().name(),
            event.member.name()
        ));
    }
}

/// Waits for so many lines, and prints them in an order that does not depend on the network.
async fn print(screen: &mut UnboundedReceiver<String>, count: usize) {
    let mut lines = Vec::new();
    while lines.len() < count
        && let Some(line) = screen.recv().await
    {
        lines.push(line);
    }
    lines.sort();
    println!("{}\n", lines.join("\n"));
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let authority = Authority::generate("chat");
    let (screen, mut shown) = unbounded_channel();
    let mut nodes = Vec::new();
    let mut seed: Option<SocketAddr> = None;
    for name in ["ann", "ben", "cleo"] {
        let identity = authority.issue("guest", name);
        let node = Node::bind("127.0.0.1:0").identity(identity).start().await?;
        // The first node knows nobody; the others know the first, and meet each other through it.
        let groups = Groups::start(&node, seed)?;
        seed.get_or_insert(node.address());
        let screen = screen.clone();
        let guest = node.spawn(name, |_| Guest { groups, screen })?;
        nodes.push((node, guest));
    }

    // Everybody sees everybody, themselves included.
    print(&mut shown, 9).await;

    let (node, ann) = &nodes[0];
    node.tell(ann, Say("good evening".into()));
    print(&mut shown, 3).await;

    // The node goes, and with it the guest.
    let (node, _) = nodes.remove(2);
    node.shutdown(Duration::from_secs(1)).await;
    print(&mut shown, 2).await;
    Ok(())
}
