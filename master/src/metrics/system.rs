//! The machine: load, memory, processors.

/// What the machine says of itself; what it does not say is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct System {
    /// Runnable threads, averaged over 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
    /// Processors this process may use.
    pub cpus: Option<usize>,
    /// Memory, in bytes.
    pub mem_total: Option<u64>,
    /// Memory used by nobody, in bytes.
    pub mem_free: Option<u64>,
}

/// Asks the machine.
pub fn read() -> System {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    System {
        load: load_averages(&load),
        cpus: std::thread::available_parallelism().ok().map(usize::from),
        mem_total: kibibytes(&memory, "MemTotal:"),
        mem_free: kibibytes(&memory, "MemFree:"),
    }
}

fn load_averages(text: &str) -> Option<[f64; 3]> {
    let mut numbers = text.split_whitespace().map(|word| word.parse().ok());
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
}

/// The value of a line such as `MemTotal:  24684096 kB`, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = value.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(
            load_averages("3.84 2.41 2.80 1/200 999\n"),
            Some([3.84, 2.41, 2.80])
        );
        assert_eq!(load_averages("x"), None);
        let memory = "MemTotal:       24684096 kB\nMemFree:  2 kB\n";
        assert_eq!(kibibytes(memory, "MemTotal:"), Some(24_684_096 * 1024));
        assert_eq!(kibibytes(memory, "MemFree:"), Some(2048));
        assert_eq!(kibibytes(memory, "Swap:"), None);
    }
}
