//! A framework that comes back with its id keeps it: no ghost of its former self stays behind with its tasks.

use mesos::v1::FrameworkId;

use super::Sight;

/// In what services were told when they subscribed.
///
/// # Errors
///
/// The framework that was taken for a new one.
pub fn check(sight: &Sight<'_>) -> Result<(), String> {
    let services = sight.cluster.services.iter();
    let mut renamed = services.filter_map(|service| service.heard.renamed());
    match renamed.next() {
        None => Ok(()),
        Some((FrameworkId { value: was }, FrameworkId { value: is })) => {
            Err(format!("{was} came back, and was taken for {is}"))
        }
    }
}
