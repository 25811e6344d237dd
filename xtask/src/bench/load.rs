//! A member of its own with a load generator beside it.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::{Bed, Child};

use crate::run;

/// Memory that the member may take, MiB.
const MEMORY_MIB: &str = "512";

/// Builds both programs together, so that what they share is built once.
pub fn build() -> Result<()> {
    // The whole workspace, as tests have it: a part would resolve other features, and be built again.
    run::check(&mut run::cargo(&["build", "--workspace", "--bins"]))
}

/// A member in a folder of its own.
pub struct Member {
    bed: Bed,
    child: Child,
    otlp: String,
}

impl Member {
    /// Starts one with an empty store.
    pub fn start() -> Result<Self> {
        let bed = Bed::new(&run::target().join("debug/elixirscope"))?;
        let otlp = free_address()?;
        let child = up(&bed, &otlp)?;
        Ok(Self { bed, child, otlp })
    }

    /// Stops it in order and starts it again; returns when it is ready.
    pub fn restart(&mut self) -> Result<()> {
        self.child.stop()?;
        self.child = up(&self.bed, &self.otlp)?;
        Ok(())
    }

    /// Does it answer this path with 200?
    pub fn answers(&self, path: &str) -> bool {
        self.bed.door().text(path).is_ok()
    }

    /// Its store's folder.
    pub fn store(&self) -> PathBuf {
        self.bed.path().join("data/collector")
    }

    /// Puts a path behind its HTTP door.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.bed.door().url)
    }

    /// OTLP load.
    pub fn otlp(&self, name: &str, args: &[String]) -> Result<Value> {
        let mut all = vec![
            "otlp".to_owned(),
            format!("--endpoint=http://{}/v1/traces", self.otlp),
        ];
        all.extend(self.read_back(args));
        all.extend_from_slice(args);
        self.load(name, all)
    }

    /// Native load.
    pub fn quic(&self, name: &str, args: &[String]) -> Result<Value> {
        let tls = self.bed.path().join("data/tls");
        let mut all = vec![
            "quic".to_owned(),
            format!("--collector={}", self.bed.quic_address()),
            format!("--tls={}", tls.display()),
        ];
        all.extend_from_slice(args);
        self.load(name, all)
    }

    /// Where there is a door for traces by id, random ones are read back: 500, if `args` do not say how many.
    fn read_back(&self, args: &[String]) -> Vec<String> {
        if !self.answers("/tempo/api/echo") {
            return Vec::new();
        }
        let mut words = vec![format!("--query={}", self.url("/tempo/api/v2/traces/"))];
        if !args.iter().any(|word| word.starts_with("--verify=")) {
            words.push("--verify=500".to_owned());
        }
        words
    }

    fn load(&self, name: &str, args: Vec<String>) -> Result<Value> {
        let folder = run::target().join("report/load");
        fs::create_dir_all(&folder)?;
        let file = |end: &str| folder.join(format!("{name}.{end}"));
        let mut command = run::command(&run::target().join("debug/loadtest").to_string_lossy(), &[]);
        command
            .args(args)
            .arg("--json")
            .arg(format!("--server-pid={}", self.child.pid()))
            .arg(format!("--metrics={}", self.url("/metrics")))
            .arg(format!("--data-folder={}", self.store().display()))
            .arg(format!("--svg={}", file("svg").display()))
            .arg(format!("--hgrm={}", file("hgrm").display()));
        eprintln!("+ loadtest: {name}");
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start loadtest")?;
        let text = String::from_utf8_lossy(&output.stdout);
        // A load that lost something says so in its report.
        let report: Value = serde_json::from_str(&text)
            .with_context(|| format!("{name}: {}: no report: {text}", output.status))?;
        fs::write(file("json"), serde_json::to_string_pretty(&report)?)?;
        eprintln!("  {}", brief(&report));
        Ok(report)
    }
}

fn up(bed: &Bed, otlp: &str) -> Result<Child> {
    let args = ["--otlp-http", otlp, "--memory-mib", MEMORY_MIB, "--log", "warn"];
    bed.up(false, &args)
}

fn free_address() -> Result<String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.to_string())
}

fn brief(report: &Value) -> String {
    format!(
        "{:.0} {}s/s, p99 {:.1} ms, sent {}, stored {}, {:.2} CPU s per million",
        report["rate"].as_f64().unwrap_or_default(),
        report["item"].as_str().unwrap_or_default(),
        report["latency_ms"]["p99"].as_f64().unwrap_or_default(),
        report["counts"]["sent"],
        report["stored"],
        report["server"]["cpu_s_per_million"].as_f64().unwrap_or_default(),
    )
}

/// A figure of a report, by its path: `server/cpu_s_per_million`.
pub fn figure(name: &str, report: &Value, path: &str, unit: &str, goal: Option<f64>) -> Result<Value> {
    let value = report.pointer(&format!("/{path}")).and_then(Value::as_f64);
    let Some(value) = value else {
        bail!("the report of '{name}' has no {path}: {report}");
    };
    let mut figure = json!({"name": name, "value": value, "unit": unit});
    if let Some(goal) = goal {
        figure["goal"] = json!(goal);
    }
    Ok(figure)
}

/// The same, where more is better.
pub fn at_least(name: &str, report: &Value, path: &str, unit: &str, goal: f64) -> Result<Value> {
    let mut figure = figure(name, report, path, unit, Some(goal))?;
    figure["at_least"] = json!(true);
    Ok(figure)
}

/// Items sent that are not stored, or stored that were not sent, and whether what was read back was as sent.
pub fn conserved(name: &str, report: &Value) -> Result<Value> {
    let sent = report["counts"]["sent"]
        .as_i64()
        .context("no count of sent items")?;
    let stored = report["stored"].as_i64().context("no count of stored items")?;
    let read = |what: &str| report["verify"][what].as_i64().unwrap_or_default();
    let value = (sent - stored).abs() + read("asked") - read("equal");
    Ok(
        json!({"name": format!("{name}: sent and not stored, or not as sent"), "value": value, "unit": "items", "goal": 0}),
    )
}

/// The machine, as two runs of the generator saw it: absolute figures mean little without it.
pub fn yardstick(report: &Value) -> Result<Vec<Value>> {
    Ok(vec![
        figure(
            "yardstick: zstd -1 on the load's bytes, one core",
            report,
            "yardstick/zstd1_mb_s",
            "MB/s",
            None,
        )?,
        figure(
            "yardstick: memcpy, one core",
            report,
            "yardstick/memcpy_gb_s",
            "GB/s",
            None,
        )?,
    ])
}
