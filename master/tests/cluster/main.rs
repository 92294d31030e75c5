//! The actors of a master together, with an agent and a scheduler that do as they are told. All on
//! one thread in virtual time: an hour takes no time, and the same run is the same every time.

mod fakes;
mod lives;
mod network;
mod regions;
mod restart;
mod whitelist;
mod wishes;
mod world;
