//! `http://host:port/path`.

use std::str::FromStr;

/// An address to ask. Only `http`: a generator that encrypts measures itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// `127.0.0.1:4318`.
    pub(crate) authority: String,
    /// `/v1/traces`, never empty.
    pub(crate) path: String,
}

/// Not an address that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no address like http://host:port/path")]
pub(crate) struct BadUrl(String);

impl FromStr for Url {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let bad = || BadUrl(text.to_owned());
        let rest = text.strip_prefix("http://").ok_or_else(bad)?;
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, "/".to_owned()),
        };
        let clean = |s: &str| s.bytes().all(|b| b.is_ascii_graphic());
        if authority.is_empty() || authority.contains('@') || !clean(authority) || !clean(&path) {
            return Err(bad());
        }
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        Ok(Self { authority, path })
    }
}

impl Url {
    /// Another path of the same host.
    pub(crate) fn at(&self, path: &str) -> Self {
        Self {
            authority: self.authority.clone(),
            path: path.to_owned(),
        }
    }

    /// The same with something behind its path.
    pub(crate) fn join(&self, behind: &str) -> Self {
        self.at(&format!("{}{behind}", self.path))
    }

    /// A `GET` of it.
    pub(crate) fn get(&self, accept: &str, headers: &[String]) -> Vec<u8> {
        self.head("GET", &format!("accept: {accept}\r\n"), headers)
    }

    /// The head of a `POST` of `length` bytes.
    pub(crate) fn post(&self, content_type: &str, length: usize, headers: &[String]) -> Vec<u8> {
        let own = format!("content-type: {content_type}\r\ncontent-length: {length}\r\n");
        self.head("POST", &own, headers)
    }

    fn head(&self, method: &str, own: &str, headers: &[String]) -> Vec<u8> {
        let mut head = format!(
            "{method} {} HTTP/1.1\r\nhost: {}\r\nuser-agent: elixirscope-loadtest\r\n{own}",
            self.path, self.authority
        );
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: host, port and path are found; what cannot be asked is refused.
    #[test]
    fn urls() {
        let url: Url = "http://127.0.0.1:4318/v1/traces".parse().unwrap();
        assert_eq!(
            (url.authority.as_str(), url.path.as_str()),
            ("127.0.0.1:4318", "/v1/traces")
        );
        let url: Url = "http://tempo".parse().unwrap();
        assert_eq!((url.authority.as_str(), url.path.as_str()), ("tempo:80", "/"));
        for bad in ["https://a/", "a:80", "http:///x", "http://u@h/", "http://h/a b"] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }
}
