// The counter of counter.rs, for examples that are about something else.

use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Add(u64);
protocol! { CounterProtocol = "counter" { 1 => Add -> u64 } }

struct Counter(u64);
#[rustfmt::skip]
impl Actor for Counter { type Context = Context<Self>; }
#[rustfmt::skip]
impl Process for Counter { type Protocol = CounterProtocol; }
#[rustfmt::skip]
impl Handler<Add> for Counter {
    type Result = u64;
    fn handle(&mut self, Add(n): Add, _: &mut Context<Self>) -> u64 { self.0 += n; self.0 }
}
