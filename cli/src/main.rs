//! `mesos`: the one binary. Every role of a cluster and every tool that talks to one.
//!
//! Called as `mesos-master` or `mesos-agent` (a symbolic link) it behaves as `mesos master` or `mesos agent`. This
//! crate reads the command line, fills in the configurations of the libraries, and prints; it decides nothing
//! about clusters. Start at [`arguments`] for what can be said and at [`commands`] for what is done.

mod arguments;
mod commands;
mod connection;
mod daemons;
mod logging;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use mimalloc::MiMalloc;

/// What agents' links allocate, the master's thread frees. With the system's allocator its locks are half of what a
/// failover of a large cluster costs.
#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse_from(called_as_role(std::env::args_os().collect()));
    match arguments.command {
        // The executor is started by agents, by the thousand: it keeps its own small runtime and logs to the sandbox.
        Command::Executor { default } => {
            logging::start_if_asked();
            match default {
                true => frameworks::default_executor::main(),
                false => frameworks::command_executor::main(),
            }
        }
        Command::Master(flags) => run(daemons::master(*flags)),
        Command::Agent(agent) => match agent.command {
            Some(command) => run(commands::agent(command)),
            None => run(daemons::agent(agent.flags)),
        },
        Command::Local(flags) => run(daemons::local(flags)),
        Command::Run(flags) => run(commands::run(flags)),
        Command::Task(command) => run(commands::task(command)),
        Command::Framework(command) => run(commands::framework(command)),
        Command::State(flags) => run(commands::state(flags)),
        Command::Explain(flags) => run(commands::explain(flags)),
        Command::Maintenance(command) => run(commands::maintenance(command)),
        Command::Registry(command) => run(commands::registry(command)),
        Command::Top(flags) => run(commands::top(flags)),
    }
}

/// What a command answers: the exit code, or an error that says what to do next.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

fn run(command: impl Future<Output = Outcome>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(command) {
        Ok(code) => code,
        Err(error) => failed(&*error),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("mesos: {error}");
    ExitCode::FAILURE
}

/// `mesos-master --port=5050` is `mesos master --port=5050`.
fn called_as_role(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let name = arguments
        .first()
        .and_then(|path| std::path::Path::new(path).file_name());
    let role = match name.and_then(|name| name.to_str()) {
        Some("mesos-master") => "master",
        Some("mesos-agent") | Some("mesos-slave") => "agent",
        Some("mesos-local") => "local",
        _ => return arguments,
    };
    arguments.insert(1, role.into());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_program_chooses_the_role() {
        let called =
            |name: &str| -> Vec<OsString> { called_as_role(vec![name.into(), "--port=1".into()]) };
        assert_eq!(called("/usr/sbin/mesos-master")[1], "master");
        assert_eq!(called("mesos-agent")[1], "agent");
        assert_eq!(called("mesos")[1], "--port=1");
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
