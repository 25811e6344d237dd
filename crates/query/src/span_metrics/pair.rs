//! The two sides of a call: in one frame, or one after the other; or one alone, if the other sends no spans.

use wire::spans::{Glance, SpanBuilder};

use super::SpanMetrics;
use super::edges::{Connection, Ends};
use super::names::NOBODY;
use super::waiting::{CallKey, Expired, Half};

/// Who calls a service that answers without a parent, as Tempo has it.
const USER: &str = "user";

/// A side of a call and what its trace is, for an exemplar.
struct Side<'b> {
    half: Half,
    span: &'b Glance,
}

impl SpanMetrics {
    /// Counts the calls of the frame.
    pub(super) fn pair(&mut self, builder: &SpanBuilder, now_ns: u64) {
        let roots = std::mem::take(&mut self.frame.roots);
        let servers = std::mem::take(&mut self.frame.servers);
        let clients = std::mem::take(&mut self.frame.clients);
        for root in &roots {
            self.root(builder, root, now_ns);
        }
        if !clients.is_empty() {
            self.frame.index_servers(&servers);
        }
        let mut paired = vec![false; servers.len()];
        for client in &clients {
            let first = self.frame.by_caller.get(&(client.trace, client.id));
            let mut next = first.map_or(0, |first| first + 1);
            if next == 0 {
                self.client_alone(builder, client, now_ns);
                continue;
            }
            let caller = self.side(builder, client);
            while let Some(at) = next.checked_sub(1).map(|at| at as usize) {
                if let (Some(server), Some(paired)) = (servers.get(at), paired.get_mut(at)) {
                    *paired = true;
                    let answer = self.side(builder, server);
                    self.call(builder, &caller, &answer, now_ns);
                }
                next = self.frame.next.get(at).copied().unwrap_or_default();
            }
            // One message may have many who receive it, later too.
            if client.kind == 4 {
                let half = Half {
                    paired: true,
                    ..caller.half
                };
                let key = CallKey::new(self.seed, builder.trace_id(client.trace), client.id);
                self.waiting.add_client(key, half, now_ns + self.settings.wait_ns);
            }
        }
        for (server, paired) in servers.iter().zip(paired) {
            if !paired {
                self.server_alone(builder, server, now_ns);
            }
        }
        self.frame.roots = roots;
        self.frame.clients = clients;
        self.frame.servers = servers;
    }

    fn side<'b>(&mut self, builder: &SpanBuilder, span: &'b Glance) -> Side<'b> {
        Side {
            half: Half {
                service: self.frame.service(builder, &mut self.names, span.resource),
                peer: NOBODY,
                duration_ns: span.duration_ns(),
                end_ns: span.end_ns,
                failed: span.status == 2,
                messaging: span.kind >= 4,
                paired: false,
            },
            span,
        }
    }

    /// Both sides are known, and one of them is in this frame.
    fn call(&mut self, builder: &SpanBuilder, client: &Side<'_>, server: &Side<'_>, now_ns: u64) {
        self.count(&client.half, &server.half, now_ns, || {
            builder.trace_id(client.span.trace)
        });
    }

    fn count(&mut self, client: &Half, server: &Half, now_ns: u64, trace: impl Fn() -> event::TraceId) {
        let messaging = client.messaging || server.messaging;
        let ends = Ends {
            client: client.service,
            server: server.service,
            connection: if messaging {
                Connection::Messaging
            } else {
                Connection::Request
            },
        };
        let edge = self.edges.edge(ends, now_ns);
        edge.call(client.failed || server.failed, now_ns);
        edge.client.count(client.duration_ns, client.end_ns, &trace);
        edge.server.count(server.duration_ns, server.end_ns, &trace);
    }

    /// Nobody called: somebody outside did.
    fn root(&mut self, builder: &SpanBuilder, span: &Glance, now_ns: u64) {
        let ends = Ends {
            client: self.names.number(USER),
            server: self.frame.service(builder, &mut self.names, span.resource),
            connection: Connection::Virtual,
        };
        let edge = self.edges.edge(ends, now_ns);
        edge.call(span.status == 2, now_ns);
        edge.server
            .count(span.duration_ns(), span.end_ns, || builder.trace_id(span.trace));
    }

    fn client_alone(&mut self, builder: &SpanBuilder, span: &Glance, now_ns: u64) {
        // A database sends no spans: nothing to wait for.
        if let Some(database) = self.frame.database(builder, &mut self.names, span) {
            let ends = Ends {
                client: self.frame.service(builder, &mut self.names, span.resource),
                server: database,
                connection: Connection::Database,
            };
            let edge = self.edges.edge(ends, now_ns);
            edge.call(span.status == 2, now_ns);
            for seconds in [&mut edge.client, &mut edge.server] {
                seconds.count(span.duration_ns(), span.end_ns, || builder.trace_id(span.trace));
            }
            return;
        }
        if self.waiting.no_servers() && self.waiting.is_full() {
            let service = self.frame.service(builder, &mut self.names, span.resource);
            self.dropped(service, NOBODY, span.kind >= 4, now_ns);
            return;
        }
        let key = CallKey::new(self.seed, builder.trace_id(span.trace), span.id);
        let mut caller = self.side(builder, span);
        let mut answers = 0;
        while let Some(server) = self.waiting.take_server(key, answers) {
            answers += 1;
            self.count(&caller.half, &server, now_ns, || builder.trace_id(span.trace));
        }
        caller.half.paired = answers > 0;
        if caller.half.paired && span.kind != 4 {
            return;
        }
        caller.half.peer = self.frame.peer(builder, &mut self.names, span).unwrap_or(NOBODY);
        let room = self
            .waiting
            .add_client(key, caller.half, now_ns + self.settings.wait_ns);
        if !room && !caller.half.paired {
            self.dropped(caller.half.service, NOBODY, caller.half.messaging, now_ns);
        }
    }

    fn server_alone(&mut self, builder: &SpanBuilder, span: &Glance, now_ns: u64) {
        let key = CallKey::new(self.seed, builder.trace_id(span.trace), span.parent);
        let answer = self.side(builder, span);
        if let Some(client) = self.waiting.answered(key) {
            self.count(&client, &answer.half, now_ns, || builder.trace_id(span.trace));
        } else if !self
            .waiting
            .add_server(key, answer.half, now_ns + self.settings.wait_ns)
        {
            self.dropped(NOBODY, answer.half.service, answer.half.messaging, now_ns);
        }
    }

    fn dropped(&mut self, client: u32, server: u32, messaging: bool, now_ns: u64) {
        self.one_side(client, server, messaging, now_ns).dropped += 1;
    }

    fn one_side(&mut self, client: u32, server: u32, messaging: bool, now_ns: u64) -> &mut super::Edge {
        let connection = if messaging {
            Connection::Messaging
        } else {
            Connection::Request
        };
        let ends = Ends {
            client,
            server,
            connection,
        };
        self.edges.edge(ends, now_ns)
    }

    /// The other side did not come in time.
    pub(super) fn gave_up(&mut self, expired: Expired, now_ns: u64) {
        match expired {
            Expired::Client(half) if half.paired => {}
            Expired::Client(half) if half.peer != NOBODY => {
                let ends = Ends {
                    client: half.service,
                    server: half.peer,
                    connection: Connection::Virtual,
                };
                let edge = self.edges.edge(ends, now_ns);
                edge.call(half.failed, now_ns);
                // No trace is kept of those that wait: without exemplars.
                for seconds in [&mut edge.client, &mut edge.server] {
                    seconds.count_unpointed(half.duration_ns);
                }
            }
            Expired::Client(half) => {
                self.one_side(half.service, NOBODY, half.messaging, now_ns)
                    .unpaired += 1;
            }
            Expired::Server(half) => {
                self.one_side(NOBODY, half.service, half.messaging, now_ns)
                    .unpaired += 1;
            }
        }
    }
}
