//! A server's counters, from its Prometheus door.

use anyhow::{Context, Result, bail};

use crate::http::{Connection, Url};

/// One figure of a server: an address, a metric's name, and labels that its series must have.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    url: Url,
    name: String,
    labels: Vec<String>,
    headers: Vec<String>,
}

impl Gauge {
    /// `selector` as `name{label="value",...}`.
    pub(crate) fn new(url: &Url, selector: &str, headers: &[String]) -> Result<Self> {
        let (name, labels) = match selector.split_once('{') {
            Some((name, labels)) => {
                let labels = labels.strip_suffix('}').context("a selector ends with }")?;
                (name, labels)
            }
            None => (selector, ""),
        };
        if name.is_empty() {
            bail!("'{selector}' names no metric");
        }
        Ok(Self {
            url: url.clone(),
            name: name.to_owned(),
            labels: labels
                .split(',')
                .filter(|l| !l.is_empty())
                .map(str::to_owned)
                .collect(),
            headers: headers.to_vec(),
        })
    }

    /// The sum over all series that match; 0 if there is none yet.
    pub(crate) fn read(&self) -> Result<f64> {
        let request = self.url.get("text/plain;version=0.0.4", &self.headers);
        let answer = Connection::new(&self.url.authority).send(&request)?;
        if answer.status != 200 {
            bail!("{} answers {}", self.url.path, answer.status);
        }
        Ok(self.sum(&String::from_utf8_lossy(&answer.body)))
    }

    fn sum(&self, text: &str) -> f64 {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| self.value(line)).sum()
    }

    fn value(&self, line: &str) -> Option<f64> {
        let rest = line.strip_prefix(self.name.as_str())?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.rsplit_once('}')?,
            None => ("", rest.strip_prefix(' ')?),
        };
        let all = self.labels.iter().all(|l| labels.contains(l.as_str()));
        all.then(|| value.split_whitespace().next()?.parse().ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: series are chosen by name and labels, and summed; times behind values are not read as values.
    #[test]
    fn series_are_summed() {
        let text = "# HELP a x\na{what=\"events\",x=\"1\"} 5\na{what=\"events\"} 7 1790000000\na{what=\"bytes\"} 100\nab 3\na_total 4\nb 1.5e3\n";
        let url: Url = "http://h:1/metrics".parse().unwrap();
        let of = |selector: &str| Gauge::new(&url, selector, &[]).unwrap().sum(text) as u64;
        assert_eq!(of("a{what=\"events\"}"), 12);
        assert_eq!(of("a"), 112);
        assert_eq!(of("b"), 1500);
        assert_eq!(of("none"), 0);
        assert!(Gauge::new(&url, "a{b", &[]).is_err());
    }
}
