//! What is known while one frame is counted: numbers of its dictionaries to numbers of services, found once.

use std::collections::HashMap;
use std::sync::Arc;

use event::Resource;
use wire::spans::{Finder, Found, Glance, SpanBuilder};

use super::names::Names;
use super::quick::Seed;

/// Attributes that name a database, the one that counts most first; as Tempo's default, with the newer names.
const DATABASES: &[&str] = &["db.namespace", "db.name", "db.system.name", "db.system"];
/// Attributes that name whom a span calls where that sends no spans.
const PEERS: &[&str] = &[
    "peer.service",
    "service.peer.name",
    "messaging.system",
    "rpc.service",
    "server.address",
];

const UNKNOWN: u32 = u32::MAX;

/// Empty between frames but for its room.
#[derive(Debug)]
pub(super) struct Frame {
    /// By span: the number of its series.
    pub(super) series: Vec<u32>,
    /// By resource: its service's number.
    services: Vec<u32>,
    /// By resource: what it says, decoded once a frame however many series it has.
    resources: Vec<Option<Arc<Resource>>>,
    databases: Finder,
    peers: Finder,
    named: HashMap<Found, u32, Seed>,
    /// Spans that call.
    pub(super) clients: Vec<Glance>,
    /// Spans that answer somebody.
    pub(super) servers: Vec<Glance>,
    /// Spans that answer, and that nobody is said to have called.
    pub(super) roots: Vec<Glance>,
    /// By trace and parent: the first of those that answer.
    pub(super) by_caller: HashMap<(u32, u64), u32, Seed>,
    /// Of each that answers: the next with the same parent, one more than its place; 0 = none.
    pub(super) next: Vec<u32>,
}

impl Frame {
    /// For the first frame.
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            series: Vec::new(),
            services: Vec::new(),
            resources: Vec::new(),
            databases: Finder::default(),
            peers: Finder::default(),
            named: HashMap::with_hasher(seed),
            clients: Vec::new(),
            servers: Vec::new(),
            roots: Vec::new(),
            by_caller: HashMap::with_hasher(seed),
            next: Vec::new(),
        }
    }

    /// For the next one.
    pub(super) fn reset(&mut self, builder: &SpanBuilder) {
        self.series.clear();
        self.services.clear();
        self.resources.clear();
        self.databases.reset(builder, DATABASES);
        self.peers.reset(builder, PEERS);
        self.named.clear();
        self.clients.clear();
        self.servers.clear();
        self.roots.clear();
        self.by_caller.clear();
        self.next.clear();
    }

    /// A resource.
    pub(super) fn resource(&mut self, builder: &SpanBuilder, resource: u32) -> Arc<Resource> {
        let at = resource as usize;
        if self.resources.len() <= at {
            self.resources.resize(at + 1, None);
        }
        match self.resources.get_mut(at) {
            Some(Some(known)) => Arc::clone(known),
            Some(place) => Arc::clone(place.insert(Arc::new(builder.resource(resource)))),
            None => Arc::new(builder.resource(resource)),
        }
    }

    /// The number of a resource's service.
    #[inline]
    pub(super) fn service(&mut self, builder: &SpanBuilder, names: &mut Names, resource: u32) -> u32 {
        match self.services.get(resource as usize) {
            Some(known) if *known != UNKNOWN => *known,
            _ => self.new_service(builder, names, resource),
        }
    }

    #[cold]
    fn new_service(&mut self, builder: &SpanBuilder, names: &mut Names, resource: u32) -> u32 {
        let at = resource as usize;
        if self.services.len() <= at {
            self.services.resize(at + 1, UNKNOWN);
        }
        let number = names.number(self.resource(builder, resource).service());
        if let Some(place) = self.services.get_mut(at) {
            *place = number;
        }
        number
    }

    /// The number of the database that a span calls.
    pub(super) fn database(
        &mut self,
        builder: &SpanBuilder,
        names: &mut Names,
        span: &Glance,
    ) -> Option<u32> {
        let found = self.databases.find(builder, span)?;
        self.named(builder, names, found)
    }

    /// The number of whom a span says it calls.
    pub(super) fn peer(&mut self, builder: &SpanBuilder, names: &mut Names, span: &Glance) -> Option<u32> {
        let found = self.peers.find(builder, span)?;
        self.named(builder, names, found)
    }

    fn named(&mut self, builder: &SpanBuilder, names: &mut Names, found: Found) -> Option<u32> {
        let number = self.named.entry(found).or_insert_with(|| {
            let text = builder.attribute_text(found);
            names.number(&String::from_utf8_lossy(text))
        });
        (*number != super::names::NOBODY).then_some(*number)
    }

    /// Puts those that answer where their callers find them.
    pub(super) fn index_servers(&mut self, servers: &[Glance]) {
        self.next.resize(servers.len(), 0);
        for (at, server) in (0u32..).zip(servers) {
            let before = self.by_caller.insert((server.trace, server.parent), at);
            if let (Some(before), Some(next)) = (before, self.next.get_mut(at as usize)) {
                *next = before + 1;
            }
        }
    }
}
