//! Formats that members write, and losses that an operator accepted (`docs/cluster.md`).

use std::fmt::Write as _;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::Asked;
use crate::code::table::Table;

/// Arguments of `finalize`.
#[derive(Debug, clap::Args)]
pub(super) struct Finalize {
    /// Only show what each member could write.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Deserialize)]
struct Formats {
    in_force: u32,
    newest: u32,
    members: Vec<Able>,
}

#[derive(Debug, Deserialize)]
struct Able {
    id: u64,
    name: String,
    newest: Option<u32>,
}

impl Finalize {
    pub(super) fn run(&self) -> Result<()> {
        if self.check {
            let answer: Value = self.asked.member.get("/api/v1/cluster/formats", &[])?;
            return self
                .asked
                .show(&answer, || Ok(render(&serde_json::from_value(answer.clone())?)));
        }
        let answer: Value = self.asked.member.post("/api/v1/cluster/finalize")?;
        let format = answer.get("format").cloned().unwrap_or_default();
        let text = format!("all members write format {format} now; releases that cannot are refused\n");
        self.asked.show(&answer, || Ok(text))
    }
}

fn render(formats: &Formats) -> String {
    let (in_force, newest) = (formats.in_force, formats.newest);
    let mut out = format!("format {in_force} in force; the member that was asked writes up to {newest}\n\n");
    let mut table = Table::new(&[">id", "name", "writes up to"]);
    for able in &formats.members {
        let newest = able
            .newest
            .map_or_else(|| "no answer".to_owned(), |n| n.to_string());
        table.row([able.id.to_string(), able.name.clone(), newest]);
    }
    let _ = write!(out, "{}", table.text());
    out
}

/// Arguments of `forget-losses`.
#[derive(Debug, clap::Args)]
pub(super) struct ForgetLosses {
    /// Of this shard only.
    #[arg(long)]
    shard: Option<u16>,
    #[command(flatten)]
    asked: Asked,
}

impl ForgetLosses {
    pub(super) fn run(&self) -> Result<()> {
        let path = match self.shard {
            Some(shard) => format!("/api/v1/cluster/losses/forget?shard={shard}"),
            None => "/api/v1/cluster/losses/forget".to_owned(),
        };
        let answer: Value = self.asked.member.post(&path)?;
        self.asked
            .show(&answer, || Ok("the losses are forgotten\n".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Scenario: one member that can, one that cannot, one that is silent. Guarantee: a line each.
    #[test]
    fn what_members_could_write_is_a_table() {
        let answer = json!({"in_force": 1, "newest": 2, "members": [
            {"id": 1, "name": "a", "newest": 2}, {"id": 2, "name": "b", "newest": 1}, {"id": 3, "name": "c", "newest": null}]});
        let expected = "format 1 in force; the member that was asked writes up to 2

id  name  writes up to
 1  a     2
 2  b     1
 3  c     no answer
";
        assert_eq!(render(&serde_json::from_value(answer).unwrap()), expected);
    }
}
