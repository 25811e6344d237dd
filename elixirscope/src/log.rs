//! `elixirscope log`: what a running process logs, and another filter for a while.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::ask;
use crate::client::{self, Member};

/// Arguments of `log`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// From now on, as `--log` of a role: info, debug, collector=debug. Left out: only shows what is in force.
    filter: Option<String>,
    /// For how long; then it is what the process was started with again. Up to a day.
    #[arg(long = "for", default_value = "10m", value_parser = ask::parse_duration, value_name = "TIME")]
    time: Duration,
    /// What the process was started with, at once.
    #[arg(long, conflicts_with = "filter")]
    reset: bool,
    #[command(flatten)]
    member: Member,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What is in force.
#[derive(Debug, Deserialize, Serialize)]
struct InForce {
    filter: String,
    started_with: String,
    seconds_left: Option<u64>,
}

/// Asks, or changes it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let path = "/api/v1/log";
    let in_force: InForce = if args.reset {
        args.member.post(path)?
    } else if let Some(filter) = &args.filter {
        if args.time < Duration::from_secs(1) {
            bail!("--for is {:?}: expected a second or more", args.time);
        }
        let seconds = args.time.as_secs().to_string();
        args.member
            .post_with(path, &[("filter", filter.clone()), ("for_s", seconds)])?
    } else {
        args.member.get(path, &[])?
    };
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&in_force)?)
    } else {
        render(&in_force)
    };
    client::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn render(in_force: &InForce) -> String {
    let InForce {
        filter, started_with, ..
    } = in_force;
    match in_force.seconds_left {
        Some(left) => format!("{filter}, for {left} s; then {started_with}\n"),
        None => format!("{filter}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: a filter that ends says when, and what is then.
    #[test]
    fn what_is_in_force_is_a_line() {
        let in_force = |seconds_left| InForce {
            filter: "debug".to_owned(),
            started_with: "info".to_owned(),
            seconds_left,
        };
        assert_eq!(render(&in_force(Some(9))), "debug, for 9 s; then info\n");
        assert_eq!(render(&in_force(None)), "debug\n");
    }
}
