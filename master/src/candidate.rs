//! A master that leads when it is elected and stands by otherwise.
//!
//! ```text
//!            ┌────────────── Lost: everything of the term ends at once ─────────────┐
//!            ▼                                                                      │
//!   standing by ── contend ──▶ Contending ──▶ Leading ──▶ a term: read the registry, serve
//!        │
//!        └─ publishes who leads; its HTTP server sends people there
//! ```
//!
//! Mesos' masters exit when they lose the leadership. This one kills the actors of its term, whatever they were doing,
//! and stands by anew, with nothing left of what it knew and under a new id: a supervisor is not needed, and agents
//! and frameworks hear of the end at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use libprocess::prelude::*;
use mesos::election::zookeeper::ZooKeeper;
use mesos::election::{Candidacy, Election, Leader, Leadership, Term as Proof};
use mesos::historic::Historic;
use mesos::protocols::{MasterProtocol, names};
use mesos::v1;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::allocator::AllocatorDoor;
use crate::config::{Config, RegistryKind};
use crate::daemon::StartError;
use crate::master::Seat;
use crate::registrar::{DiskStorage, MemoryStorage, Storage, ZooKeeperStorage};
use crate::term::{Term, master_info};
use crate::view::{View, ViewReceiver};

/// Where the registry is kept during the term that is shown.
pub type Storages = Arc<dyn Fn(&Proof) -> Box<dyn Storage> + Send + Sync>;

/// Where a master with this configuration keeps its registry.
///
/// # Errors
/// If it does not say where.
pub fn storages(config: &Config) -> Result<Storages, StartError> {
    match (config.registry.clone(), &config.work_dir) {
        (RegistryKind::InMemory, _) => {
            // One for all terms of this process; other masters have their own.
            let storage = MemoryStorage::default();
            Ok(Arc::new(move |_| Box::new(storage.clone())))
        }
        (RegistryKind::Disk, Some(work_dir)) => {
            let work_dir = work_dir.clone();
            Ok(Arc::new(move |_| Box::new(DiskStorage::new(&work_dir))))
        }
        (RegistryKind::Disk, None) => Err(StartError::NoWorkDir),
        (RegistryKind::ZooKeeper, _) => {
            let url = config.zk.clone().ok_or(StartError::NoZooKeeper)?;
            let ensemble = ZooKeeper::new(url, config.zk_session_timeout);
            Ok(Arc::new(move |proof: &Proof| {
                let node = proof.node.clone();
                Box::new(ZooKeeperStorage::new(ensemble.clone(), node))
            }))
        }
    }
}

/// A term that ended by a failure of its own may do so again: others get their chance.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What a withdrawal may take. Its group notices in any case, only later.
const WITHDRAW_WITHIN: Duration = Duration::from_secs(1);

/// Starts candidates.
#[derive(Clone, Copy, Debug)]
pub struct Candidate;

/// A running candidate.
#[derive(Clone)]
pub struct CandidateHandle {
    /// Where agents and schedulers find it while it leads.
    pub master: Pid<MasterProtocol>,
    /// What it publishes, leading or not.
    pub view: ViewReceiver,
    /// What its allocator publishes, and where it is asked, while it leads.
    pub allocator: watch::Receiver<Option<AllocatorDoor>>,
    pid: Pid<CandidateProtocol>,
    node: Node,
    why: watch::Receiver<Option<String>>,
}

protocol! {
    /// Orders for a candidate.
    pub local CandidateProtocol = "mesos.candidate" {
        1 => Withdraw -> (),
    }
}

/// End, after the next master can lead.
#[derive(Clone, Copy, Debug)]
pub struct Withdraw;

/// Whether a candidate goes on when a term fails by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// It ends: there is nobody else, and its supervisor, or a person, is to see it.
    End,
    /// It contends anew, behind the others.
    StandBy,
}

impl Candidate {
    /// Starts a candidate on `node`.
    ///
    /// # Errors
    /// The node has one already, or is going down.
    pub fn start(
        config: Config,
        storages: Storages,
        election: Arc<dyn Election>,
        after_failure: AfterFailure,
        node: &Node,
    ) -> Result<CandidateHandle, StartError> {
        let config = Arc::new(config);
        let seat = Seat::new(&config, master_info(String::new(), node, &config));
        let (view, allocator) = (seat.views.subscribe(), seat.allocators.subscribe());
        let (tell_why, why) = watch::channel(None);
        let standing = Standing {
            config,
            storages,
            election,
            after_failure,
            seat,
            node: node.clone(),
        };
        let pid = node.spawn("candidate", move |_| CandidateProcess {
            standing: Some(standing),
            why: tell_why,
            withdraw: watch::Sender::new(false),
        })?;
        Ok(CandidateHandle {
            master: Pid::named(names::MASTER, node.address()),
            view,
            allocator,
            pid,
            node: node.clone(),
            why,
        })
    }
}

impl CandidateHandle {
    /// Waits until it has taken its place: it leads and has read its registry, or knows that it stands by. `false` if
    /// it ended instead.
    pub async fn ready(&self) -> bool {
        let mut view = self.view.clone();
        let settled = |view: &Arc<View>| !view.master.id.is_empty() && !view.is_recovering();
        view.wait_for(settled).await.is_ok()
    }

    /// Waits for its end, and says why.
    pub async fn ended(&self) -> String {
        let exited = self.node.monitor(&self.pid).await;
        let why = self.why.borrow().clone();
        why.unwrap_or_else(|| exited.reason.to_string())
    }

    /// Ends it: its term at once, then its candidacy, so that the next one leads without a wait.
    pub async fn stop(&self) {
        let ended = self.node.monitor(&self.pid);
        // One that has ended already needs no word.
        self.node.tell(&self.pid, Withdraw);
        ended.await;
    }
}

struct CandidateProcess {
    standing: Option<Standing>,
    why: watch::Sender<Option<String>>,
    withdraw: watch::Sender<bool>,
}

impl Actor for CandidateProcess {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let Some(standing) = self.standing.take() else {
            return;
        };
        let chance = StdRng::seed_from_u64(ctx.random().random());
        let living = standing.live(self.withdraw.subscribe(), chance);
        ctx.spawn(living.into_actor(self).map(|why, candidate, ctx| {
            candidate.why.send_replace(Some(why));
            ctx.stop();
        }));
    }
}

impl Process for CandidateProcess {
    type Protocol = CandidateProtocol;
}

impl Handler<Withdraw> for CandidateProcess {
    type Result = ();

    fn handle(&mut self, _: Withdraw, _: &mut Context<Self>) {
        self.withdraw.send_replace(true);
    }
}

/// What a candidate is made of.
struct Standing {
    config: Arc<Config>,
    storages: Storages,
    election: Arc<dyn Election>,
    after_failure: AfterFailure,
    seat: Seat,
    node: Node,
}

/// How one candidacy ended.
enum End {
    /// Somebody wants the candidate to end.
    Withdrawn,
    /// Others lead now.
    Lost,
    /// The master ended by itself.
    Failed(String),
}

impl Standing {
    /// Stands by and leads, in turns, until told otherwise; answers why it ended.
    async fn live(self, mut withdraw: watch::Receiver<bool>, mut chance: StdRng) -> String {
        let mut terms = 0;
        loop {
            // Another id in each term: ids of agents and frameworks are made from it.
            let id = uuid::Builder::from_random_bytes(chance.random()).into_uuid();
            let info = master_info(id.to_string(), &self.node, &self.config);
            let me = Leader {
                address: self.node.address(),
                info: info.clone(),
            };
            let candidacy = self.election.contend(me);
            let living = self.until_it_ends(&candidacy, info, &mut withdraw, &mut terms);
            let end = living.await;
            let _ = timeout(WITHDRAW_WITHIN, candidacy.withdraw()).await;
            match end {
                End::Withdrawn => return "it was stopped".to_owned(),
                End::Lost => tracing::warn!("another master may lead: standing by"),
                End::Failed(why) if self.after_failure == AfterFailure::End => return why,
                End::Failed(why) => {
                    tracing::error!("{why}: standing by");
                    sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }

    async fn until_it_ends(
        &self,
        candidacy: &Candidacy,
        info: v1::MasterInfo,
        withdraw: &mut watch::Receiver<bool>,
        terms: &mut u32,
    ) -> End {
        let mut standing = candidacy.leadership.clone();
        let proof = match self.stand_by(&mut standing, &info, withdraw).await {
            Ok(proof) => proof,
            Err(end) => return end,
        };
        tracing::info!(id = info.id, "leading");
        *terms += 1;
        if *terms > 1 && self.config.museum.shows(Historic::UnreadableRegistry) {
            return End::Failed("the registry of an earlier term is in the way".to_owned());
        }
        let storage = (self.storages)(&proof);
        let (config, seat) = (self.config.clone(), self.seat.clone());
        let begin = Term::begin(config, info.clone(), storage, seat, &self.node);
        let term = match begin.await {
            Ok(term) => term,
            Err(error) => return End::Failed(error.to_string()),
        };
        let end = tokio::select! {
            biased;
            // Nothing but the end of the leadership changes it now.
            _ = standing.changed() => End::Lost,
            _ = withdraw.wait_for(|withdraw| *withdraw) => End::Withdrawn,
            exited = term.ended() => End::Failed(match self.seat.views.borrow().elected {
                Some(_) => format!("the master ended: {}", exited.reason),
                None => format!("the master could not read its registry: {}", exited.reason),
            }),
        };
        term.end().await;
        self.seat.allocators.send_replace(None);
        // Before anybody else can lead: whoever reads must not be told of two leaders.
        self.publish(&info, None);
        end
    }

    /// Publishes who leads, until this is it.
    async fn stand_by(
        &self,
        standing: &mut watch::Receiver<Leadership>,
        info: &v1::MasterInfo,
        withdraw: &mut watch::Receiver<bool>,
    ) -> Result<Proof, End> {
        let mut leader = self.election.detect();
        loop {
            match &*standing.borrow_and_update() {
                Leadership::Leading(proof) => return Ok(proof.clone()),
                Leadership::Lost => return Err(End::Lost),
                Leadership::Contending => {}
            }
            let known = leader.borrow_and_update().clone();
            self.publish(info, known);
            let withdrawn = withdraw.wait_for(|withdraw| *withdraw);
            tokio::select! {
                biased;
                _ = withdrawn => return Err(End::Withdrawn),
                _ = standing.changed() => {}
                changed = leader.changed() => {
                    if changed.is_err() {
                        // Nobody will tell any more.
                        let nothing: BoxFuture<'_, ()> = Box::pin(std::future::pending());
                        nothing.await;
                    }
                }
            }
        }
    }

    fn publish(&self, info: &v1::MasterInfo, leader: Option<Leader>) {
        // Whether this master leads says its candidacy; what others see of it may be of an earlier one.
        let other = leader.filter(|leader| leader.address != self.node.address());
        let other = other.map(|leader| Arc::new(leader.info));
        let started = self.seat.views.borrow().started;
        let view = View::vacant(&self.config, info.clone(), other, started);
        self.seat.views.send_replace(Arc::new(view));
    }
}
