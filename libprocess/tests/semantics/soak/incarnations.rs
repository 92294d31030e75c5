//! A pid means one life of one actor: what was sent to a life that is over reaches no other.

use super::ledger::Told;

pub(super) fn check(told: &Told) {
    for heard in &told.heard {
        assert_eq!(heard.meant, heard.by, "handled by another life: {heard:?}");
    }
}
