//! What a simulated container has used.

use std::time::Duration;

use mesos::resources::Resources;
use mesos::v1::ResourceStatistics;

/// The processor time of a container that uses always the same part of its cpus.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    part: f64,
    cpus: f64,
    cpu_secs: f64,
    /// Up to when `cpu_secs` counts.
    read: Duration,
}

impl Meter {
    /// Of a container that begins `now`, on any clock, with these resources.
    pub(super) fn start(now: Duration, resources: &Resources, part: f64) -> Meter {
        Meter {
            part,
            cpus: resources.cpus().to_f64(),
            cpu_secs: 0.0,
            read: now,
        }
    }

    /// The container has these resources from now on.
    pub(super) fn resize(&mut self, now: Duration, resources: &Resources) {
        self.advance(now);
        self.cpus = resources.cpus().to_f64();
    }

    /// What the containerizer measures.
    pub(super) fn statistics(&mut self, now: Duration) -> ResourceStatistics {
        self.advance(now);
        ResourceStatistics {
            timestamp: now.as_secs_f64(),
            cpus_user_time_secs: Some(self.cpu_secs),
            cpus_system_time_secs: Some(0.0),
            cpus_limit: Some(self.cpus),
            ..Default::default()
        }
    }

    fn advance(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.read);
        self.cpu_secs += elapsed.as_secs_f64() * self.cpus * self.part;
        self.read = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_counts_by_the_cpus_of_that_time() {
        let cpus = |text| Resources::parse(text, "*").expect("resources");
        let at = Duration::from_secs;
        let mut meter = Meter::start(at(10), &cpus("cpus:2"), 0.5);
        meter.resize(at(20), &cpus("cpus:4"));
        assert_eq!(meter.statistics(at(30)).cpus_user_time_secs, Some(30.0));
        assert_eq!(meter.statistics(at(30)).cpus_user_time_secs, Some(30.0));
    }
}
