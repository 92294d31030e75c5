//! Which version we say we are.

/// The Mesos release whose API and semantics this is: what every `version` field says
/// (`/version`, `MasterInfo`, agents' registrations).
///
/// Clients compare it to decide what a master can do (GPU resources from 1.0.0 on, say), so our
/// own number would switch features off in them. It is plain dotted numbers because clients
/// split it at the dots into integers.
pub const MESOS_COMPATIBLE: &str = "1.11.0";

/// Our own version, told beside the other wherever there is room for it (`product_version`).
pub const PRODUCT: &str = env!("CARGO_PKG_VERSION");

/// What we are called where a product is named.
pub const PRODUCT_NAME: &str = "mesos-rs";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_plain_dotted_numbers() {
        for version in [MESOS_COMPATIBLE, PRODUCT] {
            assert!(
                version.split('.').all(|part| part.parse::<u32>().is_ok()),
                "{version}"
            );
            assert_eq!(version.split('.').count(), 3);
        }
    }
}
