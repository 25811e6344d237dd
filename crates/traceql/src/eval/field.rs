//! Fields of a span. Lookups compare keys in place; nothing is allocated.

use event::{KeyValue, Span, SpanId, value_of};

use super::Val;
use crate::Trace;
use crate::ast::{Field, Intrinsic, Scope};

/// A span of a trace; in a comparison of what a span has several of, also the one at hand.
#[derive(Clone, Copy)]
pub(crate) struct Cx<'t> {
    pub(crate) trace: &'t Trace<'t>,
    pub(crate) place: u32,
    pub(crate) span: &'t Span,
    pub(crate) element: Option<Val<'t>>,
}

impl<'t> Cx<'t> {
    pub(crate) fn new(trace: &'t Trace<'t>, place: u32) -> Option<Self> {
        Some(Self {
            trace,
            place,
            span: trace.span(place)?,
            element: None,
        })
    }

    fn parent(&self) -> Option<&'t Span> {
        self.trace.span(self.trace.shape().parent(self.place)?)
    }
}

fn duration(ns: u64) -> Val<'static> {
    Val::Duration(i64::try_from(ns).unwrap_or(i64::MAX))
}

fn text(text: &str) -> Val<'_> {
    Val::Str(text)
}

/// An attribute's value; absent and empty are nil.
pub(crate) fn attribute_value<'a>(attributes: &'a [KeyValue], key: &str) -> Val<'a> {
    value_of(attributes, key).map_or(Val::Nil, Val::from)
}

fn either<'a>(span: &'a Span, key: &str) -> Val<'a> {
    match attribute_value(&span.attributes, key) {
        Val::Nil => attribute_value(&span.resource.attributes, key),
        value => value,
    }
}

/// The value of a field; of fields that a span has several of, the element at hand or the first.
pub(crate) fn one<'t>(field: &Field, cx: &Cx<'t>) -> Val<'t> {
    let span = cx.span;
    match field {
        Field::Attribute { scope, name } => match scope {
            Scope::Any => either(span, name),
            Scope::Span => attribute_value(&span.attributes, name),
            Scope::Resource => attribute_value(&span.resource.attributes, name),
            Scope::Instrumentation => attribute_value(&span.scope.attributes, name),
            Scope::Parent => cx.parent().map_or(Val::Nil, |parent| either(parent, name)),
            Scope::ParentSpan => cx
                .parent()
                .map_or(Val::Nil, |parent| attribute_value(&parent.attributes, name)),
            Scope::ParentResource => {
                let parent = cx.parent();
                parent.map_or(Val::Nil, |parent| {
                    attribute_value(&parent.resource.attributes, name)
                })
            }
            Scope::Event | Scope::Link => element(field, cx),
        },
        Field::Intrinsic { which, .. } => match which {
            Intrinsic::Name => text(&span.name),
            Intrinsic::Status => Val::Status(span.status),
            Intrinsic::StatusMessage => text(&span.status_message),
            Intrinsic::Kind => Val::Kind(span.kind),
            Intrinsic::Duration => duration(span.duration_ns()),
            Intrinsic::SpanId => Val::SpanId(span.id),
            Intrinsic::ParentId if span.parent == SpanId(0) => Val::Str(""),
            Intrinsic::ParentId => Val::SpanId(span.parent),
            Intrinsic::ChildCount => Val::Int(cx.trace.shape().child_count(cx.place).into()),
            Intrinsic::TraceDuration => duration(cx.trace.duration_ns()),
            Intrinsic::RootName => cx.trace.root().map_or(Val::Nil, |root| text(&root.name)),
            Intrinsic::RootService => cx
                .trace
                .root()
                .map_or(Val::Nil, |root| text(root.resource.service())),
            Intrinsic::TraceId => Val::TraceId(span.trace),
            Intrinsic::InstrumentationName => text(&span.scope.name),
            Intrinsic::InstrumentationVersion => text(&span.scope.version),
            Intrinsic::NestedSetLeft => Val::Int(cx.trace.shape().left(cx.place)),
            Intrinsic::NestedSetRight => Val::Int(cx.trace.shape().right(cx.place)),
            Intrinsic::NestedSetParent => Val::Int(cx.trace.shape().nested_parent(cx.place)),
            Intrinsic::EventName
            | Intrinsic::EventTimeSinceStart
            | Intrinsic::LinkTraceId
            | Intrinsic::LinkSpanId => element(field, cx),
        },
    }
}

fn element<'t>(field: &Field, cx: &Cx<'t>) -> Val<'t> {
    if let Some(element) = cx.element {
        return element;
    }
    let mut first = Val::Nil;
    many(field, cx, &mut |value| {
        first = value;
        !value.is_nil()
    });
    first
}

/// All values of a field that a span has several of, until `each` says that it is enough.
pub(crate) fn many<'t>(field: &Field, cx: &Cx<'t>, each: &mut dyn FnMut(Val<'t>) -> bool) {
    let span = cx.span;
    let (events, links) = (span.events.iter(), span.links.iter());
    let _enough = match field {
        Field::Attribute { scope, name } => match scope {
            Scope::Event => events
                .map(|event| attribute_value(&event.attributes, name))
                .any(each),
            Scope::Link => links
                .map(|link| attribute_value(&link.attributes, name))
                .any(each),
            _ => each(one(field, cx)),
        },
        Field::Intrinsic { which, .. } => match which {
            Intrinsic::EventName => events.map(|event| text(&event.name)).any(each),
            Intrinsic::EventTimeSinceStart => {
                let since = |time: u64| i128::from(time) - i128::from(span.start_ns);
                let clamped = |ns: i128| ns.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
                events
                    .map(|event| Val::Duration(clamped(since(event.time_ns))))
                    .any(each)
            }
            Intrinsic::LinkTraceId => links.map(|link| Val::TraceId(link.trace)).any(each),
            Intrinsic::LinkSpanId => links.map(|link| Val::SpanId(link.id)).any(each),
            _ => each(one(field, cx)),
        },
    };
}
