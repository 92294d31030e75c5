//! A handler whose answer is not what the protocol says.
use libprocess::prelude::*;

pub struct Question;

protocol! { pub local P = "p" { 1 => Question -> u64 } }

pub struct A;

impl Actor for A {
    type Context = Context<Self>;
}

impl Handler<Question> for A {
    type Result = String;
    fn handle(&mut self, _: Question, _: &mut Context<Self>) -> String {
        String::new()
    }
}
