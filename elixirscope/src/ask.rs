//! `elixirscope traces` and `elixirscope trace`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use query::{TraceAnswer, TraceListing};

use crate::client::{self, Member};

/// Arguments of `traces`.
#[derive(Debug, clap::Args)]
pub(crate) struct TracesArgs {
    #[command(flatten)]
    member: Member,
    /// Only traces with errors.
    #[arg(long)]
    errors: bool,
    /// Only traces through this function: `Shop.Stock.reserve/2`, `Shop.Stock.*`, `*.handle_call/3`.
    #[arg(long, value_name = "M.f/a")]
    mfa: Option<String>,
    /// Only traces that began within this time: 90s, 5m, 2h, 1d.
    #[arg(long, value_parser = parse_duration, default_value = "1h")]
    since: Duration,
    /// At most so many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
pub(crate) struct TraceArgs {
    #[command(flatten)]
    member: Member,
    /// Trace id: 32 hex digits, as `traces` lists them.
    id: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Lists traces.
pub(crate) fn traces(args: &TracesArgs) -> Result<ExitCode> {
    let mut query = vec![
        ("since_s", args.since.as_secs().to_string()),
        ("limit", args.limit.to_string()),
    ];
    if args.errors {
        query.push(("errors", "true".to_owned()));
    }
    if let Some(mfa) = &args.mfa {
        query.push(("mfa", mfa.clone()));
    }
    let listing: TraceListing = args.member.get("/api/v1/traces", &query)?;
    if args.json {
        client::print(&format!("{}\n", serde_json::to_string_pretty(&listing)?))?;
    } else {
        client::print(&query::render_traces(&listing, client::style()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows a trace.
pub(crate) fn trace(args: &TraceArgs) -> Result<ExitCode> {
    if args.id.len() > 32 || args.id.is_empty() || !args.id.bytes().all(|b| b.is_ascii_hexdigit()) {
        bail!(
            "'{}' is no trace id; expected up to 32 hex digits, as `elixirscope traces` lists them",
            args.id
        );
    }
    let answer: TraceAnswer = args.member.get(&format!("/api/v1/traces/{}", args.id), &[])?;
    if args.json {
        client::print(&format!("{}\n", serde_json::to_string_pretty(&answer)?))?;
    } else {
        client::print(&query::render_trace(&answer, client::style()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `90s`, `5m`, `2h`, `1d`; a bare number is seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no duration; expected for example 90s, 5m, 2h or 1d");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: durations as people write them. Guarantee: read exactly, others refused with an example.
    #[test]
    fn durations() {
        assert_eq!(parse_duration("5m"), Ok(Duration::from_mins(5)));
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert!(parse_duration("5 minutes").is_err_and(|e| e.contains("5m")));
        assert!(parse_duration("99999999999999999999d").is_err());
    }
}
