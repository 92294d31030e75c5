//! Log lines on standard error, as text or as JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// How a process logs. To be started once, by the binary: libraries never choose.
///
/// ```text
/// 2026-01-02T03:04:05.678901Z  INFO link up peer=agent/a          text
/// {"timestamp":"2026-01-02T03:04:05.678901Z","level":"INFO",
///  "message":"link up","peer":"agent/a","target":".."}              json, one line each
/// ```
///
/// JSON lines carry the spans they belong to: with `libprocess::message=debug` in the filter, that is the actor, the
/// message being handled and its trace, which is the same on all nodes that it led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// What to log where nothing else is said, as in `RUST_LOG`: `info`, `warn,my_app=debug`.
    pub filter: String,
    /// For people or for programs.
    pub format: Format,
    /// Whether `RUST_LOG`, where set, takes the place of the filter.
    pub environment: bool,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people; in colour on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why nothing is logged.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The filter is none.
    #[error("the log filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else takes the log lines already.
    #[error("logging was started already")]
    Started,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: Format::default(),
            environment: true,
        }
    }
}

impl Logs {
    /// From now on, what the process logs goes to standard error.
    ///
    /// # Errors
    /// If the filter is none, or logging was started before.
    pub fn start(&self) -> Result<(), LogsError> {
        let colours = std::io::stderr().is_terminal();
        self.subscriber(std::io::stderr, colours)?
            .try_init()
            .map_err(|_| LogsError::Started)
    }

    fn subscriber<W>(&self, writer: W, colours: bool) -> Result<tracing::Dispatch, LogsError>
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let asked = EnvFilter::try_from_default_env();
        let filter = match asked {
            Ok(filter) if self.environment => filter,
            _ => EnvFilter::try_new(&self.filter)?,
        };
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(writer)
            .with_ansi(colours && self.format == Format::Text);
        Ok(match self.format {
            Format::Text => lines.with_target(false).finish().into(),
            Format::Json => lines
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .finish()
                .into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(logs: &Logs) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = logs.subscriber(move || writer.clone(), true).unwrap();
        tracing::dispatcher::with_default(&subscriber, || {
            let span = tracing::info_span!("message", actor = "counter@10.0.0.1:1", trace = 7);
            span.in_scope(|| tracing::info!(peer = "agent/a", "link \"up\"\nnow"));
            tracing::debug!("left out");
        });
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_are_one_object_each_with_their_spans() {
        let line = logged(&Logs {
            format: Format::Json,
            environment: false,
            ..Logs::default()
        });
        assert_eq!(line.lines().count(), 1, "{line}");
        for part in [
            "\"level\":\"INFO\"",
            "\"message\":\"link \\\"up\\\"\\nnow\"",
            "\"peer\":\"agent/a\"",
            "\"actor\":\"counter@10.0.0.1:1\"",
            "\"trace\":7",
        ] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
        assert!(!line.contains('\u{1b}'), "no colours in {line}");
    }

    #[test]
    fn text_lines_are_for_people() {
        let line = logged(&Logs {
            environment: false,
            ..Logs::default()
        });
        assert!(line.contains("INFO"), "{line}");
        assert!(line.contains("link \"up\""), "{line}");
        assert!(!line.contains("left out"), "{line}");
    }

    #[test]
    fn a_filter_that_is_none_is_an_error() {
        let logs = Logs {
            filter: "my_app=loud".to_owned(),
            environment: false,
            ..Logs::default()
        };
        assert!(matches!(logs.start(), Err(LogsError::Filter(_))));
    }
}
