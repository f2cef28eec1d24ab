//! The only thing the canvas and the panels know of each other: commands go to the
//! canvas, events come back. Both run on the browser's main thread.

use std::{collections::VecDeque, sync::Mutex};

use twin_model::{BoundingBox, EntityId};

/// How an entity is drawn on top of its authored colour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Paint {
    /// sRGB colour laid over the authored one; absent leaves it.
    pub color: Option<[u8; 3]>,
    /// Pattern that repeats what the colour says.
    pub pattern: Pattern,
    /// Pulses slowly: something that waits for a person.
    pub pulse: bool,
}

/// Patterns a texel can ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pattern {
    /// Plain colour.
    #[default]
    None,
    /// Diagonal stripes: stale, or not to be trusted.
    Stripes,
    /// Dots: attention.
    Dots,
}

/// How a class of elements is drawn while a layer is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Context {
    /// As authored.
    #[default]
    Full,
    /// Elements without a [`Paint`] colour are pale and see-through, so that what is
    /// painted (spaces inside a building) is seen.
    Ghost,
}

/// Where the camera stands, in the scene's local frame (x east, y north, z up).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CameraPose {
    /// Point orbited and looked at, m.
    pub target: [f64; 3],
    /// Distance from it, m.
    pub distance_m: f64,
    /// Direction the camera looks in, clockwise from north, degrees.
    pub heading_deg: f64,
    /// Downward tilt, degrees: 90 is straight down.
    pub tilt_deg: f64,
}

/// What the panels ask of the canvas.
#[derive(Clone, Debug, PartialEq)]
pub enum ViewCommand {
    /// Load this tileset, in place of the one shown.
    Open {
        /// URL of `tileset.json`.
        tileset: String,
    },
    /// Set the paint of these entities; others keep theirs.
    Paint(Vec<(EntityId, Paint)>),
    /// Set the paint of everything that stands in these storeys (the ids are storeys'),
    /// in place of their storey paint before. An entity's own [`ViewCommand::Paint`] with a
    /// colour or a pattern shows instead of its storey's.
    PaintStorey(Vec<(EntityId, Paint)>),
    /// Remove all paint, of entities and of storeys.
    ClearPaint,
    /// How unpainted elements are drawn.
    Context(Context),
    /// Whether the volumes of spaces are drawn (painted ones only, translucent).
    ShowSpaces(bool),
    /// Only these storeys, and what belongs to none and stands outdoors when `None`.
    Isolate(Option<Vec<EntityId>>),
    /// Outline and emphasise one entity.
    Select(Option<EntityId>),
    /// Move so that the box fills the view.
    FlyTo(BoundingBox),
    /// Stand exactly here, without flight.
    Camera(CameraPose),
    /// The overview that the scene opened with.
    Home,
    /// Ask for a [`ViewEvent::Located`].
    Locate(EntityId),
    /// Bigger edges and outlines for large displays; 1 is a desk.
    Scale(f32),
}

/// What the canvas tells the panels.
#[derive(Clone, Debug, PartialEq)]
pub enum ViewEvent {
    /// The pointer is over this entity, at this CSS pixel of the canvas.
    Hover {
        /// What is under the pointer.
        entity: Option<EntityId>,
        /// Where, CSS pixels from the canvas' top left.
        at: [f32; 2],
    },
    /// A click or tap that was not a drag.
    Picked {
        /// What was hit.
        entity: Option<EntityId>,
        /// Where in the local frame, m.
        position: Option<[f64; 3]>,
    },
    /// Tiles needed for this view, and how far they are.
    Loading {
        /// Tiles in place.
        loaded: u32,
        /// Tiles wanted.
        wanted: u32,
        /// Tiles that could not be had, with the reason of the last.
        failed: Option<(u32, String)>,
    },
    /// The first frame with geometry is on the screen.
    Ready,
    /// The camera came to rest here.
    Rested(CameraPose),
    /// Where an entity's middle is on the canvas, CSS pixels; `None` when behind or not loaded.
    Located {
        /// Which.
        entity: EntityId,
        /// Where.
        at: Option<[f32; 2]>,
    },
    /// 3D cannot be drawn here; the tables still work.
    Failed(String),
}

static COMMANDS: Mutex<VecDeque<ViewCommand>> = Mutex::new(VecDeque::new());
static EVENTS: Mutex<VecDeque<ViewEvent>> = Mutex::new(VecDeque::new());

/// Most events that wait; the oldest go first, since hovers and progress supersede them.
const MAX_EVENTS: usize = 1024;

fn lock<T>(queue: &Mutex<VecDeque<T>>) -> std::sync::MutexGuard<'_, VecDeque<T>> {
    queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Asks the canvas for something. Paints that wait are merged by the canvas, which
/// drains the queue every frame.
pub fn command(command: ViewCommand) {
    lock(&COMMANDS).push_back(command);
}

/// Takes what the canvas was asked for.
pub fn take_commands() -> VecDeque<ViewCommand> {
    std::mem::take(&mut lock(&COMMANDS))
}

/// Tells the panels something.
pub fn emit(event: ViewEvent) {
    let mut events = lock(&EVENTS);
    if events.len() == MAX_EVENTS {
        events.pop_front();
    }
    events.push_back(event);
}

/// Takes what the canvas told.
pub fn take_events() -> VecDeque<ViewEvent> {
    std::mem::take(&mut lock(&EVENTS))
}
