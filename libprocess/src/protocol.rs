//! Protocols: closed, numbered lists of messages, made by [`protocol!`](crate::protocol).

use actix::{Actor, Message};

use crate::actor::Context;
use crate::parcel::{Head, OpenError, Parcel, Replier};

/// A closed, numbered list of messages that a kind of actor accepts.
///
/// Implemented by [`protocol!`](crate::protocol), never by hand: the hidden items may change.
pub trait Protocol: Sized + Send + Sync + 'static {
    /// The name that both sides must agree upon; part of the wire contract.
    const NAME: &'static str;
    /// Raised when the protocol changes: nodes tell each other which one they have, and what one of them
    /// wrote is read accordingly. See [`protocol!`](crate::protocol) for what may change.
    const VERSION: u16;
    /// The messages: number and type name.
    const MESSAGES: &'static [(u32, &'static str)];

    /// Turns bytes from another node, written with its `version` of this protocol, into a message for
    /// the mailbox.
    #[doc(hidden)]
    fn open(
        tag: u32,
        version: u16,
        body: &[u8],
        head: Head,
        reply: Option<Replier>,
    ) -> Result<Box<dyn Parcel>, OpenError>;
}

/// `P: Accepts<M>`: message `M` is listed in protocol `P`, so it may be sent to a `Pid<P>`.
#[diagnostic::on_unimplemented(
    message = "protocol `{Self}` does not list the message `{M}`",
    label = "not a message of `{Self}`"
)]
pub trait Accepts<M: Message>: Protocol {
    /// The number of the message on the wire.
    const TAG: u32;

    #[doc(hidden)]
    fn encode(message: &M, body: &mut crate::wire::Body) -> Result<(), crate::wire::EncodeError>;

    #[doc(hidden)]
    fn decode_answer(version: u16, body: &[u8]) -> Result<M::Result, crate::wire::DecodeError>;
}

/// `P: Serves<A>`: actor `A` handles every message of protocol `P`.
#[diagnostic::on_unimplemented(
    message = "`{A}` does not handle every message of protocol `{Self}`",
    label = "needs a `Handler` for each listed message"
)]
pub trait Serves<A: Actor<Context = Context<A>>>: Protocol {
    #[doc(hidden)]
    fn dispatch(actor: &mut A, tag: u32, parcel: Box<dyn Parcel>, ctx: &mut Context<A>);
}

/// An actor with an address: the protocol is what others may send it.
///
/// Does not compile unless the actor implements `Handler<M>` for every message `M` of the protocol.
pub trait Process: Actor<Context = Context<Self>> {
    /// What this actor accepts.
    type Protocol: Serves<Self>;
}

/// Declares a protocol: a closed, numbered list of messages.
///
/// ```
/// use libprocess::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// pub struct Add(pub u64);
/// #[derive(Serialize, Deserialize)]
/// pub struct Reset;
///
/// protocol! {
///     /// A counter. The numbers are the wire contract.
///     pub CounterProtocol = "counter" {
///         1 => Add -> u64,
///         2 => Reset -> (),
///     }
/// }
/// ```
///
/// `N => M -> R` also writes `impl Message for M { type Result = R; }`; plain `N => M` expects that impl
/// to exist. Messages and answers must be serde types, `Send` and `'static`.
///
/// `pub local Name = "..." { .. }` declares a protocol whose messages never leave the node: they need no
/// serde, and a pid of another node answers [`ExitReason::NoProcess`](crate::ExitReason::NoProcess).
///
/// # Change
///
/// A protocol has a version, 1 unless it says otherwise: `pub P = "name" version 2 { .. }`. Nodes tell each
/// other theirs, and understand each other as long as a higher version differs from a lower one only so:
///
/// * **A new message**, under a number that was never used. Nodes that do not know it refuse it to those
///   who ask, and drop and count what is told.
/// * **A new field at the end** of a message or answer. In what an older node sends it is `None`, `0`,
///   `false`, empty, or the first variant of an enum; older nodes do not see it. At the end means of the
///   message as a whole: a struct within it may only grow if it is the last thing there.
/// * **A message less**. Nodes that still send it are told so as above. Its number is not used again.
///
/// Everything else (another type, another order, a field removed) is another message: give it a new number.
/// Between nodes of the same version bodies must fit exactly, so a change without a new version is noticed.
///
/// # What does not compile
///
/// Numbers that are 0 or used twice, messages without an encoding, sending an unlisted message (the folder
/// `tests/compile_fail` has a case of each, and what the compiler says to it):
///
/// ```compile_fail,E0277
/// # use libprocess::prelude::*;
/// # struct Known; struct Unlisted;
/// # impl Message for Unlisted { type Result = (); }
/// protocol! { local P = "p" { 1 => Known -> () } }
/// fn send(node: &Node, pid: &Pid<P>) {
///     node.tell(pid, Unlisted);
/// }
/// ```
///
/// and leaving a listed message unhandled does not compile:
///
/// ```compile_fail,E0277
/// # use libprocess::prelude::*;
/// # struct Handled; struct Forgotten;
/// protocol! { local P = "p" { 1 => Handled -> (), 2 => Forgotten -> () } }
/// struct A;
/// impl Actor for A { type Context = Context<Self>; }
/// impl Handler<Handled> for A {
///     type Result = ();
///     fn handle(&mut self, _: Handled, _: &mut Context<Self>) {}
/// }
/// impl Process for A { type Protocol = P; }
/// ```
#[macro_export]
macro_rules! protocol {
    ($(#[$meta:meta])* $vis:vis local $name:ident = $id:literal $(version $version:literal)? {
        $($tag:literal => $($message:ident)::+ $(<$($arg:ty),+>)? $(-> $result:ty)?),* $(,)?
    }) => {
        $crate::__protocol!(@local [$(#[$meta])*] [$vis] $name $id [$($version)?]
            $($tag [$($message)::+ $(<$($arg),+>)?] [$($result)?])*);
    };
    ($(#[$meta:meta])* $vis:vis $name:ident = $id:literal $(version $version:literal)? {
        $($tag:literal => $($message:ident)::+ $(<$($arg:ty),+>)? $(-> $result:ty)?),* $(,)?
    }) => {
        $crate::__protocol!(@remote [$(#[$meta])*] [$vis] $name $id [$($version)?]
            $($tag [$($message)::+ $(<$($arg),+>)?] [$($result)?])*);
    };
}

/// The second half of [`protocol!`](crate::protocol), over normalised lists.
#[doc(hidden)]
#[macro_export]
macro_rules! __protocol {
    (@local [$($meta:tt)*] [$vis:vis] $name:ident $id:literal [$($version:literal)?] $($tag:literal [$message:ty] [$($result:ty)?])*) => {
        $crate::__protocol!(@common [$($meta)*] [$vis] $name $($tag [$message] [$($result)?])*);

        impl $crate::Protocol for $name {
            const NAME: &'static str = $id;
            const VERSION: u16 = $crate::__private::version(&[$($version)?]);
            const MESSAGES: &'static [(u32, &'static str)] = &[$(($tag, stringify!($message))),*];

            fn open(
                _tag: u32,
                _version: u16,
                _body: &[u8],
                _head: $crate::__private::Head,
                reply: Option<$crate::__private::Replier>,
            ) -> Result<Box<dyn $crate::__private::Parcel>, $crate::__private::OpenError> {
                $crate::__private::refuse($crate::__private::OpenError::LocalProtocol, reply)
            }
        }

        $(impl $crate::Accepts<$message> for $name {
            const TAG: u32 = $tag;

            fn encode(
                _: &$message,
                _: &mut $crate::__private::Body,
            ) -> Result<(), $crate::__private::EncodeError> {
                Err($crate::__private::EncodeError::LocalProtocol)
            }

            fn decode_answer(
                _: u16,
                _: &[u8],
            ) -> Result<<$message as $crate::Message>::Result, $crate::__private::DecodeError> {
                Err($crate::__private::DecodeError::LocalProtocol)
            }
        })*
    };
    (@remote [$($meta:tt)*] [$vis:vis] $name:ident $id:literal [$($version:literal)?] $($tag:literal [$message:ty] [$($result:ty)?])*) => {
        $crate::__protocol!(@common [$($meta)*] [$vis] $name $($tag [$message] [$($result)?])*);

        impl $crate::Protocol for $name {
            const NAME: &'static str = $id;
            const VERSION: u16 = $crate::__private::version(&[$($version)?]);
            const MESSAGES: &'static [(u32, &'static str)] = &[$(($tag, stringify!($message))),*];

            fn open(
                tag: u32,
                version: u16,
                body: &[u8],
                head: $crate::__private::Head,
                reply: Option<$crate::__private::Replier>,
            ) -> Result<Box<dyn $crate::__private::Parcel>, $crate::__private::OpenError> {
                match tag {
                    $($tag => $crate::__private::open::<Self, $message>(version, body, head, reply),)*
                    _ => $crate::__private::refuse(
                        $crate::__private::OpenError::Unlisted(tag),
                        reply,
                    ),
                }
            }
        }

        $(impl $crate::Accepts<$message> for $name {
            const TAG: u32 = $tag;

            fn encode(
                message: &$message,
                body: &mut $crate::__private::Body,
            ) -> Result<(), $crate::__private::EncodeError> {
                $crate::__private::encode_into(message, body)
            }

            fn decode_answer(
                version: u16,
                body: &[u8],
            ) -> Result<<$message as $crate::Message>::Result, $crate::__private::DecodeError> {
                let writer =
                    $crate::__private::Age::of(version, <Self as $crate::Protocol>::VERSION);
                $crate::__private::decode(body, writer)
            }
        })*
    };
    (@common [$($meta:tt)*] [$vis:vis] $name:ident $($tag:literal [$message:ty] [$($result:ty)?])*) => {
        $($meta)*
        $vis enum $name {}

        const _: () = $crate::__private::assert_distinct(&[$($tag),*]);
        // Evaluated here, or a version that is none would be found where it is first used.
        const _: u16 = <$name as $crate::Protocol>::VERSION;

        $($crate::__protocol!(@message [$message] [$($result)?]);)*

        impl<A> $crate::Serves<A> for $name
        where
            A: $crate::__private::Actor<Context = $crate::Context<A>>
                $(+ $crate::__private::Handler<$message>)*,
        {
            #[allow(unused_variables)]
            fn dispatch(
                actor: &mut A,
                tag: u32,
                parcel: Box<dyn $crate::__private::Parcel>,
                ctx: &mut $crate::Context<A>,
            ) {
                match tag {
                    $($tag => $crate::__private::dispatch::<A, $message>(actor, tag, parcel, ctx),)*
                    _ => $crate::__private::dispatch_unlisted(tag, parcel),
                }
            }
        }
    };
    (@message [$message:ty] []) => {};
    (@message [$message:ty] [$result:ty]) => {
        impl $crate::Message for $message {
            type Result = $result;
        }
    };
}

/// The version that a protocol declares, or 1.
#[doc(hidden)]
pub const fn version(declared: &[u16]) -> u16 {
    match declared {
        [] => 1,
        [version, ..] => {
            assert!(*version != 0, "versions start at 1");
            *version
        }
    }
}

/// Fails to compile where a protocol uses 0 or a number twice.
#[doc(hidden)]
pub const fn assert_distinct(tags: &[u32]) {
    let mut i = 0;
    while i < tags.len() {
        assert!(tags[i] != 0, "message numbers start at 1");
        let mut j = i + 1;
        while j < tags.len() {
            assert!(tags[i] != tags[j], "a message number is used twice");
            j += 1;
        }
        i += 1;
    }
}
