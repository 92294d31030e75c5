//! An actor that leaves a listed message unhandled.
use libprocess::prelude::*;

pub struct Handled;
pub struct Forgotten;

protocol! { pub local P = "p" { 1 => Handled -> (), 2 => Forgotten -> () } }

pub struct A;

impl Actor for A {
    type Context = Context<Self>;
}

impl Handler<Handled> for A {
    type Result = ();
    fn handle(&mut self, _: Handled, _: &mut Context<Self>) {}
}

impl Process for A {
    type Protocol = P;
}
