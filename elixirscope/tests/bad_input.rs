//! Wrong input at the program's doors: each a clear error that names what was wrong, and nothing else disturbed.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result};
use testbed::{AgentOptions, Bed, Disk};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_elixirscope"));
    command
        .env_remove("ELIXIRSCOPE_URL")
        .env("ELIXIRSCOPE_LOG", "warn");
    command
}

/// Runs to the end; it must fail. Returns what it said.
fn refused(command: &mut Command) -> Result<String> {
    let Output { status, stderr, .. } = command.output()?;
    let said = String::from_utf8_lossy(&stderr).into_owned();
    // An end by a signal (an abort at exit, too) has no code.
    assert!(
        status.code().is_some_and(|code| code > 0),
        "{command:?}: {status}: {said}"
    );
    assert!(!said.contains("panicked"), "{said}");
    Ok(said)
}

fn up(folder: &Path) -> Command {
    let mut command = program();
    command.arg("up").arg("--data").arg(folder.join("data")).args([
        "--http",
        "127.0.0.1:0",
        "--quic",
        "127.0.0.1:0",
        "--no-otlp",
    ]);
    command.arg("--socket").arg(folder.join("agent.sock"));
    command
}

/// A port of the loopback that is free now, for TCP and UDP alike.
fn free_port() -> Result<u16> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    UdpSocket::bind(("127.0.0.1", port))?;
    Ok(port)
}

/// Scenario: another process has the HTTP or the QUIC port. Guarantee: the error names the address.
#[test]
fn a_port_in_use_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tcp = TcpListener::bind("127.0.0.1:0")?;
    let address = tcp.local_addr()?.to_string();
    let said = refused(up(folder.path()).args(["--http", &address]))?;
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
    let udp = UdpSocket::bind("127.0.0.1:0")?;
    let address = udp.local_addr()?.to_string();
    let said = refused(up(folder.path()).args(["--quic", &address]))?;
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
    Ok(())
}

/// Scenario: another process has an OTLP or the HTTP port, ten times each. Guarantee: a member that cannot start ends in order, each time: its
/// stores' threads are over before the process is (it aborted once in forty times).
#[test]
fn who_cannot_start_ends_in_order() -> Result<()> {
    let tcp = TcpListener::bind("127.0.0.1:0")?;
    let address = tcp.local_addr()?.to_string();
    for _ in 0..10 {
        let folder = tempfile::tempdir()?;
        let said = refused(up(folder.path()).args(["--http", &address]))?;
        assert!(said.contains("in use"), "{said}");
        let folder = tempfile::tempdir()?;
        let mut command = program();
        command.args([
            "up",
            "--http",
            "127.0.0.1:0",
            "--quic",
            "127.0.0.1:0",
            "--otlp-grpc",
            &address,
            "--otlp-http",
            "127.0.0.1:0",
        ]);
        command.arg("--data").arg(folder.path().join("data"));
        command.arg("--socket").arg(folder.path().join("agent.sock"));
        let said = refused(&mut command)?;
        assert!(said.contains("in use"), "{said}");
    }
    Ok(())
}

/// Scenario: the log cannot be written: its disk is full. Guarantee: the member starts, is ready and answers all the same. (Complaining of the log on
/// the log ended the thread that logged: of three members with a full disk one lost its replication until a restart.)
#[test]
fn a_log_that_cannot_be_written() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let full = std::fs::File::options().write(true).open("/dev/full")?;
    let mut command = program();
    command.args([
        "up",
        "--http",
        &address,
        "--quic",
        "127.0.0.1:0",
        "--no-otlp",
        "--no-agent",
    ]);
    command.arg("--data").arg(folder.path().join("data"));
    command.env("ELIXIRSCOPE_LOG", "info").stderr(full);
    let mut member = command.spawn()?;
    let door = testbed::Door {
        url: format!("http://{address}"),
    };
    let ready = testbed::wait_for("the member", std::time::Duration::from_mins(1), || {
        anyhow::ensure!(member.try_wait()?.is_none(), "it ended");
        Ok(door.ready().then_some(()))
    });
    let panics = door.metric("elixirscope_task_panics_total", &[]);
    member.kill()?;
    member.wait()?;
    ready?;
    assert_eq!(panics?.to_string(), "0");
    Ok(())
}

/// Scenario: the data folder is a file, lies where nothing can be written, or is used by another member.
/// Guarantee: the error names the folder; the running member goes on.
#[test]
fn an_unusable_data_folder_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("data"), "a file")?;
    let said = refused(&mut up(folder.path()))?;
    assert!(said.contains("data"), "{said}");
    let said = refused(up(folder.path()).args(["--data", "/proc/elixirscope"]))?;
    assert!(said.contains("/proc/elixirscope"), "{said}");
    let bed = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope")))?;
    let _member = bed.up(false, &[])?;
    let mut second = program();
    second.args([
        "up",
        "--no-agent",
        "--http",
        "127.0.0.1:0",
        "--quic",
        "127.0.0.1:0",
        "--no-otlp",
        "--data",
    ]);
    let said = refused(second.arg(bed.path().join("data")))?;
    assert!(
        said.contains("another process") || said.contains("lock"),
        "{said}"
    );
    assert!(bed.door().ready(), "the running member was disturbed");
    Ok(())
}

/// Scenario: the data folder is on a file system that is mounted for reading only, first as a new folder, then as one that
/// a member has used. Guarantee: the error names the folder and says why.
#[test]
fn a_read_only_data_folder_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let disk = Disk::in_memory(&folder.path().join("disk"), 256 << 10);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return Ok(());
    };
    let bed = Bed::kept(
        Path::new(env!("CARGO_BIN_EXE_elixirscope")),
        &disk.path().join("bed"),
        free_port()?,
        free_port()?,
    )?;
    drop(bed.up(false, &[])?);
    disk.read_only()?;
    for data in ["bed/data", "new"].map(|name| disk.path().join(name)) {
        let said = refused(up(folder.path()).arg("--data").arg(&data))?;
        assert!(said.contains(&data.display().to_string()), "{said}");
        assert!(said.contains("Read-only file system"), "{said}");
    }
    Ok(())
}

/// Scenario: the file system of a running member turns read-only, as after an error of its device; a project is
/// published. Guarantee: that fails in words, `/ready` says why, questions are still answered.
#[test]
fn a_member_whose_disk_breaks_says_so() -> Result<()> {
    let bed = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope")))?;
    let disk = Disk::in_file(&bed.path().join("data"), &bed.path().join("image"), 512);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return Ok(());
    };
    let member = bed.up(false, &[])?;
    let project = bed.path().join("project");
    std::fs::create_dir_all(project.join("lib"))?;
    std::fs::write(project.join("mix.exs"), "defmodule A.MixProject do\nend\n")?;
    std::fs::write(project.join("lib/a.ex"), "defmodule A do\nend\n")?;
    disk.break_down()?;
    let said = refused(bed.program(&["sync"]).arg(&project))?;
    assert!(said.contains("Read-only file system"), "{said}");
    let why = testbed::wait_for("the reason in /ready", std::time::Duration::from_secs(20), || {
        Ok(bed.door().text("/ready").err().map(|error| error.to_string()))
    })?;
    assert!(
        why.contains("503") && why.contains("Read-only file system"),
        "{why}"
    );
    assert!(bed.door().json("/api/v1/traces")?.is_object());
    drop(member);
    drop(disk);
    Ok(())
}

/// Scenario: the socket's path is longer than the system allows. Guarantee: the error says how long it may be.
#[test]
fn a_socket_path_that_is_too_long_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let long = folder.path().join("x".repeat(120));
    let said = refused(up(folder.path()).arg("--socket").arg(&long))?;
    assert!(said.contains("107") || said.contains("too long"), "{said}");
    Ok(())
}

/// Scenario: an agent whose certificate another authority made, and one without any.
/// Guarantee: the first is never connected and says so; the second does not start; the member goes on.
#[test]
fn a_foreign_certificate_is_refused() -> Result<()> {
    let bed = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope")))?;
    let _member = bed.up(false, &[])?;
    let foreign = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope")))?;
    let other = foreign.up(false, &[])?;
    drop(other);
    let tls = foreign.path().join("data/tls").to_string_lossy().into_owned();
    let options = AgentOptions {
        args: ["--tls", &tls].map(str::to_owned).to_vec(),
    };
    let agent = bed.agent(&options)?;
    testbed::wait_for("the refusal", std::time::Duration::from_secs(20), || {
        Ok(agent.output().contains("certificate").then_some(()))
    })?;
    assert!(!bed.agent_door().ready());
    assert!(bed.door().ready());
    let mut bare = program();
    bare.args(["agent", "--http", "127.0.0.1:0", "--data"])
        .arg(bed.path().join("bare"));
    let said = refused(bare.arg("--tls").arg(bed.path().join("nowhere")))?;
    assert!(said.contains("nowhere"), "{said}");
    Ok(())
}

/// Scenario: an agent is started before its certificate is there; then it comes. Guarantee: the agent lives and says what it waits for, then it
/// connects, without a restart.
#[test]
fn an_agent_waits_for_its_certificate() -> Result<()> {
    let bed = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope")))?;
    let _member = bed.up(false, &["--no-otlp"])?;
    let (tls, there) = (bed.path().join("late"), bed.path().join("data/tls"));
    std::fs::create_dir(&tls)?;
    let args = vec!["--tls".to_owned(), tls.display().to_string()];
    let _agent = bed.agent(&AgentOptions { args })?;
    let why = format!("{:#}", bed.agent_door().text("/ready").expect_err("not ready"));
    assert!(why.contains("ca.pem yet"), "{why}");
    for file in ["agent.key", "agent.pem", "ca.pem"] {
        std::fs::copy(there.join(file), tls.join(file))?;
    }
    testbed::wait_for("the agent to connect", std::time::Duration::from_mins(1), || {
        Ok(bed.agent_door().ready().then_some(()))
    })
}

/// Scenario: questions that make no sense, and no member to ask. Guarantee: each is answered in words.
#[test]
fn questions_are_checked() -> Result<()> {
    let bed = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope")))?;
    let said = refused(
        bed.program(&["doctor"])
            .env("ELIXIRSCOPE_URL", "http://127.0.0.1:9"),
    )?;
    assert!(said.contains("elixirscope up"), "{said}");
    let _member = bed.up(false, &[])?;
    assert!(refused(&mut bed.program(&["trace", "not-hex"]))?.contains("32 hex digits"));
    assert!(refused(&mut bed.program(&["trace", "abcdef"]))?.contains("no events of trace"));
    assert!(refused(&mut bed.program(&["traces", "--since", "soon"]))?.contains("5m"));
    assert!(refused(&mut bed.program(&["sync", "/nonexistent"]))?.contains("/nonexistent"));
    let error = bed
        .door()
        .json("/api/v1/traces?limit=0")
        .err()
        .context("limit 0 was accepted")?;
    assert!(format!("{error:#}").contains("1..1000"), "{error:#}");
    let error = bed
        .door()
        .json("/api/v1/traces?nonsense=1")
        .err()
        .context("an unknown parameter was accepted")?;
    assert!(format!("{error:#}").contains("nonsense"), "{error:#}");
    Ok(())
}
