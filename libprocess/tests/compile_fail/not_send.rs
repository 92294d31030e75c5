//! A message that cannot leave its thread.
use std::rc::Rc;

use libprocess::prelude::*;

pub struct Bound(pub Rc<u8>);

protocol! { pub local P = "p" { 1 => Bound -> () } }

pub fn send(node: &Node, pid: &Pid<P>) {
    node.tell(pid, Bound(Rc::new(1)));
}
