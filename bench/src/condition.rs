//! In what state the machine is while something is measured.

use std::process::{Child, Command, Stdio};

/// A latency on a quiet machine is mostly the time that a sleeping core takes to wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing else runs; cores sleep when we do.
    Quiet,
    /// Every core spins in a process of idle priority, which gives way to everything at once.
    Awake,
}

impl Condition {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Condition::Quiet => "quiet",
            Condition::Awake => "awake",
        }
    }

    /// Holds the condition until the result is dropped.
    pub(crate) fn hold(self) -> Vec<Spinner> {
        match self {
            Condition::Quiet => Vec::new(),
            Condition::Awake => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                (0..cores).map(|_| Spinner::start()).collect()
            }
        }
    }
}

/// A process that keeps a core awake.
pub(crate) struct Spinner(Child);

impl Spinner {
    fn start() -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        // `chrt` belongs to util-linux, which every distribution has.
        let mut command = Command::new("chrt");
        command.args(["--idle", "0"]).arg(program).arg(SPIN);
        let child = command.stdin(Stdio::piped()).spawn();
        Self(child.expect("chrt (of util-linux) starts"))
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The hidden command of a spinner.
pub(crate) const SPIN: &str = "spin";

/// Spins until the process that started this one is gone.
pub(crate) fn spin() -> ! {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    loop {
        std::hint::spin_loop();
    }
}
