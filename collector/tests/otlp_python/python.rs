//! OpenTelemetry for Python: in an environment of its own below the target folder, made the first time it is needed. Without
//! Python or PyPI whoever asks fails with words.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

/// The releases that are tested.
const RELEASES: [&str; 2] = ["opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp==1.45.2"];

/// The environment's Python, made if it is not there. Tests run at once: one makes it, the others wait.
pub(crate) fn python() -> PathBuf {
    let target = super::target();
    let folder = target.join("opentelemetry");
    let (python, done) = (folder.join("bin/python"), folder.join(RELEASES[1]));
    let lock = File::create(target.join("opentelemetry.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    if !done.is_file() {
        let _ = std::fs::remove_dir_all(&folder);
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        run(install.args(RELEASES));
        File::create(&done).expect("a mark that it is complete");
    }
    python
}

fn run(command: &mut Command) {
    let shown = format!("{command:?}");
    let needs = "OTLP is tested with OpenTelemetry's exporters for Python: needs python3 with venv, and PyPI";
    let output = match command.output() {
        Ok(output) => output,
        Err(fault) => panic!("{needs}; {shown}: {fault}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{needs}; {shown}: {said}");
}
