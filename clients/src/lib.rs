//! A running member for clients that others wrote; the clients themselves are in `tests/`. Knows the program only by its command line and its
//! doors.

use std::env;
use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::{Context, Result};
use testbed::{Bed, Child, Door};

/// A member of its own, with doors for OTLP.
#[derive(Debug)]
pub struct Member {
    bed: Bed,
    otlp_grpc: String,
    otlp_http: String,
    _up: Child,
}

impl Member {
    /// Starts one.
    pub fn start() -> Result<Self> {
        Self::in_bed(bed()?, &[])
    }

    /// Starts one with more arguments.
    pub fn in_bed(bed: Bed, more: &[&str]) -> Result<Self> {
        let (otlp_grpc, otlp_http) = (free()?, free()?);
        let doors = [
            "--otlp-grpc",
            otlp_grpc.as_str(),
            "--otlp-http",
            otlp_http.as_str(),
        ];
        let up = bed.up(false, &[&doors, more].concat())?;
        Ok(Self {
            bed,
            otlp_grpc,
            otlp_http,
            _up: up,
        })
    }

    /// The HTTP door, where Jaeger's and Tempo's APIs are.
    pub fn door(&self) -> Door {
        self.bed.door()
    }

    /// Where OTLP is taken over gRPC, as a URL.
    pub fn otlp_grpc(&self) -> String {
        format!("http://{}", self.otlp_grpc)
    }

    /// Where OTLP is taken over HTTP, as a URL without a path.
    pub fn otlp_http(&self) -> String {
        format!("http://{}", self.otlp_http)
    }
}

/// A folder with ports, for the program that `ELIXIRSCOPE_PROGRAM` names; without it, for the one that was built beside this test.
pub fn bed() -> Result<Bed> {
    let program = if let Some(path) = env::var_os("ELIXIRSCOPE_PROGRAM") {
        PathBuf::from(path)
    } else {
        let test = env::current_exe()?;
        let folder = test.ancestors().nth(2).context("no folder above this test's")?;
        folder.join("elixirscope")
    };
    Bed::new(&program)
}

fn free() -> Result<String> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string())
}
