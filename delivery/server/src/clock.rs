//! When something was that was noted by a clock that nobody sets.

use std::time::{Instant, SystemTime};

/// The same moment by both clocks. Only this one is asked what time it is: what is told by it lasts as long as it lasted, and is
/// as long ago, whatever is done to the system's clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// By the clock of the system.
    pub time: SystemTime,
    /// By the one that nobody sets.
    pub instant: Instant,
}

impl Clock {
    /// The moment that it is.
    pub fn now() -> Clock {
        Clock { time: SystemTime::now(), instant: Instant::now() }
    }

    /// What time it was at an earlier moment.
    pub fn time(&self, instant: Instant) -> SystemTime {
        let ago = self.instant.saturating_duration_since(instant);
        self.time.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}
