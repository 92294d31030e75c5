//! One master leads at most.

use std::time::Duration;

use super::Sight;

/// The instant at which a machine runs on: all its timers are due, in some order.
const MOMENT: Duration = Duration::from_millis(1);

/// Of all masters that do not stand still: whoever does believes what it believed, and says so to nobody.
///
/// # Errors
///
/// More than one leads.
pub fn check(sight: &Sight<'_>) -> Result<(), String> {
    let resumed = sight.cluster.resumed.get();
    match sight.cluster.leaders() {
        0 | 1 => Ok(()),
        _ if resumed.is_some_and(|at| sight.now - at < MOMENT) => Ok(()),
        leaders => Err(format!("{leaders} masters lead")),
    }
}
