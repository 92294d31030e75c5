#![no_main]
mod forms;

use mesos::wire::ContentType;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| forms::read(ContentType::Json, bytes));
