//! What is logged, changed while the process runs, and back by itself after a while: a log that says everything fills its disk.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;

use crate::logging::LogError;

/// How long another filter is in force if nobody says how long, and at most.
const FOR_S: u64 = 600;
const FOR_S_MAX: u64 = 86_400;
/// Longest filter, bytes.
const FILTER_BYTES_MAX: usize = 4_096;
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Puts a filter in force.
type Reload = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;

/// The filter of this process's log.
static CONTROL: OnceLock<Control> = OnceLock::new();

struct Control {
    began: String,
    reload: Reload,
    now: Mutex<Now>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
struct Now {
    filter: String,
    until: Option<Instant>,
    /// Changes so far: one that was changed again is not taken back.
    change: u64,
}

/// Reads a filter. A word that is neither a level nor has one would be taken for a target of which everything is logged: it is refused.
pub(crate) fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    let bad = |reason: String| LogError::Filter {
        filter: filter.chars().take(FILTER_BYTES_MAX).collect(),
        reason,
    };
    if filter.len() > FILTER_BYTES_MAX {
        return Err(bad(format!("longer than {FILTER_BYTES_MAX} bytes")));
    }
    for word in filter.split(',') {
        let level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
        if !word.is_empty() && !word.contains(['=', '[']) && !level(word) {
            let levels = LEVELS.join(", ");
            return Err(bad(format!(
                "{word:?} is no level ({levels}); one of a target is written target=level"
            )));
        }
    }
    EnvFilter::try_new(filter).map_err(|error| bad(error.to_string()))
}

/// From now on the filter can be changed.
pub(crate) fn control(
    filter: &str,
    reload: impl Fn(EnvFilter) -> Result<(), String> + Send + Sync + 'static,
) {
    let control = Control {
        began: filter.to_owned(),
        reload: Box::new(reload),
        now: Mutex::new(Now {
            filter: filter.to_owned(),
            until: None,
            change: 0,
        }),
    };
    // Who set the log up is the only one.
    let _ = CONTROL.set(control);
}

impl Control {
    /// Puts a filter in force; after some time the first one again, if it was not changed until then.
    fn set(&'static self, filter: Option<&str>, time: Duration) -> Result<(), LogError> {
        let wanted = filter.unwrap_or(&self.began);
        let parsed = parse(wanted)?;
        let mut now = self.now.lock();
        (self.reload)(parsed).map_err(LogError::Change)?;
        let back = wanted != self.began;
        now.until = back.then(|| Instant::now() + time);
        wanted.clone_into(&mut now.filter);
        now.change += 1;
        let (until, change) = (now.until, now.change);
        drop(now);
        tracing::info!(
            filter = wanted,
            for_s = back.then_some(time.as_secs()),
            "the log's filter changed"
        );
        if let Some(until) = until {
            tokio::spawn(async move {
                tokio::time::sleep_until(until).await;
                if self.now.lock().change == change
                    && let Err(error) = self.set(None, Duration::ZERO)
                {
                    tracing::error!(%error, "the log's filter stays as it is");
                }
            });
        }
        Ok(())
    }

    fn says(&self) -> Json<serde_json::Value> {
        let now = self.now.lock().clone();
        let left = |until: Instant| {
            let left = until.saturating_duration_since(Instant::now());
            left.as_millis().div_ceil(1_000)
        };
        let left = now.until.map(left);
        Json(json!({"filter": now.filter, "started_with": self.began, "seconds_left": left}))
    }
}

/// What to log, and for how long. Without a filter: what it began with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    filter: Option<String>,
    #[serde(default = "for_s")]
    for_s: u64,
}

fn for_s() -> u64 {
    FOR_S
}

/// `GET`: the filter that is in force; `POST`: another one.
pub(crate) fn route<S: Clone + Send + Sync + 'static>() -> MethodRouter<S> {
    get(show).post(change)
}

async fn show() -> Response {
    match CONTROL.get() {
        Some(control) => control.says().into_response(),
        None => failed(StatusCode::NOT_FOUND, "this process has no log of its own"),
    }
}

async fn change(change: Result<Query<Change>, QueryRejection>) -> Response {
    let Some(control) = CONTROL.get() else {
        return show().await;
    };
    let change = match change {
        Ok(Query(change)) => change,
        Err(rejection) => return failed(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    if !(1..=FOR_S_MAX).contains(&change.for_s) {
        let error = format!("for_s is {}: expected 1 to {FOR_S_MAX} seconds", change.for_s);
        return failed(StatusCode::BAD_REQUEST, &error);
    }
    match control.set(change.filter.as_deref(), Duration::from_secs(change.for_s)) {
        Ok(()) => control.says().into_response(),
        Err(error @ LogError::Change(_)) => failed(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(error) => failed(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

fn failed(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: levels, targets with levels and spans are taken; a word that would log everything of a target that there is not is refused by name.
    #[test]
    fn words_that_are_no_levels_are_refused() {
        for good in [
            "info",
            "INFO,collector=debug",
            "off,openraft=warn",
            "[span]=debug",
            "",
        ] {
            parse(good).unwrap();
        }
        let error = parse("info,debgu").unwrap_err().to_string();
        assert!(error.contains("\"debgu\" is no level (off, error,"), "{error}");
        assert!(parse("collector=loud").is_err());
        assert!(parse(&"x".repeat(5_000)).is_err());
    }

    /// Scenario: another filter for two seconds, at once a third one for one; both times run out. Guarantee: each is in force at once; in the end it is what it
    /// was, and the first one's end takes nothing back.
    #[tokio::test]
    async fn a_filter_goes_back_by_itself() {
        static SET: Mutex<Vec<String>> = Mutex::new(Vec::new());
        control("info", |filter| {
            SET.lock().push(filter.to_string());
            Ok(())
        });
        let control = CONTROL.get().unwrap();
        control.set(Some("debug"), Duration::from_secs(2)).unwrap();
        control.set(Some("warn"), Duration::from_secs(1)).unwrap();
        assert_eq!(control.says().0["filter"], "warn");
        assert!(control.says().0["seconds_left"].is_number());
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        assert_eq!(
            control.says().0,
            json!({"filter": "info", "started_with": "info", "seconds_left": null})
        );
        assert_eq!(*SET.lock(), ["debug", "warn", "info"]);
        assert!(control.set(Some("loud"), Duration::from_mins(1)).is_err());
        assert_eq!(control.says().0["filter"], "info");
    }
}
