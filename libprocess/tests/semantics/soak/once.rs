//! Nothing is handled twice.

use std::collections::BTreeSet;

use super::ledger::Told;

pub(super) fn check(told: &Told) {
    let mut seen = BTreeSet::new();
    for heard in &told.heard {
        let new = seen.insert((&heard.from, &heard.by, heard.number));
        assert!(new, "handled twice: {heard:?}");
    }
    assert_eq!(told.late_asks, 0, "asks that outlived their deadline");
}
