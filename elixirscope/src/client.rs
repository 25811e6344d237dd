//! Asking a member over HTTP, and talking to the terminal.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;

/// Where the member is.
#[derive(Debug, clap::Args)]
pub(crate) struct Member {
    /// URL of a member's HTTP door.
    #[arg(long, env = "ELIXIRSCOPE_URL", default_value = "http://127.0.0.1:7480")]
    pub(crate) url: String,
    /// File with the token to show at the door; without it, the token in ELIXIRSCOPE_TOKEN, if there is one.
    #[arg(long, env = "ELIXIRSCOPE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// A token itself; not an argument, which all users of the machine could read.
const TOKEN_VARIABLE: &str = "ELIXIRSCOPE_TOKEN";

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer, bytes.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

impl Member {
    /// An HTTP agent that hands back error statuses as answers.
    pub(crate) fn http() -> ureq::Agent {
        ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .build()
            .into()
    }

    /// The same for answers that take as long as they take.
    pub(crate) fn patient() -> ureq::Agent {
        ureq::Agent::config_builder()
            .timeout_connect(Some(TIMEOUT))
            .timeout_recv_response(Some(TIMEOUT))
            .http_status_as_error(false)
            .build()
            .into()
    }

    /// A request with the token, if there is one.
    pub(crate) fn signed<B>(&self, request: ureq::RequestBuilder<B>) -> Result<ureq::RequestBuilder<B>> {
        let token = match &self.token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                text.with_context(|| format!("cannot read the token file {}", path.display()))?
            }
            None => std::env::var(TOKEN_VARIABLE).unwrap_or_default(),
        };
        let token = token.trim();
        if token.is_empty() {
            return Ok(request);
        }
        let parsed: Result<host::access::Token, _> = token.parse();
        parsed.context("the token of --token-file or ELIXIRSCOPE_TOKEN")?;
        Ok(request.header("authorization", format!("Bearer {token}")))
    }

    /// `GET path?query`, decoded.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T> {
        let mut request = self.signed(Self::http().get(self.at(path)))?;
        for (name, value) in query {
            request = request.query(*name, value);
        }
        let answer = request.call().with_context(|| self.unreachable())?;
        Self::decode(answer)
    }

    /// `POST path` without a body, decoded.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.post_with(path, &[])
    }

    /// `POST path?query` without a body, decoded.
    pub(crate) fn post_with<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T> {
        let mut request = self.signed(Self::http().post(self.at(path)))?;
        for (name, value) in query {
            request = request.query(*name, value);
        }
        let answer = request.send_empty();
        Self::decode(answer.with_context(|| self.unreachable())?)
    }

    /// The URL of a path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// What to say if the member does not answer.
    pub(crate) fn unreachable(&self) -> String {
        format!(
            "no answer from {}; is `elixirscope up` running? (set --url or ELIXIRSCOPE_URL)",
            self.url
        )
    }

    /// Decodes an answer, or turns its error body into an error.
    pub(crate) fn decode<T: DeserializeOwned>(mut answer: ureq::http::Response<ureq::Body>) -> Result<T> {
        let status = answer.status();
        let text = answer
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_string()?;
        if !status.is_success() {
            let body: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let said = body["error"].as_str().unwrap_or_else(|| text.trim()).to_owned();
            if matches!(status.as_u16(), 401 | 403) {
                return Err(anyhow!(
                    "{said} (HTTP {status}; set --token-file or {TOKEN_VARIABLE})"
                ));
            }
            return Err(anyhow!("{said} (HTTP {})", status.as_u16()));
        }
        serde_json::from_str(&text).context("the member's answer was not understood")
    }
}

/// Prints to standard output; a closed pipe ends quietly.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write the answer"),
    }
}

/// Prints a line of progress to standard error.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints an error to standard error.
pub(crate) fn complain(error: &anyhow::Error) {
    say(&format!("error: {error:#}"));
}

/// Colours if a person is looking.
pub(crate) fn style() -> query::Style {
    query::Style {
        colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    }
}
