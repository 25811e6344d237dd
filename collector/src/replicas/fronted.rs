//! Frames of this member's own agents while they are under way: their bytes, who waits for them, what of them is not answered yet.

use crate::acks::{Answered, InFlight, Why};
use replication::{Section, Ticket};
use std::collections::HashMap;
use store::FrameToStore;
use tokio::sync::mpsc::UnboundedSender;

/// A frame on its way in, and who is to be told what becomes of it.
#[derive(Debug)]
pub(crate) struct Fronted {
    pub(crate) in_flight: InFlight,
    pub(crate) sections: Vec<Section>,
    pub(crate) to: UnboundedSender<Answered>,
}

#[derive(Debug)]
struct UnderWay {
    frame: FrameToStore,
    /// Until all sections are answered.
    in_flight: Option<InFlight>,
    /// Sections that are not answered.
    open: usize,
    to: UnboundedSender<Answered>,
}

/// Frames by the number that the core calls their connection by. It is a number of the frame: answers name it, and each frame has its own.
#[derive(Debug, Default)]
pub(super) struct OwnFrames {
    last: u64,
    by_number: HashMap<u64, UnderWay>,
    by_ticket: HashMap<Ticket, u64>,
}

impl OwnFrames {
    /// A frame comes in: its number, and its sections for the core.
    pub(super) fn put(&mut self, fronted: Fronted) -> (u64, Vec<Section>) {
        let Fronted {
            in_flight,
            sections,
            to,
        } = fronted;
        self.last += 1;
        let under_way = UnderWay {
            frame: in_flight.frame.clone(),
            in_flight: Some(in_flight),
            open: sections.len(),
            to,
        };
        self.by_number.insert(self.last, under_way);
        (self.last, sections)
    }

    pub(super) fn keep(&mut self, ticket: Ticket, number: u64) {
        self.by_ticket.insert(ticket, number);
    }

    /// The frame of a ticket.
    pub(super) fn frame(&self, ticket: Ticket) -> Option<&FrameToStore> {
        let number = self.by_ticket.get(&ticket)?;
        self.by_number.get(number).map(|u| &u.frame)
    }

    /// Sections of a frame are on enough disks.
    pub(super) fn acked(&mut self, number: u64, sections: Vec<Section>) {
        if let Some(under_way) = self.by_number.get_mut(&number) {
            let whole = under_way.answered(sections.len());
            under_way.tell(Answered::Acked { sections, whole });
        }
    }

    /// A section's number is taken.
    pub(super) fn conflict(&mut self, number: u64, section: Section) {
        if let Some(under_way) = self.by_number.get_mut(&number) {
            let whole = under_way.answered(1);
            under_way.tell(Answered::Conflict { section, whole });
        }
    }

    /// This member's disk does not take it now.
    pub(super) fn put_off(&self, ticket: Ticket) {
        let number = self.by_ticket.get(&ticket);
        if let Some(under_way) = number.and_then(|n| self.by_number.get(n))
            && under_way.in_flight.is_some()
        {
            under_way.tell(Answered::PutOff);
        }
    }

    /// The core did not take a frame.
    pub(super) fn refused(&mut self, number: u64, why: Why) {
        if let Some(under_way) = self.by_number.remove(&number) {
            under_way.back(why);
        }
    }

    /// The core has done with a frame; what of it is not answered is not known.
    pub(super) fn release(&mut self, ticket: Ticket) {
        let number = self.by_ticket.remove(&ticket);
        if let Some(under_way) = number.and_then(|n| self.by_number.remove(&n)) {
            under_way.back(Why::Unknown);
        }
    }

    /// Nothing of this is going to be answered.
    pub(super) fn stop(&mut self, reason: &str) {
        self.by_ticket.clear();
        for (_, under_way) in self.by_number.drain() {
            under_way.tell(Answered::Stopped(reason.to_owned()));
        }
    }
}

impl UnderWay {
    fn answered(&mut self, sections: usize) -> Option<InFlight> {
        self.open = self.open.saturating_sub(sections);
        self.in_flight.take_if(|_| self.open == 0)
    }

    fn back(self, why: Why) {
        let Self { in_flight, to, .. } = self;
        if let Some(in_flight) = in_flight {
            let _ = to.send(Answered::Back { in_flight, why });
        }
    }

    fn tell(&self, answered: Answered) {
        // Closed: the session is over; the agent will send it again.
        let _ = self.to.send(answered);
    }
}
