//! Which format a scraper wants.

/// A format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    OpenMetrics,
    Protobuf,
}

impl Format {
    /// The best of an `Accept` header (RFC 9110, section 12.5.1); text if there is none that is known.
    pub(super) fn of(accept: Option<&str>) -> Self {
        let mut best = (0, Self::Text);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let parameters: Vec<(String, &str)> = parts
                .filter_map(|part| part.split_once('='))
                .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"')))
                .collect();
            let parameter = |wanted: &str| {
                let found = parameters.iter().find(|(name, _)| name == wanted);
                found.map(|(_, value)| *value)
            };
            let format = match media.as_str() {
                "application/vnd.google.protobuf"
                    if parameter("proto") == Some("io.prometheus.client.MetricFamily")
                        && parameter("encoding") == Some("delimited") =>
                {
                    Self::Protobuf
                }
                "application/openmetrics-text"
                    if matches!(parameter("version"), None | Some("0.0.1" | "1.0.0")) =>
                {
                    Self::OpenMetrics
                }
                "text/plain" | "text/*" | "*/*" => Self::Text,
                _ => continue,
            };
            let quality = parameter("q").map_or(Some(1.0), |q| q.parse::<f64>().ok());
            let thousandths = (quality.unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0) as u32;
            if thousandths > best.0 {
                best = (thousandths, format);
            }
        }
        best.1
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: headers as Prometheus 2.42 sends them, with and without native histograms, as version 3 does, as curl does, none, and
    /// nonsense. Guarantee: the format that each likes best.
    #[test]
    fn as_scrapers_ask() {
        let protobuf =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        let text = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (Some(format!("{protobuf},{text}").as_str()), Format::Protobuf),
            (Some(text), Format::OpenMetrics),
            (
                Some(
                    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.4,*/*;q=0.2",
                ),
                Format::OpenMetrics,
            ),
            (Some("*/*"), Format::Text),
            (None, Format::Text),
            (
                Some("application/vnd.google.protobuf;proto=other;encoding=delimited, text/plain;q=0.1"),
                Format::Text,
            ),
            (
                Some("text/plain;q=0.9, application/openmetrics-text; version=\"1.0.0\"; q=0.8"),
                Format::Text,
            ),
            (Some(";;=,q=x,\u{fffd}"), Format::Text),
        ] {
            assert_eq!(Format::of(accept), format, "{accept:?}");
        }
    }
}
