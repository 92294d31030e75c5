//! Two nodes with different ideas of one protocol: what a peer of another version survives.

use crate::common::SOON;
use libprocess::prelude::*;
use libprocess::tls::Authority;

/// The protocol as it was.
mod old {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(crate) struct Greet {
        pub(crate) name: String,
    }

    protocol! { pub(crate) Greeter = "greeter" { 1 => Greet -> String } }

    pub(crate) struct Polite;

    impl Actor for Polite {
        type Context = Context<Self>;
    }

    impl Process for Polite {
        type Protocol = Greeter;
    }

    impl Handler<Greet> for Polite {
        type Result = String;
        fn handle(&mut self, Greet { name }: Greet, _: &mut Context<Self>) -> String {
            format!("hello {name}")
        }
    }
}

/// The protocol with a message more, and one that was changed as it must not be.
mod new {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(crate) struct Greet {
        pub(crate) name: String,
        pub(crate) language: u8,
    }
    #[derive(Serialize, Deserialize)]
    pub(crate) struct Part;

    protocol! { pub(crate) Greeter = "greeter" { 1 => Greet -> String, 2 => Part -> () } }
}

#[tokio::test]
async fn an_older_node_refuses_what_it_does_not_know_and_goes_on() {
    let authority = Authority::generate("test");
    let start = |name| {
        Node::bind("127.0.0.1:0")
            .identity(authority.issue("node", name))
            .start()
    };
    let (here, there) = (start("new").await.unwrap(), start("old").await.unwrap());
    let polite = there.spawn("polite", |_| old::Polite).unwrap();
    let as_new = polite.any().assume::<new::Greeter>();

    let unknown = here.ask(&as_new, new::Part, SOON).await;
    assert!(matches!(unknown, Err(AskError::Refused(why)) if why.contains("number 2 is unknown")));
    here.tell(&as_new, new::Part);
    let name = || String::from("you");
    let changed = new::Greet {
        name: name(),
        language: 1,
    };
    let changed = here.ask(&as_new, changed, SOON).await;
    assert!(matches!(changed, Err(AskError::Refused(why)) if why.contains("1 bytes left over")));

    let greeting = here.ask(&polite, old::Greet { name: name() }, SOON).await;
    assert_eq!(greeting, Ok("hello you".into()));
}
