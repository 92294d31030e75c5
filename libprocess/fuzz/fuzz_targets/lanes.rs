#![no_main]
use libprocess::fuzzing::World;

thread_local! {
    static WORLD: World = World::new();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| WORLD.with(|world| world.lanes(bytes)));
