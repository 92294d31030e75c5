//! What an author of actors needs: `use libprocess::prelude::*;`.

pub use actix::fut::wrap_future;
pub use actix::{
    Actor, ActorContext, ActorFuture, ActorFutureExt, ActorResponse, ActorState, ActorStreamExt,
    ActorTryFutureExt, AsyncContext, AtomicResponse, Handler, Message, MessageResult, Response,
    ResponseActFuture, ResponseFuture, Running, SpawnHandle, StreamHandler, WrapFuture, WrapStream,
};

pub use crate::actor::{Context, Peer};
pub use crate::error::{AskError, ExitReason, Exited, SendError, SpawnError};
pub use crate::node::{Ask, Node};
pub use crate::pid::{AnyPid, Pid};
pub use crate::protocol;
pub use crate::protocol::{Accepts, Process, Protocol};
