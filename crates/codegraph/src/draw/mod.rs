//! Pictures of small graphs that a person can read: control flow, calls, data. Layered from top to bottom (Sugiyama,
//! Tagawa, Toda 1981), as SVG, or as text for Graphviz.
//!
//! A picture is for looking at: [`Drawing::svg`] refuses graphs that nobody could look at.

mod dot;
mod layers;
mod layout;
mod order;
mod place;
mod svg;
mod text;

use std::fmt;

/// Boxes that a picture can have.
pub const BOXES_MAX: usize = 1_000;
/// Arrows that a picture can have.
pub const ARROWS_MAX: usize = 4_000;
/// Places that arrows may take up in layers between their ends, all together.
const BENDS_MAX: usize = 20_000;

/// What is to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// Above the picture; empty for none.
    pub title: String,
    /// The boxes.
    pub boxes: Vec<Figure>,
    /// The arrows. Those with an end that is no box are left out.
    pub arrows: Vec<Arrow>,
}

/// A box.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// Its text; long lines and many lines are cut.
    pub label: String,
    /// Its outline.
    pub shape: Shape,
}

/// A box's outline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// A rectangle.
    #[default]
    Plain,
    /// Rounded ends: where something begins or ends.
    Terminal,
    /// Pointed sides: a decision.
    Decision,
}

/// An arrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrow {
    /// Number of the box where it starts.
    pub from: u32,
    /// Number of the box where it ends.
    pub to: u32,
    /// Its text; one line, cut if long.
    pub label: String,
    /// Its colour and meaning.
    pub tone: Tone,
}

/// What an arrow means; named in the legend where a picture has several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// The usual course.
    #[default]
    Flow,
    /// A condition holds, a pattern matches.
    Yes,
    /// It does not.
    No,
    /// An exception.
    Exception,
    /// A value.
    Data,
    /// A decision over what happens.
    Control,
    /// A call.
    Call,
    /// A message.
    Message,
}

impl Tone {
    /// Its name in the legend.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flow => "next",
            Self::Yes => "match",
            Self::No => "no match",
            Self::Exception => "exception",
            Self::Data => "data",
            Self::Control => "control",
            Self::Call => "call",
            Self::Message => "message",
        }
    }

    /// A colour that is seen on a light and on a dark ground.
    fn colour(self) -> &'static str {
        match self {
            Self::Flow => "#7d8590",
            Self::Yes => "#2da44e",
            Self::No => "#bf8700",
            Self::Exception => "#e5534b",
            Self::Data => "#388bfd",
            Self::Control => "#a371f7",
            Self::Call => "#1b8f9e",
            Self::Message => "#db61a2",
        }
    }

    /// Whether the line is dashed: those that are told apart without colours.
    fn dashed(self) -> bool {
        matches!(self, Self::Exception | Self::Control | Self::Message)
    }
}

/// A graph that is too large for a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    boxes: usize,
    arrows: usize,
}

impl std::error::Error for TooLarge {}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} boxes and {} arrows are more than a picture can show; ask for a part",
            self.boxes, self.arrows
        )
    }
}

impl Drawing {
    /// The picture as an SVG document. Colours suit a light and a dark ground.
    pub fn svg(&self) -> Result<String, TooLarge> {
        let too_large = TooLarge {
            boxes: self.boxes.len(),
            arrows: self.arrows.len(),
        };
        if self.boxes.len() > BOXES_MAX || self.arrows.len() > ARROWS_MAX {
            return Err(too_large);
        }
        let layout = layout::Layout::of(self).ok_or(too_large)?;
        Ok(svg::written(self, &layout))
    }

    /// The graph as text for Graphviz's `dot`.
    #[must_use]
    pub fn dot(&self) -> String {
        dot::written(self)
    }

    /// The arrows whose ends are boxes, with their numbers.
    fn arrows_drawn(&self) -> impl Iterator<Item = (usize, &Arrow)> {
        let boxes = self.boxes.len();
        let inside = move |arrow: &Arrow| (arrow.from.max(arrow.to) as usize) < boxes;
        self.arrows
            .iter()
            .enumerate()
            .filter(move |(_, arrow)| inside(arrow))
    }
}
