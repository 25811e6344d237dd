//! What a decoder has to say about a request that it accepted: what it rejected of it, what it repaired.

use std::fmt::Write as _;

event::codes! {
    /// Why a span or log record was rejected while the rest of its request was accepted.
    Reject("reason to reject") {
        /// The trace id is not 16 bytes, or all zero; in a log record: neither absent nor 16 bytes.
        TraceId = 0 "trace_id",
        /// The span id is not 8 bytes, or all zero; in a log record: neither absent nor 8 bytes.
        SpanId = 1 "span_id",
        /// The parent's id is neither absent nor 8 bytes.
        ParentId = 2 "parent_id",
        /// An id of a link is neither absent nor of its length.
        LinkId = 3 "link_id",
        /// A value, of the record, its scope or its resource, lies in more others than [`super::DEPTH_MAX`].
        Depth = 4 "depth",
    }
}

impl Reject {
    fn explained(self) -> &'static str {
        match self {
            Self::TraceId => "without a trace id of 16 bytes that are not all zero",
            Self::SpanId => "without a span id of 8 bytes that are not all zero",
            Self::ParentId => "with a parent span id of a length other than 0 and 8 bytes",
            Self::LinkId => "with a link whose ids are not 16 and 8 bytes long",
            Self::Depth => "with values nested too deep",
        }
    }
}

/// Counts of what was not taken as it came. All 0: everything was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Records rejected, by [`Reject::code`].
    pub rejected: [u64; 5],
    /// Strings that were not UTF-8; each maximal invalid sequence was replaced by U+FFFD.
    pub repaired_strings: u64,
    /// Kinds, status codes and severities of numbers that OTLP does not define; kept as "not said".
    pub unknown_codes: u64,
    /// Attributes beyond [`super::ATTRIBUTES_MAX`] of one list; added to its count of dropped ones.
    pub dropped_attributes: u64,
}

impl Notes {
    /// Records rejected.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }
    /// Counts a record that is rejected.
    pub fn reject(&mut self, reason: Reject) {
        if let Some(count) = self.rejected.get_mut(usize::from(reason.code())) {
            *count += 1;
        }
    }
    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.rejected.iter_mut().zip(other.rejected) {
            *sum += more;
        }
        self.repaired_strings += other.repaired_strings;
        self.unknown_codes += other.unknown_codes;
        self.dropped_attributes += other.dropped_attributes;
    }
    /// In English, for the sender; empty if there is nothing to say. `records` is what they are: `spans`.
    pub fn message(&self, records: &str) -> String {
        let mut out = String::new();
        let mut say = |count: u64, what: &str, how: &str| {
            if count > 0 {
                let comma = if out.is_empty() { "" } else { "; " };
                let _ = write!(out, "{comma}{count} {what} {how}");
            }
        };
        for (reason, count) in Reject::ALL.iter().zip(self.rejected) {
            say(count, &format!("{records} rejected"), reason.explained());
        }
        say(
            self.repaired_strings,
            "strings",
            "that are not UTF-8 were repaired",
        );
        say(
            self.unknown_codes,
            "kinds, status codes or severities",
            "are not known and were not kept",
        );
        say(
            self.dropped_attributes,
            "attributes",
            "were dropped, more than a list may have",
        );
        out
    }
}
