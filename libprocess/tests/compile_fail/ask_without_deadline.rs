//! An ask that might wait for ever.
use libprocess::prelude::*;

pub struct Question;

protocol! { pub local P = "p" { 1 => Question -> u64 } }

pub async fn ask(node: &Node, pid: &Pid<P>) -> Result<u64, AskError> {
    node.ask(pid, Question).await
}
