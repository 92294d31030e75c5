//! Parsers of flag values in Mesos' notation, for clap. Each error shows a value that works.

use std::path::PathBuf;
use std::time::Duration;

use master::config::RateLimit;
use mesos::election::zookeeper::{SESSION_TIMEOUTS, ZkUrl, ZkUrlError};
use mesos::flags;
use mesos::resources::Quantity;
use mesos::v1::{DomainInfo, RateLimits};

/// `15secs`, `10mins`, `1.5hrs`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    flags::duration(text).map_err(|error| error.to_string())
}

/// `10secs`: of a session with ZooKeeper.
pub(super) fn session_timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration(text)?;
    match SESSION_TIMEOUTS.contains(&timeout) {
        true => Ok(timeout),
        false => Err(format!(
            "'{text}' is not between 1secs and 1hrs; write for example 10secs"
        )),
    }
}

/// `zk://h1:2181,h2:2181/mesos`.
pub(super) fn zk_url(text: &str) -> Result<ZkUrl, String> {
    text.parse().map_err(|error: ZkUrlError| error.to_string())
}

/// `80%`.
pub(super) fn percentage(text: &str) -> Result<f64, String> {
    flags::percentage(text).map_err(|error| error.to_string())
}

/// `1/10mins`: so many in such a time.
pub(super) fn rate(text: &str) -> Result<RateLimit, String> {
    let example = || format!("'{text}' is not a rate such as 1/10mins");
    let (count, per) = text.split_once('/').ok_or_else(example)?;
    let count: u32 = count.trim().parse().map_err(|_| example())?;
    let per = duration(per.trim())?;
    match count > 0 && !per.is_zero() {
        true => Ok(RateLimit { count, per }),
        false => Err(format!("{}: both parts must be above zero", example())),
    }
}

/// The JSON of rate limits, or `file://` and the path of a file that holds it.
pub(super) fn rate_limits(text: &str) -> Result<RateLimits, String> {
    let example = r#"{"limits": [{"principal": "p", "qps": 10, "capacity": 100}]}"#;
    let limits: RateLimits = serde_json::from_str(&text_or_file(text)?)
        .map_err(|error| format!("{error}; write for example {example}"))?;
    let given = limits.limits.iter().map(|limit| limit.qps);
    let mut rates = given.chain([limits.aggregate_default_qps]).flatten();
    if let Some(rate) = rates.find(|rate| !rate.is_finite() || *rate <= 0.0) {
        return Err(format!(
            "a qps of {rate} lets nobody call; leave it out for no limit"
        ));
    }
    let mut principals: Vec<&str> = limits.limits.iter().map(|l| l.principal.as_str()).collect();
    principals.sort_unstable();
    if let Some(twice) = principals.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("the principal '{}' is listed twice", twice[0]));
    }
    Ok(limits)
}

/// A text, or `file://` and the path of a file that holds it.
pub(super) fn text_or_file(text: &str) -> Result<String, String> {
    flags::text_or_file(text).map_err(|error| error.to_string())
}

/// A file that lists something, or none, which stands for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileOrAll(pub(super) Option<PathBuf>);

/// `/etc/mesos/hosts`, `file:///etc/mesos/hosts` or `*`.
pub(super) fn file_or_all(text: &str) -> Result<FileOrAll, String> {
    match text.strip_prefix("file://").unwrap_or(text) {
        "*" => Ok(FileOrAll(None)),
        "" => Err("no file is named; write for example /etc/mesos/hosts".to_owned()),
        path => Ok(FileOrAll(Some(path.into()))),
    }
}

/// A quantity of a scalar resource: above zero, at most three decimals count.
pub(super) fn quantity(text: &str) -> Result<Quantity, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| format!("'{text}' is not a number such as 0.5"))?;
    match Quantity::from_f64(value) {
        Ok(quantity) if quantity > Quantity::ZERO => Ok(quantity),
        Ok(_) => Err("it must be at least 0.001".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A count that is not zero.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(format!(
            "'{text}' is not a whole number from 1 on, such as 100"
        )),
    }
}

/// `32MB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    flags::bytes(text).map_err(|error| error.to_string())
}

/// `role=2.5`: positive.
pub(super) fn weight(text: &str) -> Result<(String, f64), String> {
    let (role, weight) = assignment(text)?;
    match weight.parse::<f64>() {
        Ok(weight) if weight.is_finite() && weight > 0.0 => Ok((role, weight)),
        _ => Err(format!(
            "'{text}' has no positive weight; write for example eng=2.5"
        )),
    }
}

/// The JSON of a fault domain, or `file://` and the path of a file that holds it.
pub(super) fn domain(text: &str) -> Result<DomainInfo, String> {
    let example = r#"{"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "eu-1"}}}"#;
    let domain: DomainInfo = serde_json::from_str(&text_or_file(text)?)
        .map_err(|error| format!("{error}; write for example {example}"))?;
    // Any other kind of domain would be taken for none at all.
    match domain.fault_domain {
        Some(_) => Ok(domain),
        None => Err(format!(
            "fault_domain is missing; write for example {example}"
        )),
    }
}

/// `NAME=VALUE`.
pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("'{text}' is not of the form NAME=VALUE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_positive_and_finite() {
        assert_eq!(quantity("0.5").map(Quantity::to_f64), Ok(0.5));
        for bad in ["0", "-1", "NaN", "inf", "1e300", "many", "0.0001"] {
            assert!(quantity(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn domains_have_a_region_and_a_zone() {
        let good = r#"{"fault_domain":{"region":{"name":"eu"},"zone":{"name":"eu-1"}}}"#;
        let region = |domain: DomainInfo| domain.fault_domain.map(|place| place.region.name);
        assert_eq!(domain(good).map(region), Ok(Some("eu".to_owned())));
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), good).expect("a file");
        assert_eq!(
            domain(&format!("file://{}", file.path().display())),
            domain(good)
        );
        for bad in ["eu", "{}", r#"{"fault_domain":{"region":{"name":"eu"}}}"#] {
            let error = domain(bad).expect_err(bad);
            assert!(error.contains("write for example"), "{error}");
        }
    }

    #[test]
    fn rate_limits_let_everybody_call_at_times() {
        let good = r#"{"limits":[{"principal":"a","qps":1.5},{"principal":"b"}]}"#;
        assert_eq!(rate_limits(good).map(|limits| limits.limits.len()), Ok(2));
        for bad in [
            "{",
            r#"{"limits":[{"qps":1}]}"#,
            r#"{"limits":[{"principal":"a","qps":0}]}"#,
            r#"{"aggregate_default_qps":-1}"#,
            r#"{"limits":[{"principal":"a"},{"principal":"a"}]}"#,
        ] {
            assert!(rate_limits(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_are_whole_and_not_zero() {
        assert_eq!(at_least_one("7"), Ok(7));
        for bad in ["0", "-1", "1.5", ""] {
            assert!(at_least_one(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_have_a_count_and_a_time() {
        let (count, per) = (3, Duration::from_secs(600));
        assert_eq!(rate("3/10mins"), Ok(RateLimit { count, per }));
        for bad in ["3", "3/", "/10mins", "0/10mins", "1/0secs", "-1/10mins"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn files_are_named_by_path_or_address() {
        let hosts = FileOrAll(Some("/etc/hosts".into()));
        assert_eq!(file_or_all("/etc/hosts"), Ok(hosts.clone()));
        assert_eq!(file_or_all("file:///etc/hosts"), Ok(hosts));
        assert_eq!(file_or_all("*"), Ok(FileOrAll(None)));
        assert!(file_or_all("file://").is_err());
    }

    #[test]
    fn sessions_last_between_a_second_and_an_hour() {
        assert_eq!(session_timeout("4secs"), Ok(Duration::from_secs(4)));
        for bad in ["0secs", "999ms", "2hrs", "ten"] {
            assert!(session_timeout(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn assignments_have_a_name() {
        assert_eq!(assignment("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(assignment("A="), Ok(("A".into(), String::new())));
        assert!(assignment("=b").is_err());
        assert!(assignment("A").is_err());
    }
}
