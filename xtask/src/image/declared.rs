//! What the image says of itself. `k8s/image/Dockerfile` says the same; a test compares them.

/// User and group of the process. Manifests name the number, since names are of the image alone.
pub const UID: u32 = 10001;
/// Its name.
pub const USER: &str = "elixirscope";
/// The program.
pub const ENTRYPOINT: &[&str] = &["/usr/bin/elixirscope"];
/// What it does unless told otherwise. Agents are apart from collectors: they run beside the nodes.
pub const COMMAND: &[&str] = &["up", "--no-agent", "--data", DATA];
/// HTTP, QUIC, OTLP over gRPC and HTTP, HTTP of an agent.
pub const PORTS: &[&str] = &["4317/tcp", "4318/tcp", "7480/tcp", "7481/udp", "7482/tcp"];
/// The one folder that the process writes to; all else may be read-only.
pub const DATA: &str = "/data";
/// Environment. No settings: variables go before settings files, and manifests give files.
pub const ENV: &[(&str, &str)] = &[("PATH", "/usr/bin"), ("SSL_CERT_FILE", CERTIFICATES)];
/// Authorities that object storage is checked against.
pub const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Ends it in order.
pub const STOP_SIGNAL: &str = "SIGTERM";
/// Labels that do not change from build to build.
pub const LABELS: &[(&str, &str)] = &[
    (
        "org.opencontainers.image.description",
        "Distributed traces of BEAM clusters, down to the clause and the value, in the code that ran",
    ),
    ("org.opencontainers.image.licenses", "Apache-2.0"),
    ("org.opencontainers.image.title", "elixirscope"),
];
