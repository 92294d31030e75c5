//! One master leads at most.

use std::time::Duration;

use super::Sight;

/// What a machine that stood still needs to see how late it is.
const MOMENT: Duration = Duration::from_secs(1);

/// Of all masters that do not stand still: whoever does believes what it believed, and says so to nobody. Who stood
/// still does not write any more, but says for a moment what it believed.
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
