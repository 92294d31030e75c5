//! The server as clients meet it: a real socket, every byte looked at.

mod events;
mod operator;
mod reads;
mod rig;
mod sandbox;
mod scheduler;
mod streams;
