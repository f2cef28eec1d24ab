//! The only thing the canvas and the panels know of each other: commands go to the
//! canvas, events come back. Both run on the browser's main thread.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

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
    /// What the overview is of; absent any, all of the scene with its surroundings. Where
    /// the camera has not moved yet, it goes there.
    Overview(BoundingBox),
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
static CANVAS_WAKER: Mutex<Option<fn()>> = Mutex::new(None);
static PANELS_WAKER: Mutex<Option<fn()>> = Mutex::new(None);

/// Most events that wait; the oldest go first, since hovers and progress supersede them.
const MAX_EVENTS: usize = 1024;
/// Paints in one waiting command beyond which those that later ones overrule are dropped.
const MAX_PAINTS: usize = 100_000;

fn lock<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn wake(waker: &Mutex<Option<fn()>>) {
    // Copied out first: the waker may come back here.
    let waker = *lock(waker);
    if let Some(waker) = waker {
        waker();
    }
}

/// Asks the canvas for something, and wakes it up. It drains the queue every frame; while
/// it cannot (a hidden page), commands that overrule each other are merged.
pub fn command(command: ViewCommand) {
    enqueue(&mut lock(&COMMANDS), command);
    wake(&CANVAS_WAKER);
}

fn enqueue(queue: &mut VecDeque<ViewCommand>, command: ViewCommand) {
    match (queue.back_mut(), command) {
        (Some(ViewCommand::Paint(waiting)), ViewCommand::Paint(paints)) => {
            waiting.extend(paints);
            if waiting.len() > MAX_PAINTS {
                keep_last(waiting);
            }
        }
        (Some(ViewCommand::PaintStorey(waiting)), ViewCommand::PaintStorey(paints)) => {
            waiting.extend(paints);
            keep_last(waiting);
        }
        (_, ViewCommand::ClearPaint) => {
            queue.retain(|waiting| {
                !matches!(waiting, ViewCommand::Paint(_) | ViewCommand::PaintStorey(_))
            });
            queue.push_back(ViewCommand::ClearPaint);
        }
        (Some(last), command)
            if std::mem::discriminant(last) == std::mem::discriminant(&command)
                && !matches!(command, ViewCommand::Locate(_)) =>
        {
            *last = command;
        }
        (_, command) => queue.push_back(command),
    }
}

/// Keeps each entity's last paint.
fn keep_last(paints: &mut Vec<(EntityId, Paint)>) {
    let last: HashMap<EntityId, Paint> = paints.drain(..).collect();
    paints.extend(last);
}

/// Takes what the canvas was asked for.
pub fn take_commands() -> VecDeque<ViewCommand> {
    std::mem::take(&mut lock(&COMMANDS))
}

/// Whether the canvas was asked for something that it has not taken yet.
pub fn has_commands() -> bool {
    !lock(&COMMANDS).is_empty()
}

/// What to call when a command comes; the canvas sets it.
pub fn set_canvas_waker(waker: fn()) {
    *lock(&CANVAS_WAKER) = Some(waker);
}

/// Tells the panels something, and wakes them up.
pub fn emit(event: ViewEvent) {
    {
        let mut events = lock(&EVENTS);
        if events.len() == MAX_EVENTS {
            events.pop_front();
        }
        events.push_back(event);
    }
    wake(&PANELS_WAKER);
}

/// Takes what the canvas told.
pub fn take_events() -> VecDeque<ViewEvent> {
    std::mem::take(&mut lock(&EVENTS))
}

/// What to call when an event comes: only a note to take events soon, since the canvas
/// may be in the middle of a frame. The panels set it.
pub fn set_panels_waker(waker: fn()) {
    *lock(&PANELS_WAKER) = Some(waker);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_hidden_page_stays_small() {
        let paint =
            |name: String| ViewCommand::Paint(vec![(name.as_str().into(), Paint::default())]);
        let mut queue = VecDeque::new();
        for round in 0..3 * MAX_PAINTS {
            enqueue(&mut queue, paint(format!("e{}", round % 10)));
        }
        let [ViewCommand::Paint(waiting)] = queue.make_contiguous() else { panic!("{queue:?}") };
        assert!(waiting.len() <= MAX_PAINTS);
        enqueue(&mut queue, ViewCommand::Scale(1.0));
        enqueue(&mut queue, ViewCommand::Scale(2.0));
        assert_eq!(queue.len(), 2);
        enqueue(&mut queue, ViewCommand::ClearPaint);
        assert_eq!(queue, [ViewCommand::Scale(2.0), ViewCommand::ClearPaint]);
    }
}
