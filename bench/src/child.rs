//! Processes of a benchmark: this program itself with a hidden command. They speak in lines, and end
//! when the process that started them is gone.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::memory;

/// The hidden command of a process, and what it does with its arguments.
pub(crate) type Role = (&'static str, fn(&[String]));

/// For a process to end by itself, so that a profiler gets to write what it saw.
const PATIENCE: Duration = Duration::from_secs(2);

/// A process that plays a role.
pub(crate) struct Child {
    process: std::process::Child,
    /// Closing it tells the process to end.
    input: Option<ChildStdin>,
    /// Taken when it is to end.
    output: Option<Lines<BufReader<ChildStdout>>>,
}

impl Child {
    pub(crate) fn start(role: &str, arguments: &[&str]) -> Self {
        Self::start_by(&[], role, arguments)
    }

    /// Starts it by means of another command that then becomes it.
    pub(crate) fn start_by(by: &[&str], role: &str, arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let program = program.to_str().expect("a path of text");
        let words = [by, &[program, role], arguments].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        // Memory that is measured is what is in use: with mimalloc, what was freed is given back at once.
        command.env("MIMALLOC_PURGE_DELAY", "0");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("this program starts");
        let input = process.stdin.take();
        let output = process.stdout.take().expect("a pipe");
        Self {
            process,
            input,
            output: Some(BufReader::new(output).lines()),
        }
    }

    /// The next line it says.
    pub(crate) fn line(&mut self) -> String {
        let output = self.output.as_mut().expect("a process that goes on");
        let line = output.next().expect("a line of the other process");
        line.expect("readable output")
    }

    /// The resident bytes of one that [tells](tell_memory) them.
    pub(crate) fn memory(&mut self) -> u64 {
        let input = self.input.as_mut().expect("a pipe");
        writeln!(input, "memory?").expect("a process that listens");
        self.line().parse().expect("a number")
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("a process to kill");
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.input.take());
        let (ended, end) = mpsc::channel::<()>();
        if let Some(output) = self.output.take() {
            // It has ended when its output has.
            std::thread::spawn(move || {
                output.for_each(drop);
                drop(ended);
            });
            let _ = end.recv_timeout(PATIENCE);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In a child: the next line that was said to it; ends the process if nobody is there any more.
pub(crate) fn hear() -> String {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(1..) => line.trim_end().to_owned(),
        _ => std::process::exit(0),
    }
}

/// In a child: says how much memory it has whenever it is asked, until nobody is there any more.
pub(crate) fn tell_memory() -> ! {
    loop {
        hear();
        println!("{}", memory::resident());
    }
}
