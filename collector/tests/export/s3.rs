//! A server of S3 (moto, as its Python package) behind a door that fails when told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use objects::Objects;

use crate::duckdb::RELEASES;

/// Starts the server on any port, and prints it.
const PROGRAM: &str = r#"
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"#;

/// What the door does with the next connections.
pub(crate) const WELL: usize = 0;
pub(crate) const FAILS: usize = 1;
/// Of requests for the folder of logs alone.
pub(crate) const HANGS: usize = 2;
pub(crate) const SLOW: usize = 3;

pub(crate) struct S3 {
    child: Child,
    server: SocketAddr,
    door: SocketAddr,
    pub(crate) does: Arc<AtomicUsize>,
    /// Connections that it failed, or had hang.
    pub(crate) failed: Arc<AtomicUsize>,
}

impl S3 {
    pub(crate) fn start() -> Self {
        let python = testbed::python("export", &RELEASES).unwrap();
        let mut child = Command::new(python)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let server: SocketAddr = format!("127.0.0.1:{}", line.trim()).parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let door = listener.local_addr().unwrap();
        let (does, failed) = (Arc::new(AtomicUsize::new(WELL)), Arc::new(AtomicUsize::new(0)));
        let (mode, count) = (Arc::clone(&does), Arc::clone(&failed));
        thread::spawn(move || {
            for connection in listener.incoming() {
                let (connection, mode, count) = (connection.unwrap(), Arc::clone(&mode), Arc::clone(&count));
                thread::spawn(move || serve(connection, server, &mode, &count));
            }
        });
        Self {
            child,
            server,
            door,
            does,
            failed,
        }
    }

    pub(crate) fn does(&self, what: usize) {
        self.does.store(what, Ordering::SeqCst);
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.door)
    }

    /// What its client is told by the environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let pairs = [
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret-of-the-test".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    pub(crate) fn objects(&self, bucket: &str) -> Objects {
        Objects::open_with(&format!("s3://{bucket}/lake"), self.environment()).unwrap()
    }

    /// Makes a bucket, not through the door; anybody may in moto.
    pub(crate) fn make_directly(&self, bucket: &str) {
        let mut to = TcpStream::connect(self.server).unwrap();
        let request = format!(
            "PUT /{bucket} HTTP/1.1\r\nHost: s3.amazonaws.com\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        to.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        to.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection; what it does is decided anew each time that the client sends something.
fn serve(mut from: TcpStream, server: SocketAddr, mode: &AtomicUsize, count: &AtomicUsize) {
    let mut to = TcpStream::connect(server).unwrap();
    let (mut back_from, mut back_to) = (to.try_clone().unwrap(), from.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut back_from, &mut back_to);
        let _ = back_to.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        match mode.load(Ordering::SeqCst) {
            FAILS => {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = from.write_all(
                    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
            HANGS if buffer[..n].windows(11).any(|part| part == b"/lake/logs/") => {
                count.fetch_add(1, Ordering::SeqCst);
                while mode.load(Ordering::SeqCst) == HANGS {
                    thread::sleep(Duration::from_millis(20));
                }
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
            SLOW => thread::sleep(Duration::from_millis(300)),
            _ => {}
        }
        if to.write_all(&buffer[..n]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
