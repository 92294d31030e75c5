//! A data centre of real processes under siege: one [`Disaster`] after the other, while a service must not be touched and
//! jobs must be done exactly once.
//!
//! | File | Subject |
//! |---|---|
//! | `network` | machines as network namespaces, disks in memory |
//! | `datacentre` | the daemons and frameworks, and what can be seen of them |
//! | `disaster` | what happens to them |
//!
//! The test does this for a minute; for longer: `cargo run -p tests --bin siege -- --seconds 600`.

mod datacentre;
mod disaster;
mod network;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

pub use datacentre::DataCentre;
pub use disaster::Disaster;

use crate::eventually;

/// Instances of the job that is under way whenever disaster strikes.
const INSTANCES: usize = 6;

/// After a disaster is over, everybody finds everybody again.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// What a data centre has lived through.
#[derive(Debug, Default)]
pub struct Survived {
    /// How often each kind of disaster struck.
    pub struck: BTreeMap<String, usize>,
    /// How many tasks of jobs did their work.
    pub done: usize,
    /// How many never began, because their launch was lost on its way, and were said to be lost.
    pub lost: usize,
}

/// Lets disasters strike for so long, in the order of this seed, every kind once before any comes again; `tell` hears what
/// is done.
///
/// # Panics
///
/// Something is lost, done twice, or does not come back.
#[track_caller]
pub fn siege(length: Duration, seed: u64, mut tell: impl FnMut(&str)) -> Survived {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut centre = DataCentre::start();
    let copies = centre.copies();
    let service = service_id(&centre);
    let began = Instant::now();
    let mut survived = Survived::default();
    let mut next = Vec::new();
    while began.elapsed() < length {
        let disaster = next.pop().unwrap_or_else(|| {
            next = Disaster::ALL.to_vec();
            next.shuffle(&mut chance);
            next.pop().expect("disasters")
        });
        tell(&format!(
            "{:>5.1} s  {disaster}",
            began.elapsed().as_secs_f64()
        ));
        let job = centre.job(INSTANCES);
        disaster.strike(&mut centre, &mut chance);
        *survived.struck.entry(disaster.to_string()).or_default() += 1;

        centre.wait_until_whole();
        let (done, lost) = job.wait();
        // A launch may be lost with the link that it was sent on, and is not repeated: then its framework is told.
        assert_eq!(
            done + lost,
            INSTANCES,
            "{disaster}: {done} done, {lost} lost"
        );
        survived.done += done;
        survived.lost += lost;
        assert_eq!(
            centre.copies(),
            copies,
            "{disaster}: the service was touched"
        );
        assert_eq!(service_id(&centre), service, "{disaster}: another service");
        one_leads(&centre);
    }
    survived
}

/// The framework id of the service, which stays what it is whoever leads.
#[track_caller]
fn service_id(centre: &DataCentre) -> String {
    eventually("the service is subscribed", SETTLED_WITHIN, || {
        let state = centre.state();
        let frameworks = state["frameworks"].as_array()?;
        let service = frameworks
            .iter()
            .find(|framework| framework["name"] == "keep-running")?;
        let running = service["tasks"].as_array()?.iter();
        let running = running
            .filter(|task| task["state"] == "TASK_RUNNING")
            .count();
        let whole = service["active"] == true && running == DataCentre::COPIES;
        whole.then(|| service["id"].as_str().expect("an id").to_owned())
    })
}

/// Of those that can be asked one says that it leads.
#[track_caller]
fn one_leads(centre: &DataCentre) {
    eventually("one master leads", SETTLED_WITHIN, || {
        let leading = (0..3).filter(|master| centre.leads(*master));
        (leading.count() == 1).then_some(())
    });
}
