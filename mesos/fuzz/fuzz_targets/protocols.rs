//! Messages between roles, as peers send them: by the first byte, of which protocol.
#![no_main]

use libprocess::fuzzing::message;
use mesos::protocols::{
    AgentProtocol, ExecutorProtocol, FilesProtocol, MasterProtocol, ObserverProtocol, ReaderProtocol,
    SchedulerProtocol,
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((which, bytes)) = input.split_first() else {
        return;
    };
    match which % 7 {
        0 => message::<MasterProtocol>(bytes),
        1 => message::<AgentProtocol>(bytes),
        2 => message::<SchedulerProtocol>(bytes),
        3 => message::<ExecutorProtocol>(bytes),
        4 => message::<FilesProtocol>(bytes),
        5 => message::<ObserverProtocol>(bytes),
        _ => message::<ReaderProtocol>(bytes),
    }
});
