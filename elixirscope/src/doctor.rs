//! `elixirscope doctor`: what is wrong and what to do about it.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::client::{self, Member};

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    member: Member,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Nothing to do.
    Ok,
    /// Works, but look at it.
    Warn,
    /// Does not work.
    Fail,
}

/// One check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) check: String,
    /// How it came out.
    pub(crate) verdict: Verdict,
    /// What was seen.
    pub(crate) seen: String,
    /// What to do; empty if nothing.
    pub(crate) advice: String,
}

impl Finding {
    /// A check that came out as `verdict`.
    pub(crate) fn new(check: &str, verdict: Verdict, seen: String, advice: &str) -> Self {
        let advice = if verdict == Verdict::Ok {
            String::new()
        } else {
            advice.to_owned()
        };
        Self {
            check: check.to_owned(),
            verdict,
            seen,
            advice,
        }
    }
}

/// Asks the member and prints its findings. Fails if a check fails.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let findings: Vec<Finding> = args.member.get("/api/v1/doctor", &[])?;
    if args.json {
        client::print(&format!("{}\n", serde_json::to_string_pretty(&findings)?))?;
    } else {
        client::print(&render(&findings))?;
    }
    let failed = findings.iter().any(|f| f.verdict == Verdict::Fail);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn render(findings: &[Finding]) -> String {
    let width = findings.iter().map(|f| f.check.len()).max().unwrap_or_default();
    let mut out = String::new();
    for finding in findings {
        let verdict = match finding.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        let _ = writeln!(out, "{verdict}  {:<width$}  {}", finding.check, finding.seen);
        if !finding.advice.is_empty() {
            let _ = writeln!(out, "      {:<width$}  -> {}", "", finding.advice);
        }
    }
    out
}
