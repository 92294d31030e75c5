//! What the other cases are variations of. It compiles, or their errors would prove nothing.
use libprocess::prelude::*;

pub struct Known;

protocol! { pub local P = "p" { 1 => Known -> u64 } }

pub struct A;

impl Actor for A {
    type Context = Context<Self>;
}

impl Process for A {
    type Protocol = P;
}

impl Handler<Known> for A {
    type Result = u64;
    fn handle(&mut self, _: Known, _: &mut Context<Self>) -> u64 {
        1
    }
}

pub fn send(node: &Node, pid: &Pid<P>) {
    node.tell(pid, Known);
}
