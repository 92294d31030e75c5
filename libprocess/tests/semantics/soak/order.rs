//! What one actor sends to another is handled in the order in which it was sent.

use std::collections::BTreeMap;

use super::ledger::Told;

pub(super) fn check(told: &Told) {
    let mut last = BTreeMap::new();
    for heard in &told.heard {
        let last = last.entry((&heard.from, &heard.by)).or_insert(0);
        assert!(
            heard.number >= *last,
            "out of order: {heard:?} after {last}"
        );
        *last = heard.number;
    }
}
