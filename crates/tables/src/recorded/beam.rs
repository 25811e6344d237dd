//! One row an event of a BEAM node.

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use event::{Event, EventIdentity, Flags, NodeInfo};

use super::attributes::Attributes;
use super::column::{columns, long, text};
use super::sheet::{Recorded, RecordedRow};

/// What a payload says, in words; and where in the code the event was emitted, if its site table was known when the row was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Name of an entry, variable or exception.
    pub name: Option<String>,
    /// Role of a captured value.
    pub role: Option<String>,
    /// The value, the message, the attributes.
    pub text: Option<String>,
    /// `Shop.Stock`.
    pub module: Option<String>,
    /// `reserve`.
    pub function: Option<String>,
    /// Arity of the function.
    pub arity: Option<u8>,
    /// File below the project's root.
    pub file: Option<String>,
    /// Line, from 1.
    pub line: Option<u32>,
    /// SHA-256 of the source that ran, in hexadecimal digits.
    pub source: Option<String>,
}

/// An event with what explains it.
#[derive(Debug, Clone, Copy)]
pub struct BeamEvent<'a> {
    /// Who it is in the whole cluster.
    pub identity: EventIdentity,
    /// The event.
    pub event: &'a Event,
    /// Its node, if its name is known.
    pub node: Option<&'a NodeInfo>,
    /// The node of its parent, if its name is known.
    pub remote: Option<&'a NodeInfo>,
    /// What it says.
    pub said: &'a Said,
}

/// An event as it was recorded.
#[derive(Debug, Clone, Copy)]
pub struct EventRow<'a>(pub BeamEvent<'a>);

columns! {
    /// Columns of events.
    EventColumns {
        /// Trace, 32 hexadecimal digits; NULL = in no trace.
        trace_id: StringBuilder;
        /// Id on its node incarnation: what other events name as their parent.
        event_id: Int64Builder;
        /// Id of the event that caused it; NULL = none.
        parent_id: Int64Builder;
        /// Key of the node incarnation of the parent; NULL = the event's own, or no parent.
        parent_node_key: StringBuilder;
        /// Name of the parent's node; NULL = the event's own, or not known.
        parent_node: StringBuilder;
        /// What happened: `call`, `return`, `branch`, `value`, ... (`architecture.md`).
        kind: StringBuilder;
        /// Class of the result or exception.
        class: StringBuilder;
        /// Does it count as an error of its trace?
        is_error: BooleanBuilder;
        /// Flags as in `node-socket.md`.
        flags: Int32Builder;
        /// Is the parent on another process?
        is_remote: BooleanBuilder;
        /// Was the payload cut to its limits?
        is_cut: BooleanBuilder;
        /// Hybrid logical clock: the order across processes and nodes.
        hlc: Int64Builder;
        /// The HLC's physical part.
        hlc_time: TimestampMicrosecondBuilder;
        /// The node's own clock.
        time: TimestampMicrosecondBuilder;
        /// The node's own clock, Unix microseconds.
        time_us: Int64Builder;
        /// The parent's node time when it renewed the label, Unix microseconds; NULL = none.
        parent_time_us: Int64Builder;
        /// Name of the node; NULL = not known.
        node: StringBuilder;
        /// Key of the node incarnation, 15 hexadecimal digits.
        node_key: StringBuilder;
        /// Creation number of the node incarnation; NULL = not known.
        node_creation: Int64Builder;
        /// Process, as `<0.serial.id>` of its node.
        pid: StringBuilder;
        /// Order within the process, modulo 2^27.
        ordinal: Int64Builder;
        /// First 59 bits of the module version that emitted it, 15 hexadecimal digits; NULL = none.
        module_key: StringBuilder;
        /// Site in that module version; NULL = none.
        site: Int64Builder;
        /// Module; NULL = the site table was not known when the bucket was exported.
        module: StringBuilder;
        /// Function; NULL as above.
        function: StringBuilder;
        /// Its arity; NULL as above.
        arity: Int32Builder;
        /// File below the project's root; NULL as above.
        file: StringBuilder;
        /// Line, from 1; NULL as above.
        line: Int64Builder;
        /// SHA-256 of the source file that ran; NULL as above.
        source: StringBuilder;
        /// Shape of the message of a callback; NULL = none.
        shape: StringBuilder;
        /// Linked trace; NULL = none.
        linked_trace_id: StringBuilder;
        /// Name of the entry, variable or exception that the payload tells of; NULL = none.
        payload_name: StringBuilder;
        /// Role of a captured value: `argument`, `result`, ...; NULL = no value.
        payload_role: StringBuilder;
        /// The payload in Elixir's spelling, cut at 400 characters; NULL = none.
        payload_text: StringBuilder;
        /// The payload's bytes (`node-socket.md`); NULL = none.
        payload: BinaryBuilder;
        /// Agent that cut the batch, 32 hexadecimal digits.
        producer: StringBuilder;
        /// Its life.
        epoch: Int64Builder;
        /// Shard of the batch.
        shard: Int32Builder;
        /// Number of the batch.
        seq: Int64Builder;
        /// Row in the batch. Producer, epoch, shard, seq and row name an event for ever.
        row: Int64Builder;
    }
}

impl RecordedRow for EventRow<'_> {
    type Columns = EventColumns;
    const TABLE: Recorded = Recorded::Event;

    fn put(&self, to: &mut EventColumns, _: &mut Attributes) -> usize {
        let BeamEvent {
            identity,
            event,
            node,
            remote,
            said,
        } = self.0;
        let some = |number: u64| (number != 0).then(|| long(number));
        to.trace_id
            .append_option((event.trace.0 != 0).then(|| event.trace.to_string()));
        to.event_id.append_value(long(event.id.0));
        to.parent_id.append_option(some(event.parent.0));
        let has_remote = event.remote_node.0 != 0;
        to.parent_node_key
            .append_option(has_remote.then(|| event.remote_node.to_string()));
        to.parent_node.append_option(remote.map(|node| &node.name));
        to.kind.append_value(event.kind.name());
        to.class.append_value(event.class.name());
        to.is_error.append_value(event.is_error());
        to.flags.append_value(event.flags.0.into());
        to.is_remote.append_value(event.flags.has(Flags::REMOTE));
        to.is_cut.append_value(event.flags.has(Flags::CUT));
        to.hlc.append_value(long(event.hlc.0));
        to.hlc_time.append_value(long(event.hlc.micros().to_unix_us()));
        to.time.append_value(long(event.time.to_unix_us()));
        to.time_us.append_value(long(event.time.to_unix_us()));
        let parent_time = (event.remote_time.0 != 0).then(|| long(event.remote_time.to_unix_us()));
        to.parent_time_us.append_option(parent_time);
        to.node.append_option(node.map(|node| &node.name));
        to.node_key.append_value(event.node.to_string());
        to.node_creation
            .append_option(node.map(|node| i64::from(node.creation)));
        to.pid.append_value(event.pid.to_string());
        to.ordinal.append_value(event.ordinal.into());
        to.module_key
            .append_option((event.module.0 != 0).then(|| event.module.to_string()));
        to.site.append_option(some(event.site.0.into()));
        to.module.append_option(said.module.as_deref());
        to.function.append_option(said.function.as_deref());
        to.arity.append_option(said.arity.map(i32::from));
        to.file.append_option(said.file.as_deref());
        to.line.append_option(said.line.map(i64::from));
        to.source.append_option(said.source.as_deref());
        to.shape.append_option(text(&event.shape));
        to.linked_trace_id
            .append_option((event.linked.0 != 0).then(|| event.linked.to_string()));
        to.payload_name.append_option(said.name.as_deref());
        to.payload_role.append_option(said.role.as_deref());
        to.payload_text.append_option(said.text.as_deref());
        to.payload
            .append_option((!event.payload.is_empty()).then_some(&event.payload));
        to.producer.append_value(identity.producer.to_string());
        to.epoch.append_value(long(identity.epoch.0));
        to.shard.append_value(identity.shard.0.into());
        to.seq.append_value(long(identity.seq.0));
        to.row.append_value(identity.row.into());
        500 + event.payload.len() + said.text.as_ref().map_or(0, String::len)
    }

    fn make() -> EventColumns {
        EventColumns::make()
    }

    fn take(columns: &mut EventColumns) -> Vec<ArrayRef> {
        columns.take()
    }
}
