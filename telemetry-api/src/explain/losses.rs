//! Fields that are said and come to nothing.

use super::fields::Leaf;
use super::model::{Cause, Lost, Section};
use crate::origin::Origin;
use crate::resolve::ListenerClass;
use crate::resources::telemetry::Mode;

impl Section {
    /// Whether something that is written is in force or overridden by what is.
    pub(super) fn knows(&self, origin: &Origin) -> bool {
        self.facts.iter().any(|fact| {
            fact.origin == *origin || fact.overrode.iter().any(|overridden| overridden.origin == *origin)
        })
    }
}

/// Writes down why a field comes to nothing, if it does: that it is for the other side, else what is given.
pub(super) fn add(
    section: &mut Section,
    class: ListenerClass,
    leaf: Leaf,
    why: impl FnOnce(&Leaf) -> (Cause, String),
) {
    if section.knows(&leaf.origin) {
        return;
    }
    let (cause, why) = match leaf.mode.covers(class.is_client()) {
        true => why(&leaf),
        false => (Cause::OtherSide, other_side(leaf.mode, class)),
    };
    section.lost.push(Lost { origin: leaf.origin, value: leaf.value, cause, why });
}

fn other_side(mode: Mode, class: ListenerClass) -> String {
    let mode = if mode == Mode::Client { "CLIENT" } else { "SERVER" };
    let side = if class.is_client() { "CLIENT" } else { "SERVER" };
    format!("its mode is {mode}, and {} listeners are of mode {side}", class.name())
}
