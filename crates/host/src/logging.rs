//! Logs: text for people, JSON for machines, on standard error.

use std::io::IsTerminal;
use std::str::FromStr;

use crate::log_filter;

/// Form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One line an entry, for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Unknown format.
    #[error("log format {0:?} is neither text nor json")]
    Format(String),
    /// The filter is not one.
    #[error("log filter {filter:?}: {reason}")]
    Filter {
        /// As given.
        filter: String,
        /// Why not.
        reason: String,
    },
    /// Another filter could not be put in force.
    #[error("the log's filter cannot be changed: {0}")]
    Change(String),
    /// Somebody set it up before.
    #[error("logging is set up already")]
    Twice,
}

impl FromStr for LogFormat {
    type Err = LogError;
    fn from_str(s: &str) -> Result<Self, LogError> {
        match s {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(LogError::Format(other.to_owned())),
        }
    }
}

/// Sets the process's log, once. `filter` is like `info,agent=debug`; the HTTP door can change it (`log_filter`).
pub fn init_logging(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let env = log_filter::parse(filter)?;
    let builder = tracing_subscriber::fmt()
        // Else a log that cannot be written (its disk is full) is complained about on standard error, and that panics if it is the log.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    // The two are of different types.
    match format {
        LogFormat::Text => {
            let builder = builder.with_env_filter(env).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.try_init().map_err(|_| LogError::Twice)?;
            log_filter::control(filter, move |env| handle.reload(env).map_err(|e| e.to_string()));
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true);
            let builder = builder.with_env_filter(env).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.try_init().map_err(|_| LogError::Twice)?;
            log_filter::control(filter, move |env| handle.reload(env).map_err(|e| e.to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: wrong words are errors that repeat them.
    #[test]
    fn wrong_words() {
        assert!(
            "xml"
                .parse::<LogFormat>()
                .unwrap_err()
                .to_string()
                .contains("xml")
        );
        assert!(
            init_logging(LogFormat::Text, "a=b=c")
                .unwrap_err()
                .to_string()
                .contains("a=b=c")
        );
    }
}
