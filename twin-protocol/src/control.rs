use serde::{Deserialize, Serialize};

/// Changes the clock of the session's room, for everyone in it. Answered with the room's
/// [`crate::Clock`], or with an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// What to do.
    pub action: ClockAction,
    /// The key of a room that not everybody may control; empty where there is none.
    pub key: String,
}

/// What can be done to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClockAction {
    /// Lets the time run.
    Play,
    /// Stops it.
    Pause,
    /// Jumps to a time, ms since 1970 UTC.
    Seek(i64),
    /// Seconds of the room in a second, -16 to 600, not 0.
    Speed(f32),
    /// Jumps to the next event and pauses there.
    StepForward,
    /// Jumps to the event before and pauses there.
    StepBack,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientMessage, assert_golden_client};

    #[test]
    fn golden() {
        let control = |action| ClientMessage::Control(Control { action, key: "k".into() });
        let k = [1, b'k'];
        assert_golden_client(control(ClockAction::Play), &[&[3, 0], &k[..]].concat());
        assert_golden_client(control(ClockAction::Pause), &[&[3, 1], &k[..]].concat());
        assert_golden_client(control(ClockAction::Seek(-1)), &[&[3, 2, 1], &k[..]].concat());
        let speed = control(ClockAction::Speed(1.0));
        assert_golden_client(speed, &[&[3, 3, 0, 0, 0x80, 0x3f], &k[..]].concat());
        assert_golden_client(control(ClockAction::StepForward), &[&[3, 4], &k[..]].concat());
        assert_golden_client(control(ClockAction::StepBack), &[&[3, 5], &k[..]].concat());
    }
}
