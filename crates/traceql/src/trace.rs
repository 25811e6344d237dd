//! One trace as queries see it: its spans, and, once somebody asks, the tree that they form.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use event::{Span, SpanId, StatusCode, TraceId};

use crate::Label;
use crate::ast::Field;
use crate::eval::{Cx, many};
use crate::shape::Shape;

/// All spans that are known of one trace.
#[derive(Debug)]
pub struct Trace<'a> {
    spans: &'a [Span],
    shape: OnceCell<Shape>,
    times: OnceCell<(u64, u64)>,
    root: OnceCell<Option<u32>>,
}

/// What a service did in a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceStats {
    /// Spans.
    pub spans: u32,
    /// Spans whose status is error.
    pub errors: u32,
}

impl<'a> Trace<'a> {
    /// The view of a trace's spans, in any order. Spans are named by their place in the slice; those beyond 2^31 are not seen.
    pub fn new(spans: &'a [Span]) -> Self {
        Self {
            spans: spans.get(..i32::MAX as usize).unwrap_or(spans),
            shape: OnceCell::new(),
            times: OnceCell::new(),
            root: OnceCell::new(),
        }
    }

    /// The spans.
    pub fn spans(&self) -> &'a [Span] {
        self.spans
    }

    /// A span by its place.
    pub fn span(&self, place: u32) -> Option<&'a Span> {
        self.spans.get(place as usize)
    }

    /// Its id; 0 if it has no spans.
    pub fn id(&self) -> TraceId {
        self.spans.first().map_or(TraceId(0), |span| span.trace)
    }

    /// The tree of its spans.
    pub fn shape(&self) -> &Shape {
        self.shape.get_or_init(|| Shape::of(self.spans))
    }

    /// The first start and the last end, Unix nanoseconds.
    pub fn times(&self) -> (u64, u64) {
        *self.times.get_or_init(|| {
            let start = self
                .spans
                .iter()
                .map(|span| span.start_ns)
                .min()
                .unwrap_or_default();
            let end = self
                .spans
                .iter()
                .map(|span| span.end_ns)
                .max()
                .unwrap_or_default();
            (start, end.max(start))
        })
    }

    /// From the first start to the last end, nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        let (start, end) = self.times();
        end - start
    }

    /// The span without a parent; the earliest if there are several.
    pub fn root(&self) -> Option<&'a Span> {
        let place = *self.root.get_or_init(|| {
            let roots = self
                .spans
                .iter()
                .enumerate()
                .filter(|(_, span)| span.parent == SpanId(0));
            let first = roots.min_by_key(|(place, span)| (span.start_ns, *place));
            first.map(|(place, _)| place as u32)
        });
        place.and_then(|place| self.span(place))
    }

    /// Calls for each value that a field has on a span; not where it is absent.
    pub fn values(&self, field: &Field, place: u32, each: &mut dyn FnMut(Label)) {
        if let Some(cx) = Cx::new(self, place) {
            many(field, &cx, &mut |value| {
                if !value.is_nil() {
                    each(Label::of(value));
                }
                false
            });
        }
    }

    /// Spans and errors by service.
    pub fn services(&self) -> BTreeMap<&'a str, ServiceStats> {
        let mut services = BTreeMap::<&str, ServiceStats>::new();
        for span in self.spans {
            let stats = services.entry(span.resource.service()).or_default();
            stats.spans += 1;
            stats.errors += u32::from(span.status == StatusCode::Error);
        }
        services
    }
}
