//! The example project of `examples/phoenix_shaped`: the change that puts ElixirScope into it is applied to a copy, which is compiled, released,
//! started beside a real member and asked; its requests are read back as traces, by the program's own commands.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use testbed::{Bed, Child, wait_for};

use crate::run;

/// Where the example is.
const EXAMPLE: &str = "examples/phoenix_shaped";
/// How the change keeps what the running node may need of its modules; and as a release strips without being told.
const KEEPS: &str = r#"strip_beams: [keep: ["Dbgi", "ESst", "ESor"]]"#;
const STRIPS: &str = "strip_beams: true";
/// A value that is to leave the node nowhere.
const SECRET: &str = "4111222233334444";
/// Until a release answers, and until its traces are there.
const LIMIT: Duration = Duration::from_mins(1);

/// Both forms of the release, one after the other, beside one member. `built`: a folder of programs that are there.
pub fn run(built: Option<&Path>) -> Result<()> {
    if built.is_none() {
        run::check(&mut run::cargo(&["build", "--workspace", "--bins"]))?;
    }
    let began = Instant::now();
    let programs = built.map_or_else(|| run::target().join("debug"), Path::to_path_buf);
    let bed = Bed::new(&programs.join("elixirscope"))?;
    let _member = bed.up(true, &[])?;
    let project = changed(&bed.path().join("bookshop"))?;
    mix(&project, "test", &["test"])?;
    mix(&project, "prod", &["compile", "--warnings-as-errors"])?;
    run::check(&mut bed.program(&["sync", &project.to_string_lossy()]))?;
    release(&bed, &project, "kept", true)?;
    replace(&project.join("mix.exs"), KEEPS, STRIPS)?;
    release(&bed, &project, "stripped", false)?;
    eprintln!(
        "examples: two releases traced, in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// A copy of the project, changed, with the library where the change wants it.
fn changed(project: &Path) -> Result<PathBuf> {
    copy(&format!("{EXAMPLE}/bookshop"), project)?;
    copy("beam/lib", &project.join("vendor/elixir_scope/lib"))?;
    copy("beam/mix.exs", &project.join("vendor/elixir_scope"))?;
    let change = run::root().join(EXAMPLE).join("elixir_scope.diff");
    // Outside of a repository, whatever one lies above.
    let mut apply = run::command("git", &["apply"]);
    apply.arg(change).current_dir(project).env("GIT_DIR", "none");
    run::check(&mut apply)?;
    Ok(project.to_owned())
}

/// Copies the tracked or new files below a path of the repository, never what builds left.
fn copy(from: &str, to: &Path) -> Result<()> {
    let list = ["ls-files", "-co", "--exclude-standard", from];
    let list = run::output(&mut run::command("git", &list))?;
    for file in list.lines() {
        let inner = file
            .strip_prefix(from)
            .unwrap_or_default()
            .trim_start_matches('/');
        let name = Path::new(file).file_name().context("a file without a name")?;
        let target = if inner.is_empty() {
            to.join(name)
        } else {
            to.join(inner)
        };
        fs::create_dir_all(target.parent().context("no folder")?)?;
        fs::copy(run::root().join(file), &target).with_context(|| format!("cannot copy {file}"))?;
    }
    ensure!(!list.is_empty(), "{from} has no files");
    Ok(())
}

fn mix(project: &Path, env: &str, args: &[&str]) -> Result<()> {
    let mut mix = run::command("mix", args);
    mix.current_dir(project)
        .env("MIX_ENV", env)
        .env_remove("MIX_BUILD_PATH")
        .env_remove("ELIXIRSCOPE_SOCKET");
    run::check(&mut mix)
}

fn replace(file: &Path, old: &str, new: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    ensure!(text.contains(old), "{} has no {old}", file.display());
    Ok(fs::write(file, text.replace(old, new))?)
}

/// Makes a release, runs it as a node of its own name, and reads its traces. `removable`: its originals are kept.
fn release(bed: &Bed, project: &Path, name: &str, removable: bool) -> Result<()> {
    mix(project, "prod", &["release", "--overwrite", "--quiet"])?;
    let mut node = Node::start(bed, project, name)?;
    for (order, status) in [("book=sicp&quantity=2", "201"), ("book=taocp&quantity=9", "422")] {
        let answer = node.order(&format!("{order}&card_number={SECRET}"))?;
        ensure!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{order}: {answer}"
        );
    }
    let traces = wait_for("the traces of two orders", LIMIT, || {
        let found = placed(bed, &node.name)?;
        Ok((found.len() >= 2).then_some(found))
    })?;
    check(&traces, &node.name)?;
    let removed = node.rpc("IO.inspect(ElixirScope.remove(Bookshop.Orders))")?;
    let expected = if removable {
        ":ok"
    } else {
        "{:error, {:no_original, Bookshop.Orders}}"
    };
    ensure!(
        removed.trim() == expected,
        "remove said {removed}, not {expected}"
    );
    node.child.stop()
}

/// The traces in which this node placed an order, each as `elixirscope trace --json` tells it.
fn placed(bed: &Bed, node: &str) -> Result<Vec<Value>> {
    let list = [
        "traces",
        "--mfa",
        "Bookshop.Orders.place/1",
        "--since",
        "10m",
        "--json",
    ];
    let list: Value = serde_json::from_str(&run::output(&mut bed.program(&list))?)?;
    let mut found = Vec::new();
    for row in list["traces"].as_array().context("no list")? {
        let id = row["trace"].as_str().context("no id")?;
        let trace: Value = serde_json::from_str(&run::output(&mut bed.program(&["trace", id, "--json"]))?)?;
        // Whole once the router has answered: its frame is the first.
        if trace["nodes"] == serde_json::json!([node]) && trace["items"][0]["frame"]["closed"] == "observed" {
            found.push(trace);
        }
    }
    Ok(found)
}

/// One order found the clause of the stock that has enough, the other the one that has not; lines, values and no secret.
fn check(traces: &[Value], node: &str) -> Result<()> {
    let items = || {
        traces
            .iter()
            .flat_map(|trace| trace["items"].as_array().into_iter().flatten())
    };
    let text = serde_json::to_string(traces)?;
    ensure!(
        traces.len() == 2 && !text.contains(SECRET),
        "not two traces without the card's number: {text}"
    );
    ensure!(
        traces.iter().all(|t| t["complete"] == true),
        "not complete: {text}"
    );
    for line in [
        "  def call(%Conn{method: \"POST\", path: [\"orders\"]} = conn, _opts),",
        "  def handle_call({:take, slug, quantity}, _from, there) do",
        "      %{^slug => level} when level >= quantity ->",
        "      _ ->",
    ] {
        let seen = items().any(|item| item["place"]["source_line"] == line && item["node"] == node);
        ensure!(seen, "no event at `{line}`: {text}");
    }
    let clause = items().filter(|i| i["name"] == "BookshopWeb.Router.call/2" && i["clause"] == 3);
    ensure!(
        clause.count() >= 2,
        "the router's third clause is not there twice: {text}"
    );
    for (name, value) in [("quantity", "2"), ("level", "20"), ("slug", "\"taocp\"")] {
        let values = items().flat_map(|item| item["values"].as_array().into_iter().flatten());
        let mut named = values.filter(|v| v["name"] == name);
        ensure!(named.any(|v| v["text"] == value), "no {name} = {value}: {text}");
    }
    Ok(())
}

/// A release that runs.
struct Node {
    child: Child,
    name: String,
    port: u16,
    program: PathBuf,
    env: Vec<(&'static str, String)>,
    distribution: String,
}

impl Node {
    fn start(bed: &Bed, project: &Path, name: &str) -> Result<Self> {
        let port = free()?;
        let node = format!("bookshop-{name}@127.0.0.1");
        // No name server: the node listens where it is told, and whoever calls it is told too.
        let distribution = format!(
            "-start_epmd false -erl_epmd_port {} -kernel inet_dist_use_interface {{127,0,0,1}}",
            free()?
        );
        let env = vec![
            ("PORT", port.to_string()),
            ("RELEASE_DISTRIBUTION", "name".to_owned()),
            ("RELEASE_NODE", node.clone()),
            (
                "RELEASE_TMP",
                bed.path().join(name).to_string_lossy().into_owned(),
            ),
            ("ELIXIR_ERL_OPTIONS", distribution.clone()),
            ("ELIXIRSCOPE_SOCKET", bed.socket().to_string_lossy().into_owned()),
            ("ERL_CRASH_DUMP", "/dev/null".to_owned()),
        ];
        let bin = project.join("_build/prod/rel/bookshop/bin");
        let mut command = Command::new(bin.join("server"));
        command.envs(env.iter().map(|(name, value)| (name, value)));
        let child = Child::start(&node, &mut command, &bed.path().join(format!("{name}.log")))?;
        let mut node = Self {
            child,
            name: node,
            port,
            program: bin.join("bookshop"),
            env,
            distribution,
        };
        let asked = wait_for("the release", LIMIT, || {
            if let Some(status) = node.child.ended()? {
                bail!("it ended with {status}");
            }
            Ok(node.request("GET /books/sicp HTTP/1.1\r\n\r\n").ok())
        });
        let answer = asked.with_context(|| node.child.output())?;
        ensure!(answer.contains("\"price\":5900"), "GET /books/sicp: {answer}");
        Ok(node)
    }

    fn order(&self, form: &str) -> Result<String> {
        let length = form.len();
        self.request(&format!(
            "POST /orders HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{form}"
        ))
    }

    fn request(&self, request: &str) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// What the release's own `rpc` command prints.
    fn rpc(&self, expression: &str) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["rpc", expression]);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        // It calls the node's port and listens on none.
        let caller = format!("{} -dist_listen false", self.distribution);
        run::output(command.env("ELIXIR_ERL_OPTIONS", caller))
    }
}

fn free() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
