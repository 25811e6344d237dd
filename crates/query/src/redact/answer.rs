//! A trace's answer without values.

use super::REDACTED;
use super::allow::event_kind;
use super::span::shows_name;
use crate::{CapturedValue, ErrorInfo, TraceAnswer};

/// Takes the values out of an answer: the tree, its times, its places and which values there are stay.
pub fn trace_answer(answer: &mut TraceAnswer) {
    for item in &mut answer.items {
        item.values.iter_mut().for_each(value);
        if let Some(error) = &mut item.error {
            failure(error);
        }
        // A kind that is not known may say anything.
        if !event_kind(&item.kind).is_some_and(shows_name) {
            text(&mut item.name);
        }
    }
}

fn value(of: &mut CapturedValue) {
    REDACTED.clone_into(&mut of.text);
    of.cut = false;
    of.redacted = true;
}

/// The type stays, and where it happened. A process may be registered under a name that holds what it works for.
fn failure(of: &mut ErrorInfo) {
    text(&mut of.message);
    text(&mut of.process);
}

fn text(of: &mut String) {
    if !of.is_empty() {
        REDACTED.clone_into(of);
    }
}
