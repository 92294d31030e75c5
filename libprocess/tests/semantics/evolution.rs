//! Two nodes with different versions of one protocol: what may change, and what becomes of the rest.

use crate::common::{SOON, soon};
use libprocess::prelude::*;
use libprocess::tls::Authority;
use serde::{Deserialize, Serialize};

/// The protocol as it was.
mod old {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub(crate) struct Greet {
        pub(crate) name: String,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Greeting(pub(crate) String);
    #[derive(Serialize, Deserialize)]
    pub(crate) struct Wave;

    protocol! { pub(crate) Greeter = "greeter" { 1 => Greet -> Greeting, 2 => Wave -> () } }

    pub(crate) struct Polite;

    impl Actor for Polite {
        type Context = Context<Self>;
    }

    impl Process for Polite {
        type Protocol = Greeter;
    }

    impl Handler<Greet> for Polite {
        type Result = MessageResult<Greet>;
        fn handle(&mut self, Greet { name }: Greet, _: &mut Context<Self>) -> Self::Result {
            MessageResult(Greeting(format!("hello {name}")))
        }
    }

    impl Handler<Wave> for Polite {
        type Result = ();
        fn handle(&mut self, _: Wave, _: &mut Context<Self>) {}
    }
}

/// The next version: a field more in a message and in its answer, a message less, a message more.
mod new {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub(crate) struct Greet {
        pub(crate) name: String,
        pub(crate) language: Option<String>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Greeting(pub(crate) String, pub(crate) Vec<String>);
    #[derive(Serialize, Deserialize)]
    pub(crate) struct Part;

    protocol! {
        pub(crate) Greeter = "greeter" version 2 { 1 => Greet -> Greeting, 3 => Part -> () }
    }

    pub(crate) struct Polyglot;

    impl Actor for Polyglot {
        type Context = Context<Self>;
    }

    impl Process for Polyglot {
        type Protocol = Greeter;
    }

    impl Handler<Greet> for Polyglot {
        type Result = MessageResult<Greet>;
        fn handle(&mut self, greet: Greet, _: &mut Context<Self>) -> Self::Result {
            let language = greet.language.unwrap_or_else(|| "no language".into());
            let text = format!("{} in {language}", greet.name);
            MessageResult(Greeting(text, vec![language]))
        }
    }

    impl Handler<Part> for Polyglot {
        type Result = ();
        fn handle(&mut self, _: Part, _: &mut Context<Self>) {}
    }
}

/// Changed as it must not be: another idea of the message under the same version.
mod careless {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub(crate) struct Greet {
        pub(crate) name: String,
        pub(crate) language: u8,
    }

    protocol! { pub(crate) Greeter = "greeter" { 1 => Greet -> old::Greeting } }
}

/// A node of each version, and the actor that lives there.
struct Scene {
    older: Node,
    newer: Node,
    polite: AnyPid,
    polyglot: AnyPid,
}

async fn scene() -> Scene {
    let authority = Authority::generate("test");
    let start = |name| {
        Node::bind("127.0.0.1:0")
            .identity(authority.issue("node", name))
            .start()
    };
    let (older, newer) = (start("old").await.unwrap(), start("new").await.unwrap());
    let polite = older.spawn("polite", |_| old::Polite).unwrap().any();
    let polyglot = newer.spawn("polyglot", |_| new::Polyglot).unwrap().any();
    Scene {
        older,
        newer,
        polite,
        polyglot,
    }
}

fn name() -> String {
    "you".into()
}

#[test]
fn the_version_is_one_until_it_is_raised() {
    assert_eq!((old::Greeter::VERSION, new::Greeter::VERSION), (1, 2));
}

#[tokio::test]
async fn an_older_node_does_not_see_new_fields() {
    let scene = scene().await;
    let to = scene.polite.assume::<new::Greeter>();
    let greet = new::Greet {
        name: name(),
        language: Some("French".into()),
    };
    let greeting = scene.newer.ask(&to, greet, SOON).await;
    // Nor does it set those of its answer.
    assert_eq!(greeting, Ok(new::Greeting("hello you".into(), vec![])));
}

#[tokio::test]
async fn fields_that_an_older_node_does_not_send_are_empty() {
    let scene = scene().await;
    let to = scene.polyglot.assume::<old::Greeter>();
    let greeting = scene
        .older
        .ask(&to, old::Greet { name: name() }, SOON)
        .await;
    // Of the answer it sees what it knows.
    assert_eq!(greeting, Ok(old::Greeting("you in no language".into())));
}

#[tokio::test]
async fn a_message_that_is_too_new_is_refused_or_dropped_and_counted() {
    let scene = scene().await;
    let to = scene.polite.assume::<new::Greeter>();
    let refused = scene.newer.ask(&to, new::Part, SOON).await;
    assert!(matches!(refused, Err(AskError::Refused(why)) if why.contains("number 3 is unknown")));
    scene.newer.tell(&to, new::Part);
    soon(undelivered(&scene.older, 2)).await;
    // Nothing else is disturbed.
    let greet = new::Greet {
        name: name(),
        language: None,
    };
    assert!(scene.newer.ask(&to, greet, SOON).await.is_ok());
}

#[tokio::test]
async fn a_message_that_is_no_more_is_refused_or_dropped_and_counted() {
    let scene = scene().await;
    let to = scene.polyglot.assume::<old::Greeter>();
    let refused = scene.older.ask(&to, old::Wave, SOON).await;
    assert!(matches!(refused, Err(AskError::Refused(why)) if why.contains("number 2 is unknown")));
    scene.older.tell(&to, old::Wave);
    soon(undelivered(&scene.newer, 2)).await;
    let greet = old::Greet { name: name() };
    assert!(scene.older.ask(&to, greet, SOON).await.is_ok());
}

#[tokio::test]
async fn within_one_version_bodies_fit_exactly() {
    let scene = scene().await;
    let to = scene.polite.assume::<careless::Greeter>();
    let greet = careless::Greet {
        name: name(),
        language: 1,
    };
    let refused = scene.newer.ask(&to, greet, SOON).await;
    assert!(matches!(refused, Err(AskError::Refused(why)) if why.contains("1 bytes left over")));
}

async fn undelivered(node: &Node, count: u64) {
    while node.undelivered() < count {
        tokio::task::yield_now().await;
    }
    assert_eq!(node.undelivered(), count);
}
