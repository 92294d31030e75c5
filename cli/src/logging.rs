//! Log lines on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::arguments::LogFlags;

/// Turns logging on. `RUST_LOG`, where set, says more than the flags can.
///
/// # Errors
///
/// A level that does not exist: the message names those that do.
pub(crate) fn start(flags: &LogFlags) -> Result<(), String> {
    let level = match flags.logging_level.to_ascii_uppercase().as_str() {
        _ if flags.quiet => "error",
        "INFO" => "info",
        "WARNING" => "warn",
        "ERROR" => "error",
        other => {
            return Err(format!(
                "--logging_level: '{other}' is not a level; use INFO, WARNING or ERROR"
            ));
        }
    };
    // Servers and transports speak of every connection at their own info level.
    let default = format!("{level},actix_server=warn,actix_web=warn,quinn=warn,rustls=warn");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    write(filter);
    Ok(())
}

/// Turns logging on if `RUST_LOG` is set: what an executor logs would stand among its task's errors.
pub(crate) fn start_if_asked() {
    if let Ok(filter) = EnvFilter::try_from_default_env() {
        write(filter);
    }
}

fn write(filter: EnvFilter) {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
