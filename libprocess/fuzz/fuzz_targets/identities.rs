#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| libprocess::fuzzing::identities(bytes));
