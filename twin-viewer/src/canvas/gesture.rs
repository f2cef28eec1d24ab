//! Turns pointers, wheel and keys into moves of the camera. Pure: the same events give
//! the same moves in a test and in a browser.

use std::collections::HashSet;

use glam::DVec2;

/// Farther than this, a press is a drag and not a click, CSS pixels.
const CLICK_SLOP_PX: f64 = 5.0;
/// Two clicks within this are a double click.
const DOUBLE_CLICK_MS: f64 = 400.0;
/// Degrees that a drag over one pixel turns.
const DEG_PER_PX: f64 = 0.25;

/// Something that happened on the canvas.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A button or a finger went down.
    Down {
        /// Pointer.
        id: i32,
        /// Where, CSS pixels.
        at: DVec2,
        /// Which drag it starts.
        drag: Drag,
        /// Whether a finger.
        touch: bool,
    },
    /// A pointer moved.
    Move {
        /// Pointer.
        id: i32,
        /// Where to.
        at: DVec2,
    },
    /// A button or a finger went up.
    Up {
        /// Pointer.
        id: i32,
        /// Where.
        at: DVec2,
    },
    /// A press ended without a click: another window took it.
    Cancel {
        /// Pointer.
        id: i32,
    },
    /// The pointer left the canvas.
    Leave,
    /// The wheel turned, or a touchpad was pinched.
    Wheel {
        /// Where.
        at: DVec2,
        /// How far, CSS pixels; positive is away.
        delta: f64,
        /// Whether a pinch.
        pinch: bool,
    },
    /// A key went down or up, by its place on the keyboard (`KeyW`, `ArrowLeft`).
    Key {
        /// Place of the key.
        code: String,
        /// Down.
        down: bool,
    },
    /// The canvas lost the focus.
    Blur,
}

/// What a drag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drag {
    /// Turns around what is under the pointer.
    Orbit,
    /// Moves what is under the pointer along.
    Pan,
}

/// A move that a gesture asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A drag began here: the point under it is what moves are about.
    Grab(DVec2),
    /// Turn by degrees of heading and tilt.
    Orbit(f64, f64),
    /// Move what was under one pixel to another.
    Pan(DVec2, DVec2),
    /// Zoom by a factor towards what was grabbed.
    Zoom(f64),
    /// Zoom by a factor towards what is under a pixel.
    ZoomAt(DVec2, f64),
    /// A click or a tap.
    Click(DVec2),
    /// A second click right after the first.
    DoubleClick(DVec2),
    /// The pointer rests or moves here with nothing pressed; `None`: it left.
    Hover(Option<DVec2>),
    /// Back to the overview.
    Home,
}

/// How fast held keys move the camera, per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drift {
    /// To the right, viewing distances.
    pub right: f64,
    /// Ahead, viewing distances.
    pub ahead: f64,
    /// Heading, degrees.
    pub heading_deg: f64,
    /// Tilt, degrees.
    pub tilt_deg: f64,
    /// Natural logarithm of the viewing distance.
    pub zoom: f64,
}

struct Press {
    id: i32,
    at: DVec2,
    start: DVec2,
    drag: Drag,
    touch: bool,
}

/// The gestures under way.
#[derive(Default)]
pub struct Gestures {
    presses: Vec<Press>,
    moved: bool,
    keys: HashSet<String>,
    last_click: Option<(DVec2, f64)>,
}

impl Gestures {
    /// Takes an event; says what it asks for.
    pub fn take(&mut self, input: Input, now_ms: f64) -> Vec<Action> {
        match input {
            Input::Down { id, at, drag, touch } => self.down(id, at, drag, touch),
            Input::Move { id, at } => self.moved_to(id, at),
            Input::Up { id, at } => self.up(id, at, now_ms),
            Input::Cancel { id } => {
                self.presses.retain(|press| press.id != id);
                Vec::new()
            }
            Input::Leave if self.presses.is_empty() => vec![Action::Hover(None)],
            Input::Leave => Vec::new(),
            Input::Wheel { at, delta, pinch } => {
                let strength = if pinch { 0.01 } else { 0.0015 };
                vec![Action::ZoomAt(at, (delta.clamp(-400.0, 400.0) * strength).exp())]
            }
            Input::Key { code, down } => self.key(code, down),
            Input::Blur => {
                self.keys.clear();
                Vec::new()
            }
        }
    }

    /// Whether a pointer is pressed.
    pub fn pressed(&self) -> bool {
        !self.presses.is_empty()
    }

    fn down(&mut self, id: i32, at: DVec2, drag: Drag, touch: bool) -> Vec<Action> {
        self.presses.retain(|press| press.id != id);
        if self.presses.is_empty() {
            self.moved = false;
        }
        if self.presses.len() < 2 {
            self.presses.push(Press { id, at, start: at, drag, touch });
        }
        if self.presses.len() == 2 {
            self.moved = true; // two fingers are never a click
        }
        vec![Action::Grab(self.middle())]
    }

    fn middle(&self) -> DVec2 {
        let sum: DVec2 = self.presses.iter().map(|press| press.at).sum();
        sum / self.presses.len().max(1) as f64
    }

    fn moved_to(&mut self, id: i32, at: DVec2) -> Vec<Action> {
        let Some(index) = self.presses.iter().position(|press| press.id == id) else {
            return if self.presses.is_empty() {
                vec![Action::Hover(Some(at))]
            } else {
                Vec::new()
            };
        };
        let before = (self.presses[index].at, self.middle(), self.span());
        if !self.moved && (at - self.presses[index].start).length() < CLICK_SLOP_PX {
            return Vec::new();
        }
        self.moved = true;
        self.presses[index].at = at;
        match (self.presses.len(), self.presses[index].drag) {
            (1, Drag::Orbit) => {
                let by = (at - before.0) * DEG_PER_PX;
                vec![Action::Orbit(by.x, by.y)]
            }
            (1, Drag::Pan) => vec![Action::Pan(before.0, at)],
            _ => self.two_fingers(before.1, before.2),
        }
    }

    /// From the first finger to the second.
    fn span(&self) -> DVec2 {
        match self.presses.as_slice() {
            [a, b] => b.at - a.at,
            _ => DVec2::ZERO,
        }
    }

    fn two_fingers(&self, middle: DVec2, span: DVec2) -> Vec<Action> {
        let now = self.span();
        if span.length() < 1.0 || now.length() < 1.0 {
            return Vec::new();
        }
        let twist = span.angle_to(now).to_degrees();
        vec![
            Action::Pan(middle, self.middle()),
            Action::Zoom((span.length() / now.length()).clamp(0.5, 2.0)),
            Action::Orbit(-twist, 0.0),
        ]
    }

    fn up(&mut self, id: i32, at: DVec2, now_ms: f64) -> Vec<Action> {
        let Some(index) = self.presses.iter().position(|press| press.id == id) else {
            return Vec::new();
        };
        let press = self.presses.remove(index);
        if let [left] = self.presses.as_slice() {
            return vec![Action::Grab(left.at)];
        }
        if self.moved {
            return if press.touch { Vec::new() } else { vec![Action::Hover(Some(at))] };
        }
        let double = self.last_click.take().is_some_and(|(place, time)| {
            now_ms - time < DOUBLE_CLICK_MS && (place - at).length() < CLICK_SLOP_PX * 3.0
        });
        if double {
            return vec![Action::DoubleClick(at)];
        }
        self.last_click = Some((at, now_ms));
        vec![Action::Click(at)]
    }

    fn key(&mut self, code: String, down: bool) -> Vec<Action> {
        if down && code == "Home" {
            return vec![Action::Home];
        }
        if down && self.keys.len() < 16 {
            self.keys.insert(code);
        } else {
            self.keys.remove(&code);
        }
        Vec::new()
    }

    /// How held keys move the camera; `None` when none does.
    pub fn drift(&self) -> Option<Drift> {
        let axis = |plus: [&str; 3], minus: [&str; 3]| {
            let held = |codes: [&str; 3]| codes.iter().any(|code| self.keys.contains(*code));
            f64::from(u8::from(held(plus))) - f64::from(u8::from(held(minus)))
        };
        let drift = Drift {
            right: axis(["ArrowRight", "KeyD", ""], ["ArrowLeft", "KeyA", ""]) * 0.6,
            ahead: axis(["ArrowUp", "KeyW", ""], ["ArrowDown", "KeyS", ""]) * 0.6,
            heading_deg: axis(["KeyE", "", ""], ["KeyQ", "", ""]) * 60.0,
            tilt_deg: axis(["KeyR", "", ""], ["KeyF", "", ""]) * 40.0,
            zoom: axis(["Minus", "NumpadSubtract", "PageDown"], ["Equal", "NumpadAdd", "PageUp"])
                * 1.2,
        };
        (drift != Drift::default()).then_some(drift)
    }
}

/// Whether the canvas acts on a key, so that the page must not scroll by it.
pub fn is_camera_key(code: &str) -> bool {
    matches!(
        code,
        "ArrowRight"
            | "ArrowLeft"
            | "ArrowUp"
            | "ArrowDown"
            | "KeyW"
            | "KeyA"
            | "KeyS"
            | "KeyD"
            | "KeyQ"
            | "KeyE"
            | "KeyR"
            | "KeyF"
            | "Minus"
            | "Equal"
            | "NumpadSubtract"
            | "NumpadAdd"
            | "PageUp"
            | "PageDown"
            | "Home"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64) -> DVec2 {
        DVec2::new(x, y)
    }

    fn down(id: i32, x: f64, y: f64, drag: Drag) -> Input {
        Input::Down { id, at: at(x, y), drag, touch: true }
    }

    #[test]
    fn a_press_that_hardly_moves_is_a_click_and_two_are_a_double_click() {
        let mut gestures = Gestures::default();
        gestures.take(down(1, 10.0, 10.0, Drag::Orbit), 0.0);
        assert!(gestures.take(Input::Move { id: 1, at: at(12.0, 10.0) }, 5.0).is_empty());
        let up = Input::Up { id: 1, at: at(12.0, 10.0) };
        assert_eq!(gestures.take(up.clone(), 80.0), [Action::Click(at(12.0, 10.0))]);
        gestures.take(down(1, 12.0, 10.0, Drag::Orbit), 200.0);
        assert_eq!(gestures.take(up.clone(), 260.0), [Action::DoubleClick(at(12.0, 10.0))]);
        gestures.take(down(1, 12.0, 10.0, Drag::Orbit), 900.0);
        assert_eq!(gestures.take(up, 950.0), [Action::Click(at(12.0, 10.0))], "too late");
    }

    #[test]
    fn drags_orbit_or_pan_and_end_without_a_click() {
        let mut gestures = Gestures::default();
        gestures.take(down(1, 0.0, 0.0, Drag::Orbit), 0.0);
        assert_eq!(
            gestures.take(Input::Move { id: 1, at: at(40.0, -20.0) }, 1.0),
            [Action::Orbit(10.0, -5.0)]
        );
        assert!(gestures.take(Input::Up { id: 1, at: at(40.0, 0.0) }, 2.0).is_empty());
        gestures.take(down(1, 0.0, 0.0, Drag::Pan), 3.0);
        assert_eq!(
            gestures.take(Input::Move { id: 1, at: at(9.0, 0.0) }, 4.0),
            [Action::Pan(at(0.0, 0.0), at(9.0, 0.0))]
        );
    }

    #[test]
    fn two_fingers_pan_pinch_and_twist() {
        let mut gestures = Gestures::default();
        gestures.take(down(1, 0.0, 0.0, Drag::Orbit), 0.0);
        assert_eq!(
            gestures.take(down(2, 100.0, 0.0, Drag::Orbit), 0.0),
            [Action::Grab(at(50.0, 0.0))]
        );
        let actions = gestures.take(Input::Move { id: 2, at: at(200.0, 0.0) }, 1.0);
        assert_eq!(actions[0], Action::Pan(at(50.0, 0.0), at(100.0, 0.0)));
        assert_eq!(actions[1], Action::Zoom(0.5));
        assert!(matches!(actions[2], Action::Orbit(turn, 0.0) if turn.abs() < 1e-9));
        assert_eq!(
            gestures.take(Input::Up { id: 1, at: at(0.0, 0.0) }, 2.0),
            [Action::Grab(at(200.0, 0.0))],
            "the finger that stays goes on"
        );
    }

    #[test]
    fn keys_drift_until_released_or_blurred() {
        let mut gestures = Gestures::default();
        let key = |code: &str, down| Input::Key { code: code.to_owned(), down };
        gestures.take(key("KeyW", true), 0.0);
        assert!(gestures.drift().unwrap().ahead > 0.0);
        gestures.take(key("KeyS", true), 0.0);
        assert_eq!(gestures.drift(), None, "against each other");
        gestures.take(Input::Blur, 0.0);
        gestures.take(key("KeyQ", true), 0.0);
        assert!(gestures.drift().unwrap().heading_deg < 0.0);
        gestures.take(key("KeyQ", false), 0.0);
        assert_eq!(gestures.drift(), None);
    }
}
