//! Log lines on standard error.

use libprocess::daemon::Logs;

use crate::arguments::{LogFlags, LogFormat};

/// Servers and transports speak of every connection at their own info level.
const CALMED: &str = "actix_server=warn,actix_web=warn,quinn=warn,rustls=warn";

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
    let logs = Logs {
        filter: format!("{level},{CALMED}"),
        format: match flags.logging_format {
            LogFormat::Text => libprocess::daemon::Format::Text,
            LogFormat::Json => libprocess::daemon::Format::Json,
        },
        ..Logs::default()
    };
    logs.start().map_err(|error| error.to_string())
}

/// Turns logging on if `RUST_LOG` is set: what an executor logs would stand among its task's errors.
pub(crate) fn start_if_asked() {
    if std::env::var_os("RUST_LOG").is_some() {
        // An executor without a log is better than none.
        let _ = Logs::default().start();
    }
}
