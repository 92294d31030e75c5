//! The pid of one protocol in the place of another's.
use libprocess::prelude::*;

protocol! { pub local P = "p" {} }
protocol! { pub local Q = "q" {} }

pub fn store(pid: Pid<P>) -> Pid<Q> {
    pid
}
