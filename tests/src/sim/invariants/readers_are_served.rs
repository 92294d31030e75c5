//! Whoever reads the leader's state is answered soon: reading does not keep the leader from its work.

use std::time::Duration;

use super::Sight;

/// Longer than a leader may wait for what is stored.
const SOON: Duration = Duration::from_secs(40);

/// In what is asked on the machine of a leader that goes on leading and does not stand still.
///
/// # Errors
///
/// For how long somebody waits.
pub fn check(sight: &Sight<'_>) -> Result<(), String> {
    let Some(asked) = sight.cluster.oldest_read() else {
        return Ok(());
    };
    let resumed = sight.cluster.resumed.get();
    let waits = sight.now - resumed.map_or(asked, |resumed| asked.max(resumed));
    match waits > SOON {
        true => Err(format!("a reader of the leader waits for {waits:?}")),
        false => Ok(()),
    }
}
