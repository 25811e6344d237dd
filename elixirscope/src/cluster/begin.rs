//! How clusters begin and grow: certificates, and the words to start members with.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::Asked;
use crate::client;

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub(super) struct Init {
    /// Folder of the certificates: an authority and one certificate a role are made there, unless they are there already.
    #[arg(long, default_value = "elixirscope-tls")]
    tls: PathBuf,
    /// `host:port` of the members' QUIC doors, to be named in the words.
    #[arg(long, value_delimiter = ',', default_values = ["HOST1:7481", "HOST2:7481", "HOST3:7481"])]
    members: Vec<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Init {
    pub(super) fn run(&self) -> Result<()> {
        transport::tls::dev_ca(&self.tls)?;
        let commands = starts(&self.tls.display().to_string(), &self.members, self.members.len());
        if self.json {
            return client::print(&format!("{}\n", json!({"tls": self.tls, "start": commands})));
        }
        let mut text = format!(
            "certificates are in {0}: copy the folder to every machine ({0}/ca.key only where certificates are made)\n",
            self.tls.display()
        );
        for command in commands {
            let _ = writeln!(text, "{command}");
        }
        client::print(&text)
    }
}

/// How to start these members: the first founds the cluster.
fn starts(tls: &str, members: &[String], replicas: usize) -> Vec<String> {
    let Some((first, others)) = members.split_first() else {
        return Vec::new();
    };
    let start = |member: &String, more: String| {
        let port = member.rsplit_once(':').map_or("7481", |(_, port)| port);
        format!("elixirscope up --tls {tls} --quic 0.0.0.0:{port} --advertise {member}{more}")
    };
    let replicas = replicas.clamp(1, 3);
    let founder = start(first, format!(" --replicas {replicas}"));
    let joins = others.iter().map(|m| start(m, format!(" --join {first}")));
    std::iter::once(founder).chain(joins).collect()
}

/// Arguments of `join`.
#[derive(Debug, clap::Args)]
pub(super) struct Join {
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Deserialize)]
struct Status {
    members: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    addresses: Vec<String>,
    removed: bool,
}

impl Join {
    pub(super) fn run(&self) -> Result<()> {
        let status: Status = self.asked.member.get("/api/v1/cluster", &[])?;
        let there = status.members.iter().filter(|m| !m.removed);
        let doors: Vec<_> = there
            .flat_map(|m| m.addresses.iter().filter_map(|a| a.strip_prefix("quic://")))
            .collect();
        let doors = doors.join(",");
        let command =
            format!("elixirscope up --tls FOLDER --quic 0.0.0.0:7481 --advertise HOST:7481 --join {doors}");
        let answer = json!({"join": doors, "start": command});
        let text = format!(
            "{command}\n(FOLDER: a copy of the certificates of a member; `collector` in place of `up`: it only follows)\n"
        );
        self.asked.show(&answer, || Ok(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: three members on machines of their own; none. Guarantee: the first founds, the others join it, each listens on the port it names.
    #[test]
    fn the_first_founds() {
        let members = ["a:7481", "b:7482", "c:1"].map(str::to_owned);
        let said = starts("tls", &members, 3);
        assert_eq!(
            said,
            [
                "elixirscope up --tls tls --quic 0.0.0.0:7481 --advertise a:7481 --replicas 3",
                "elixirscope up --tls tls --quic 0.0.0.0:7482 --advertise b:7482 --join a:7481",
                "elixirscope up --tls tls --quic 0.0.0.0:1 --advertise c:1 --join a:7481",
            ]
        );
        assert!(starts("tls", &[], 0).is_empty());
    }
}
