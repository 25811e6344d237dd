//! Names and values that attributes have: what completes a query while it is typed. Where the source has lists of them, all of the range;
//! else read off the latest traces, within bounds; the answer says if there was more.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use event::KeyValue;
use serde::Serialize;
use traceql::ast::{Field, Intrinsic, Scope};
use traceql::{Conditions, Label, Query, Trace, parse_field};

use super::search::SearchMetrics;
use super::source::{SourceError, may_ask, out_of_time};
use super::{Inspected, Missing, SpanSource, TempoError, TimeRange};

/// Traces that are read for an answer.
const TRACES_MAX: u64 = 2_000;
/// Names of a scope, or values, if the request names no limit; and the most.
const COUNT_MAX: usize = 1_000;
/// Intrinsics whose values are many and no help.
const UNLISTED: [Intrinsic; 4] = [
    Intrinsic::NestedSetLeft,
    Intrinsic::NestedSetRight,
    Intrinsic::NestedSetParent,
    Intrinsic::ChildCount,
];

/// A question for names or values.
#[derive(Clone, Debug)]
pub struct TagRequest {
    /// Traces that overlap it.
    pub range: TimeRange,
    /// Only spans that meet what of it can be read; anything is allowed here.
    pub filter: String,
    /// Most names of a scope, or values; 0 = 1,000.
    pub limit: usize,
}

/// A scope of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagScope {
    /// Of services.
    Resource,
    /// Of spans.
    Span,
    /// Of events.
    Event,
    /// Of links.
    Link,
    /// Of libraries.
    Instrumentation,
    /// What every span has.
    Intrinsic,
}

impl TagScope {
    /// All, in the order of answers.
    pub const ALL: [Self; 6] = [
        Self::Resource,
        Self::Span,
        Self::Event,
        Self::Link,
        Self::Instrumentation,
        Self::Intrinsic,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Span => "span",
            Self::Event => "event",
            Self::Link => "link",
            Self::Instrumentation => "instrumentation",
            Self::Intrinsic => "intrinsic",
        }
    }

    /// The scopes that a parameter names; of none all.
    pub fn of(text: Option<&str>) -> Result<Vec<Self>, TempoError> {
        match text.unwrap_or_default() {
            "" | "all" | "none" => Ok(Self::ALL.to_vec()),
            name => match Self::ALL.iter().find(|scope| scope.name() == name) {
                Some(scope) => Ok(vec![*scope]),
                None => Err(TempoError::parameter(
                    "scope",
                    "expected resource, span, event, link, instrumentation or intrinsic",
                )),
            },
        }
    }
}

/// `tempopb.SearchTagsV2Response`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TagNamesResponse {
    /// Names by scope.
    pub scopes: Vec<ScopeTags>,
    /// What it cost.
    pub metrics: SearchMetrics,
    /// What it lacks.
    #[serde(skip)]
    pub missing: Missing,
}

/// `tempopb.SearchTagsV2Scope`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ScopeTags {
    /// The scope.
    pub name: &'static str,
    /// Names, sorted.
    pub tags: Vec<String>,
}

/// `tempopb.SearchTagsResponse`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagNamesV1 {
    /// Names of all scopes.
    pub tag_names: Vec<String>,
    /// What it cost.
    pub metrics: SearchMetrics,
}

/// `tempopb.SearchTagValuesV2Response`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagValuesResponse {
    /// Values, sorted.
    pub tag_values: Vec<TagValue>,
    /// What it cost.
    pub metrics: SearchMetrics,
    /// What it lacks.
    #[serde(skip)]
    pub missing: Missing,
}

/// `tempopb.TagValue`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TagValue {
    /// `string`, `int`, `float`, `bool`, `duration`, `keyword`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// As it is written in a query, without quotes.
    pub value: String,
}

/// `tempopb.SearchTagValuesResponse`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagValuesV1 {
    /// Values, sorted.
    pub tag_values: Vec<String>,
    /// What it cost.
    pub metrics: SearchMetrics,
}

impl From<TagNamesResponse> for TagNamesV1 {
    fn from(of: TagNamesResponse) -> Self {
        let names: BTreeSet<String> = of.scopes.into_iter().flat_map(|scope| scope.tags).collect();
        Self {
            tag_names: names.into_iter().collect(),
            metrics: of.metrics,
        }
    }
}

impl From<TagValuesResponse> for TagValuesV1 {
    fn from(of: TagValuesResponse) -> Self {
        let values: BTreeSet<String> = of.tag_values.into_iter().map(|value| value.value).collect();
        Self {
            tag_values: values.into_iter().collect(),
            metrics: of.metrics,
        }
    }
}

/// Names of attributes, of the scopes asked for.
pub fn tag_names(
    source: &dyn SpanSource,
    scopes: &[TagScope],
    request: &TagRequest,
    stop: &dyn Fn() -> bool,
) -> Result<TagNamesResponse, TempoError> {
    let limit = limit(request);
    let mut names = BTreeMap::<TagScope, BTreeSet<String>>::new();
    let mut full = false;
    if scopes.contains(&TagScope::Intrinsic) {
        let all = Intrinsic::ALL
            .iter()
            .flat_map(|one| [one.spellings().0, one.spellings().1]);
        names.insert(
            TagScope::Intrinsic,
            all.flatten().map(ToOwned::to_owned).collect(),
        );
    }
    let mut add = |scope: TagScope, name: &str| {
        if scopes.contains(&scope) {
            let names = names.entry(scope).or_default();
            if !names.contains(name) {
                if names.len() < limit {
                    names.insert(name.to_owned());
                } else {
                    full = true;
                }
            }
        }
    };
    let (metrics, mut missing) = if scopes == [TagScope::Intrinsic] {
        Default::default()
    } else if let (None, Some(inspected)) = (
        readable(&request.filter),
        source.names(request.range, stop, &mut add)?,
    ) {
        cost(inspected)
    } else {
        walk(source, request, stop, &mut |trace, place| {
            let Some(span) = trace.span(place) else { return };
            let mut all = |scope: TagScope, attributes: &[KeyValue]| {
                for attribute in attributes {
                    add(scope, &attribute.key);
                }
            };
            all(TagScope::Resource, &span.resource.attributes);
            all(TagScope::Span, &span.attributes);
            all(TagScope::Instrumentation, &span.scope.attributes);
            span.events
                .iter()
                .for_each(|event| all(TagScope::Event, &event.attributes));
            span.links
                .iter()
                .for_each(|link| all(TagScope::Link, &link.attributes));
        })?
    };
    if full {
        missing.push(format!("a scope has more than {limit} names"));
    }
    let scopes = names.into_iter().map(|(scope, tags)| ScopeTags {
        name: scope.name(),
        tags: tags.into_iter().collect(),
    });
    Ok(TagNamesResponse {
        scopes: scopes.collect(),
        metrics,
        missing,
    })
}

/// Values of a field: `resource.service.name`, `span:name`, `status`.
pub fn tag_values(
    source: &dyn SpanSource,
    tag: &str,
    request: &TagRequest,
    stop: &dyn Fn() -> bool,
) -> Result<TagValuesResponse, TempoError> {
    let field = field(tag)?;
    if !source.shows(&field) {
        return Err(SourceError::Forbidden(field.to_string()).into());
    }
    let keywords = |names: Vec<&'static str>| {
        let values = names.into_iter().map(|name| TagValue {
            kind: "keyword",
            value: name.to_owned(),
        });
        Ok(TagValuesResponse {
            tag_values: values.collect(),
            ..TagValuesResponse::default()
        })
    };
    if let Field::Intrinsic { which, .. } = &field {
        match which {
            Intrinsic::Status => {
                return keywords(event::StatusCode::ALL.iter().map(|code| code.name()).collect());
            }
            Intrinsic::Kind => {
                return keywords(event::SpanKind::ALL.iter().map(|kind| kind.name()).collect());
            }
            which if UNLISTED.contains(which) => return Ok(TagValuesResponse::default()),
            _ => {}
        }
    }
    let limit = limit(request);
    let mut values = BTreeSet::new();
    let mut full = false;
    let mut add = |label: &Label| {
        let value = value(label);
        if !values.contains(&value) {
            if values.len() < limit {
                values.insert(value);
            } else {
                full = true;
            }
        }
    };
    let filter = readable(&request.filter);
    let conditions = match &filter {
        None => Some(Conditions::ALWAYS),
        Some(filter) => filter.is_plain().then(|| filter.conditions()),
    };
    let listed = match conditions {
        Some(conditions) => source.values(&field, &conditions, request.range, stop, &mut |value| {
            if let Some(label) = Label::of_value(value) {
                add(&label);
            }
        })?,
        None => None,
    };
    let (metrics, mut missing) = match listed {
        Some(inspected) => cost(inspected),
        None => walk(source, request, stop, &mut |trace, place| {
            trace.values(&field, place, &mut |label| add(&label));
        })?,
    };
    if full {
        missing.push(format!("there are more than {limit} values"));
    }
    Ok(TagValuesResponse {
        tag_values: values.into_iter().collect(),
        metrics,
        missing,
    })
}

fn limit(request: &TagRequest) -> usize {
    match request.limit {
        0 => COUNT_MAX,
        limit => limit.min(COUNT_MAX),
    }
}

fn value(label: &Label) -> TagValue {
    let kind = match label {
        Label::Bool(_) => "bool",
        Label::Int(_) => "int",
        Label::Float(_) => "float",
        Label::Duration(_) => "duration",
        Label::Nil | Label::Text(_) => "string",
    };
    TagValue {
        kind,
        value: label.to_string(),
    }
}

/// A field as paths have it: as in a query, but odd names need no quotes; a name alone is an intrinsic or an attribute of any scope.
fn field(tag: &str) -> Result<Field, TempoError> {
    if let Ok(field) = parse_field(tag) {
        return Ok(field);
    }
    let scopes = [
        ("span.", Scope::Span),
        ("resource.", Scope::Resource),
        ("event.", Scope::Event),
        ("link.", Scope::Link),
        ("instrumentation.", Scope::Instrumentation),
        (".", Scope::Any),
    ];
    let scoped = scopes
        .iter()
        .find_map(|(prefix, scope)| Some((tag.strip_prefix(prefix)?, *scope)));
    let (name, scope) = scoped.unwrap_or((tag, Scope::Any));
    if name.is_empty() {
        return Err(TempoError::parameter("tag", "expected the name of an attribute"));
    }
    Ok(Field::attribute(scope, name))
}

/// Calls for each span that meets the filter, of the latest traces.
fn walk(
    source: &dyn SpanSource,
    request: &TagRequest,
    stop: &dyn Fn() -> bool,
    each: &mut dyn FnMut(&Trace<'_>, u32),
) -> Result<(SearchMetrics, Missing), TempoError> {
    let filter = readable(&request.filter);
    if let Some(filter) = &filter {
        may_ask(source, filter)?;
    }
    let conditions = filter.as_ref().map_or(Conditions::ALWAYS, Query::conditions);
    let (mut read, mut more, mut stopped) = (0_u64, false, false);
    let inspected = source.candidates(&conditions, request.range, &mut |spans| {
        if read >= TRACES_MAX {
            more = true;
            return ControlFlow::Break(());
        }
        read += 1;
        let trace = Trace::new(&spans);
        match &filter {
            None => (0..spans.len() as u32).for_each(|place| each(&trace, place)),
            Some(filter) => {
                for set in filter.search(&trace) {
                    set.spans.iter().for_each(|place| each(&trace, *place));
                }
            }
        }
        stopped = stop();
        if stopped {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let mut inspected = inspected;
    let mut missing = std::mem::take(&mut inspected.missing);
    if stopped {
        out_of_time(&mut missing);
    }
    if more {
        missing.push(format!("only the latest {TRACES_MAX} traces were read"));
    }
    Ok(cost(Inspected { missing, ..inspected }))
}

/// What was read, as answers say it.
fn cost(inspected: Inspected) -> (SearchMetrics, Missing) {
    let metrics = SearchMetrics {
        inspected_traces: u32::try_from(inspected.traces).unwrap_or(u32::MAX),
        inspected_bytes: inspected.bytes,
    };
    (metrics, inspected.missing)
}

/// What of a filter that is being typed can be read: all of it, or those of its parts between `&&` that can; nothing of other queries.
fn readable(text: &str) -> Option<Query> {
    if text.trim().is_empty() {
        return None;
    }
    if let Ok(query) = Query::new(text) {
        return Some(query).filter(Query::is_filter);
    }
    let inside = text.trim().strip_prefix('{')?;
    let inside = inside.trim_end().strip_suffix('}').unwrap_or(inside);
    let parts = parts(inside).into_iter().filter(|part| {
        let alone = Query::new(&format!("{{ {part} }}"));
        alone.is_ok_and(|query| query.is_filter())
    });
    let parts: Vec<String> = parts.map(|part| format!("({part})")).collect();
    if parts.is_empty() {
        return None;
    }
    Query::new(&format!("{{ {} }}", parts.join(" && "))).ok()
}

/// Parts between `&&` outside of strings.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quote, mut skip) = (Vec::new(), 0, None, false);
    for (at, c) in text.char_indices() {
        match quote {
            _ if skip => skip = false,
            Some('"') if c == '\\' => skip = true,
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '`' => quote = Some(c),
            None if c == '&' && text.get(at..).is_some_and(|rest| rest.starts_with("&&")) && at >= start => {
                parts.push(text.get(start..at).unwrap_or_default().trim());
                start = at + 2;
            }
            Some(_) | None => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default().trim());
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: filters while they are typed. Guarantee: the parts that can be read, nothing of the others.
    #[test]
    fn typed() {
        let shown = |text: &str| {
            readable(text)
                .map(|query| query.ast().to_string())
                .unwrap_or_default()
        };
        assert_eq!(shown(""), "");
        assert_eq!(shown("{ }"), "{ }");
        assert_eq!(shown("{ resource.cluster = }"), "");
        assert_eq!(shown("{ .a = 1 && resource.cluster = }"), "{ .a = 1 }");
        assert_eq!(
            shown("{ .a = 1 && .b = \"x && y\" && "),
            "{ .a = 1 && .b = \"x && y\" }"
        );
        assert_eq!(shown("{ .a = 1 || .b = 2 && .c = }"), "{ .a = 1 || .b = 2 }");
        assert_eq!(shown("{ .a = 1 } && { .b = 2 }"), "");
        assert_eq!(shown("{ } | rate()"), "");
        assert_eq!(shown("nonsense"), "");
    }

    /// Scenario: fields as paths have them. Guarantee: as in queries, odd names too.
    #[test]
    fn fields() {
        for (tag, expected) in [
            ("resource.service.name", "resource.service.name"),
            (".service.name", ".service.name"),
            ("service.name", ".service.name"),
            ("name", "name"),
            ("span:name", "span:name"),
            ("span.odd name", "span.\"odd name\""),
            ("odd name", ".\"odd name\""),
        ] {
            assert_eq!(field(tag).unwrap().to_string(), expected, "{tag}");
        }
        assert!(field("").is_err());
        assert!(field("span.").is_err());
    }
}
