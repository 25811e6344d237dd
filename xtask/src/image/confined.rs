//! Runs the program from the image's root file system as a cluster would under the `restricted` pod standard: the image's user, no
//! capabilities, no new privileges, a root that cannot be written, a folder for data. Only root can set this up.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::{Child, Door, Signal, wait_for};

use super::declared::{COMMAND, ENTRYPOINT, ENV, UID};
use crate::pack::is_root;

/// Longest start and longest orderly end, with which a machine that is busy with other things can keep.
const READY: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(15);

/// A mount namespace in which `$1` is the root, read-only, with `$2` as its `/data`; then, without any privilege, the program. Each step
/// replaces the one before, so the process that was started is the program at the end. Devices are those that any container has.
const SCRIPT: &str = r#"
root=$1 data=$2 user=$3 program=$4; shift 4
capsh=$(command -v capsh)
mount --bind "$root" "$root"
mount -t proc -o ro,nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o nosuid,nodev,size=16m,mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o nosuid,size=64k,mode=755 tmpfs "$root/dev"
for device in null zero random urandom; do
  : > "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"
done
mount --bind "$data" "$root/data"
mount -o remount,bind,ro "$root"
exec env -i "$@" "$capsh" --chroot="$root" --drop=all --groups="$user" --gid="$user" --uid="$user" --no-new-privs --shell="$program" -- "#;

/// Can it be set up here?
pub fn may() -> bool {
    is_root()
}

/// Runs it; the figures.
pub fn run(root: &Path, version: &str) -> Result<Vec<Value>> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    fs::create_dir(&data)?;
    chown(&data, Some(UID), Some(UID))?;

    let said = confined(root, &data, &["--version"])?.output()?;
    let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    if !said.status.success() || text != format!("elixirscope {version}") {
        bail!(
            "--version: {} {text} {}",
            said.status,
            String::from_utf8_lossy(&said.stderr)
        );
    }

    let (http, quic) = (free_tcp()?, free_udp()?);
    let doors = ["--http", &http, "--quic", &quic, "--no-otlp"];
    let args: Vec<&str> = COMMAND.iter().copied().chain(doors).collect();
    let began = Instant::now();
    let mut child = Child::start(
        "image",
        &mut confined(root, &data, &args)?,
        &folder.path().join("log"),
    )?;
    let outcome = serve(&mut child, &http);
    let (ready, stopped) = outcome.with_context(|| format!("the program said:\n{}", child.output()))?;
    let ready = ready.duration_since(began);
    if fs::read_dir(&data)?.next().is_none() {
        bail!("nothing was written to the data folder");
    }
    Ok(vec![
        json!({"name": "confined: start to ready", "value": ready.as_secs_f64(), "unit": "s", "goal": READY.as_secs()}),
        json!({"name": "confined: SIGTERM to end", "value": stopped.as_secs_f64(), "unit": "s", "goal": STOP.as_secs()}),
    ])
}

/// Until it is ready, then its end; when it was ready, and how long the end took.
fn serve(child: &mut Child, http: &str) -> Result<(Instant, Duration)> {
    let door = Door {
        url: format!("http://{http}"),
    };
    wait_for("/ready of the image's program", READY, || {
        if let Some(status) = child.ended()? {
            bail!("it ended: {status}");
        }
        Ok(door.ready().then_some(()))
    })?;
    let ready = Instant::now();
    is_confined(child.pid())?;
    let asked = Instant::now();
    child.signal(Signal::TERM);
    let status = child.wait(STOP)?;
    if !status.success() {
        bail!("SIGTERM ended it with {status}");
    }
    Ok((ready, asked.elapsed()))
}

/// What the kernel says of the process: a check that its confinement is there.
pub fn is_confined(pid: u32) -> Result<()> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let found = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let (user, none) = ([UID; 4].map(|uid| uid.to_string()).join(" "), "0".repeat(16));
    let expected = [
        ("Uid", user.clone()),
        ("Gid", user),
        ("Groups", UID.to_string()),
        ("NoNewPrivs", "1".to_owned()),
    ];
    let capabilities = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|name| (name, none.clone()));
    for (name, wanted) in expected.into_iter().chain(capabilities) {
        if field(name).as_deref() != Some(&wanted) {
            bail!("{name} of the process is {:?}, not {wanted:?}", field(name));
        }
    }
    // Mount points are told as the process sees them: field 5 is the place, field 6 the options.
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo"))?;
    let mut options = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(4);
        (fields.next()? == "/").then(|| fields.next())?
    });
    // The last that was mounted there is the one that is seen.
    if !options
        .next_back()
        .is_some_and(|options| options.split(',').any(|option| option == "ro"))
    {
        bail!("the root of the process can be written:\n{mounts}");
    }
    Ok(())
}

/// The program with arguments, confined.
fn confined(root: &Path, data: &Path, args: &[&str]) -> Result<Command> {
    let root = root.canonicalize()?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-ec"]);
    // What comes after the variables are the program's own words; capsh takes them after `--`.
    command.arg(format!("{SCRIPT}{}", quoted(args)));
    command
        .arg("sh")
        .args([root.as_path(), data])
        .arg(UID.to_string())
        .args(ENTRYPOINT);
    command.args(ENV.iter().map(|(key, value)| format!("{key}={value}")));
    Ok(command)
}

/// Words for a shell.
pub fn quoted(words: &[&str]) -> String {
    let quote = |word: &&str| format!("'{}'", word.replace('\'', r"'\''"));
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

fn free_tcp() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn free_udp() -> Result<String> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
