//! `history`: what became of a function or module, through renames and moves.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use codegraph::lineage::LineageKind;
use codegraph::records::Records;
use repo_sync::history::{Moment, Shelf, What, current, find_function, past, revision};
use serde_json::{Value, json};

use super::table::Table;
use super::{Common, open};
use crate::client;

/// Digits of an id that are shown to a person.
const DIGITS: usize = 10;

/// Arguments of `history`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code history Shop.Stock.take/2
  elixirscope code history Shop.Stock --at v1.7.0 --json

Needs versions: elixirscope code index --git main")]
pub(crate) struct HistoryArgs {
    /// Shop.Stock.take/2, Shop.Stock.take for all numbers of parameters, or a module: as the version calls it.
    name: String,
}

/// Answers.
pub(super) fn run(common: &Common, args: &HistoryArgs, records: &dyn Records) -> Result<()> {
    let mut shelf = Shelf::new(records)?;
    let version = if let Some(name) = &common.at {
        revision(&shelf, &common.project, name)?.version
    } else {
        let (_, checked_out) = current(&shelf, &common.project)?;
        checked_out.context("what is checked out is no version yet: elixirscope code index --git HEAD")?
    };
    let mut answer = Vec::new();
    let mut text = String::new();
    for entity in find_function(&mut shelf, version, &args.name)? {
        let moments = past(&mut shelf, version, &entity)?;
        if common.json {
            answer.push(json!({
                "name": entity.name,
                "entity": entity.entity.to_string(),
                "history": moments.iter().map(value).collect::<Vec<_>>(),
            }));
            continue;
        }
        let mut table = Table::new(&["VERSION", "DATE", "WHAT", ">SURE", "NAME", "PLACE", "MESSAGE"]);
        for moment in &moments {
            table.row([
                short(moment),
                date(moment.time_s),
                moment.what.iter().map(words).collect::<Vec<_>>().join(", "),
                sure(moment),
                moment.named.name.clone(),
                format!("{}:{}", moment.named.path, moment.named.line),
                moment.subject.chars().take(60).collect(),
            ]);
        }
        let _ = write!(
            text,
            "{} (entity {})\n{}",
            entity.name,
            entity.entity,
            table.text()
        );
    }
    if common.json {
        return open::print(&json!({ "version": version.to_string(), "found": answer }));
    }
    client::print(&text)
}

fn short(moment: &Moment) -> String {
    let id = match &moment.commit {
        Some(commit) => commit.to_string(),
        None => moment.version.to_string(),
    };
    id.chars().take(DIGITS).collect()
}

/// What happened, in words.
fn words(what: &What) -> String {
    match what {
        What::Added => "added".to_owned(),
        What::Restored => "restored".to_owned(),
        What::Became(kind, ..) => word(*kind).to_owned(),
        What::File { from } => format!("file was {from}"),
        What::From(kind, _, name) => format!("{} from {name}", word(*kind)),
        What::Into(LineageKind::Extracted, _, name) => format!("{name} extracted from it"),
        What::Into(kind, _, name) => format!("{} into {name}", word(*kind)),
    }
}

/// The name of a kind of change.
pub(super) fn word(kind: LineageKind) -> &'static str {
    match kind {
        LineageKind::Same => "same",
        LineageKind::Edited => "edited",
        LineageKind::Renamed => "renamed",
        LineageKind::Moved => "moved",
        LineageKind::Copied => "copied",
        LineageKind::Extracted => "extracted",
        LineageKind::Inlined => "inlined",
        LineageKind::Split => "split",
        LineageKind::Merged => "merged",
    }
}

fn confidence(what: &What) -> u16 {
    match what {
        What::Added | What::Restored | What::File { .. } => 1000,
        What::Became(_, _, confidence) | What::From(_, confidence, _) | What::Into(_, confidence, _) => {
            *confidence
        }
    }
}

fn sure(moment: &Moment) -> String {
    let least = moment.what.iter().map(confidence).min().unwrap_or(1000);
    format!("{}%", least / 10)
}

fn value(moment: &Moment) -> Value {
    let what = moment.what.iter().map(|what| {
        let (kind, other) = match what {
            What::Added => ("added", None),
            What::Restored => ("restored", None),
            What::Became(kind, ..) => (word(*kind), None),
            What::File { from } => ("file", Some(json!({ "file": from }))),
            What::From(kind, _, name) => (word(*kind), Some(json!({ "from": name }))),
            What::Into(kind, _, name) => (word(*kind), Some(json!({ "into": name }))),
        };
        let evidence = match what {
            What::Became(_, evidence, _) => Some(format!("{evidence:?}").to_lowercase()),
            _ => None,
        };
        json!({
            "kind": kind,
            "other": other,
            "evidence": evidence,
            "confidence": f64::from(confidence(what)) / 1000.0,
        })
    });
    json!({
        "version": moment.version.to_string(),
        "commit": moment.commit.as_ref().map(ToString::to_string),
        "date": date(moment.time_s),
        "time": moment.time_s,
        "message": moment.subject,
        "what": what.collect::<Vec<_>>(),
        "name": moment.named.name,
        "file": moment.named.path,
        "line": moment.named.line,
    })
}

/// The day of a time in seconds since 1970, UTC; `-` of a working tree, which has none. After Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn date(time_s: i64) -> String {
    if time_s == 0 {
        return "-".to_owned();
    }
    let days = time_s.div_euclid(86_400) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::date;

    /// Scenario: days at both sides of leap days and of 1970. Guarantee: the calendar's dates.
    #[test]
    fn days_have_dates() {
        for (time, expected) in [
            (1, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (0, "-"),
        ] {
            assert_eq!(date(time), expected);
        }
    }
}
