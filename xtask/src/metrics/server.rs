//! A real Prometheus: this repository's configuration with one member's address in it, and its HTTP API.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testbed::{Bed, Child, Door, wait_for};

use crate::run;

/// Longest start.
const START: Duration = Duration::from_secs(20);

/// Ended when dropped.
pub struct Server {
    process: Child,
    door: Door,
}

impl Server {
    /// Starts `prometheus` in the bed's folder with the configuration and the rules of `rules`: only the target is another, and everything
    /// happens each second. `promtool` must find the configuration right. `features` are those that are not on by themselves.
    pub fn start(bed: &Bed, rules: &Path, features: &str) -> Result<Self> {
        let folder = bed.path().join(format!("prometheus-{features}"));
        fs::create_dir(&folder)?;
        fs::copy(rules.join("rules.yaml"), folder.join("rules.yaml"))?;
        let config = fs::read_to_string(rules.join("prometheus.yaml"))?;
        let url = bed.door().url;
        let member = url.trim_start_matches("http://");
        let config = config
            .replace("\"HOST:7480\"", &format!("\"{member}\""))
            .replace(": 15s", ": 1s");
        if !config.contains(member) || !config.contains(": 1s") {
            bail!("prometheus.yaml has no \"HOST:7480\" or no 15s any more");
        }
        fs::write(folder.join("prometheus.yaml"), config)?;
        let mut promtool = run::command("promtool", &["check", "config", "prometheus.yaml"]);
        run::check(promtool.current_dir(&folder))?;
        // Prometheus does not say which port it took: a free one is chosen for it.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut prometheus = run::command(
            "prometheus",
            &["--config.file=prometheus.yaml", "--log.level=warn"],
        );
        prometheus
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--storage.tsdb.path=data")
            .arg(format!("--enable-feature={features}"))
            .current_dir(&folder);
        let process = Child::start("prometheus", &mut prometheus, &folder.join("log"))?;
        let door = Door {
            url: format!("http://127.0.0.1:{port}"),
        };
        let server = Self { process, door };
        wait_for("Prometheus", START, || Ok(Some(server.door.text("/-/ready")?)))
            .with_context(|| server.output())?;
        Ok(server)
    }

    /// What it printed.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// The result of an expression, now.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let data = self.get(&format!("query?query={}", encoded(expression)))?;
        match &data["result"] {
            Value::Array(result) => Ok(result.clone()),
            other => bail!("{expression}: {other}"),
        }
    }

    /// The exemplars of a selector's series, of the last five minutes.
    pub fn exemplars(&self, selector: &str) -> Result<Vec<Value>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let window = format!("start={}&end={}", now.saturating_sub(300), now + 5);
        let data = self.get(&format!("query_exemplars?{window}&query={}", encoded(selector)))?;
        let of_series = data.as_array().into_iter().flatten();
        Ok(of_series
            .flat_map(|series| series["exemplars"].as_array().into_iter().flatten().cloned())
            .collect())
    }

    /// Has any series the labels of `selector`?
    pub fn has_series(&self, selector: &str) -> Result<bool> {
        let data = self.get(&format!("series?match[]={}", encoded(selector)))?;
        Ok(data.as_array().is_some_and(|series| !series.is_empty()))
    }

    /// All rules, as Prometheus read them.
    pub fn rules(&self) -> Result<Vec<Value>> {
        let data = self.get("rules")?;
        let groups = data["groups"].as_array().into_iter().flatten();
        Ok(groups
            .flat_map(|group| group["rules"].as_array().into_iter().flatten().cloned())
            .collect())
    }

    fn get(&self, path: &str) -> Result<Value> {
        let mut answer = self.door.json(&format!("/api/v1/{path}"))?;
        if answer["status"] != "success" {
            bail!("{path}: {answer}");
        }
        Ok(answer["data"].take())
    }
}

/// Percent-encoding of a query's value: RFC 3986, section 2.3, all but unreserved characters.
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
