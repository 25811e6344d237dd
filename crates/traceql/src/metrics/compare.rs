//! `compare`: spans in two groups, and how often each value of each attribute is in each. Bounds: so many attributes by name, so many
//! values of each by a hash of the value, which is an even sample of many; attributes that had more say so.

use event::Span;

use super::bounded::Bounded;
use super::exemplar::mix;
use super::partial::Steps;
use crate::Label;
use crate::ast::Expr;
use crate::eval::{Cx, Node, Val};

/// Label that says a series' group: `baseline`, `selection`, `baseline_total`, `selection_total`.
pub const META_TYPE: &str = "__meta_type";
/// Label that says what is wrong with an attribute.
pub const META_ERROR: &str = "__meta_error";
/// An attribute had more values than are returned.
pub const TOO_MANY_VALUES: &str = "__too_many_values__";

/// Attributes kept.
const ATTRIBUTES_MAX: usize = 300;
/// Values kept of an attribute in a group.
const VALUES_MAX: usize = 200;
/// Names of the groups.
pub(crate) const GROUPS: [&str; 2] = ["baseline", "selection"];

/// Which spans are the selection.
#[derive(Debug)]
pub(crate) struct Compare {
    filter: Option<Node>,
    within: Option<(u64, u64)>,
}

/// Counts by attribute and group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Compared(Bounded<String, [Group; 2]>);

/// Counts of an attribute in a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Group {
    /// Spans that have it.
    pub(crate) total: Steps<u64>,
    values: Bounded<(u64, Label), Steps<u64>>,
}

impl Compare {
    pub(crate) fn of(filter: Option<&Expr>, within: Option<(u64, u64)>) -> Self {
        Self {
            filter: filter.map(Node::of),
            within,
        }
    }

    pub(crate) fn observe(&self, compared: &mut Compared, cx: &Cx<'_>, step: u32) {
        let start = cx.span.start_ns;
        let within = self.within.is_none_or(|(from, to)| from <= start && start < to);
        let selected = within && self.filter.as_ref().is_none_or(|filter| filter.holds(cx));
        let group = usize::from(selected);
        each_attribute(cx, &mut |scope, key, value| {
            if value.is_nil() {
                return;
            }
            let name = [scope, key].concat();
            let groups = compared.0.entry(name, ATTRIBUTES_MAX);
            let Some(group) = groups.and_then(|groups| groups.get_mut(group)) else {
                return;
            };
            *group.total.entry(step).or_default() += 1;
            let label = Label::of(value);
            if let Some(steps) = group.values.entry((hash(&label), label), VALUES_MAX) {
                *steps.entry(step).or_default() += 1;
            }
        });
    }
}

/// Calls for all attributes of a span, and what it has anyway.
fn each_attribute<'t>(cx: &Cx<'t>, each: &mut dyn FnMut(&str, &str, Val<'t>)) {
    let span: &Span = cx.span;
    each("", "name", Val::Str(&span.name));
    each("", "kind", Val::Kind(span.kind));
    each("", "status", Val::Status(span.status));
    if !span.status_message.is_empty() {
        each("", "statusMessage", Val::Str(&span.status_message));
    }
    if let Some(root) = cx.trace.root() {
        each("", "rootName", Val::Str(&root.name));
        each("", "rootServiceName", Val::Str(root.resource.service()));
    }
    let (own, resource) = (&span.attributes, &span.resource.attributes);
    for (scope, attributes) in [("span.", own), ("resource.", resource)] {
        for (number, attribute) in attributes.iter().enumerate() {
            // Of a key that comes twice the first counts, as in filters.
            let again = attributes
                .iter()
                .take(number)
                .any(|other| other.key == attribute.key);
            if !again {
                each(scope, &attribute.key, Val::from(&attribute.value));
            }
        }
    }
}

/// FNV-1a over what the label shows, then mixed.
fn hash(label: &Label) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let start = 0xcbf2_9ce4_8422_2325;
    mix(match label {
        Label::Text(text) => text.bytes().fold(start, fold),
        Label::Int(number) | Label::Duration(number) => number.to_le_bytes().into_iter().fold(start, fold),
        Label::Float(number) => number.to_bits().to_le_bytes().into_iter().fold(start, fold),
        Label::Bool(truth) => u64::from(*truth),
        Label::Nil => 2,
    })
}

impl Compared {
    pub(crate) fn merge(&mut self, other: Self) {
        self.0.merge(other.0, ATTRIBUTES_MAX, |own, other| {
            for (own, other) in own.iter_mut().zip(other) {
                add(&mut own.total, other.total);
                own.values.merge(other.values, VALUES_MAX, add);
            }
        });
    }

    pub(crate) fn truncated(&self) -> bool {
        self.0.truncated()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &[Group; 2])> {
        self.0.iter()
    }
}

fn add(own: &mut Steps<u64>, other: Steps<u64>) {
    for (step, count) in other {
        *own.entry(step).or_default() += count;
    }
}

impl Group {
    /// The most frequent values, and whether there are more.
    pub(crate) fn top(&self, count: usize) -> (Vec<(&Label, &Steps<u64>)>, bool) {
        let mut values: Vec<_> = self
            .values
            .iter()
            .map(|((_, label), steps)| (std::cmp::Reverse(steps.values().sum::<u64>()), label, steps))
            .collect();
        values.sort_unstable_by_key(|(frequency, label, _)| (*frequency, *label));
        let more = self.values.truncated() || self.values.len() > count;
        values.truncate(count);
        (
            values
                .into_iter()
                .map(|(_, label, steps)| (label, steps))
                .collect(),
            more,
        )
    }
}
