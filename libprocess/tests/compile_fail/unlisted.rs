//! Sending what the protocol does not list.
use libprocess::prelude::*;

pub struct Known;
pub struct KnownToo;
pub struct Unlisted;

impl Message for Unlisted {
    type Result = ();
}

protocol! { pub local P = "p" { 1 => Known -> (), 2 => KnownToo -> () } }

pub fn send(node: &Node, pid: &Pid<P>) {
    node.tell(pid, Unlisted);
}
