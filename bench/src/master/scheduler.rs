//! A simulated framework: it fills what it is offered with tasks, and acknowledges what becomes of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::master::SchedulerCall;
use mesos::protocols::scheduler::{Event, Unsubscribed};
use mesos::protocols::{MasterProtocol, SchedulerProtocol};
use mesos::resources::{Format, Resources};
use mesos::v1;
use mesos::v1::scheduler::Call;
use mesos::v1::scheduler::call::{Accept, Acknowledge, Subscribe, Type};
use mesos::wire::Pb;
use tokio::sync::watch;

use super::course::Course;
use super::tally::Tally;
use crate::samples;

/// As the drivers wait for an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Calls of a framework that the master has not answered yet. A framework that did not wait would fill the master's
/// mailbox; this keeps it busy all the time.
const WINDOW: usize = 64;

/// What frameworks of a benchmark have in common.
#[derive(Clone)]
pub(super) struct Company {
    pub(super) master: Pid<MasterProtocol>,
    /// Becomes true when all are to subscribe.
    pub(super) go: watch::Receiver<bool>,
    /// Those that are subscribed.
    pub(super) subscribed: Arc<Tally>,
    pub(super) course: Arc<Course>,
    pub(super) work: Arc<Work>,
}

/// What is to be launched.
#[derive(Debug)]
pub(super) struct Work {
    left: AtomicUsize,
    each: usize,
    resources: Vec<v1::Resource>,
}

impl Work {
    /// So many tasks, and so many at most with each offer.
    pub(super) fn new(tasks: usize, each: usize) -> Arc<Self> {
        let resources = Resources::parse(samples::TASK, "*").expect("resources");
        Arc::new(Self {
            left: AtomicUsize::new(tasks),
            each,
            resources: resources.to_v1(Format::PreRefinement),
        })
    }

    /// How many are to be launched with an offer: the last ones of an agent may be fewer.
    fn take(&self, offer: &v1::Offer) -> usize {
        let most = self.each.min(self.fit(offer));
        let take = |left: usize| Some(left - left.min(most));
        let before = (self.left).fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        before.map_or(0, |before| before.min(most))
    }

    fn fit(&self, offer: &v1::Offer) -> usize {
        let amount = |resources: &[v1::Resource], name: &str| -> f64 {
            let named = resources.iter().filter(|resource| resource.name == name);
            let scalars = named.filter_map(|resource| resource.scalar.as_ref());
            scalars.map(|scalar| scalar.value).sum()
        };
        let times = self.resources.iter().map(|one| {
            let wanted = amount(std::slice::from_ref(one), &one.name);
            amount(&offer.resources, &one.name) / wanted
        });
        // A thousandth is the smallest amount there is.
        times
            .map(|times| (times + 1e-6) as usize)
            .min()
            .unwrap_or(0)
    }
}

/// See the module's documentation.
pub(super) struct Scheduler {
    number: u32,
    company: Company,
    stream_id: Option<String>,
    /// Offers that came before the answer to the subscription.
    early: Vec<v1::Offer>,
    /// Calls that wait for answers to those before them.
    waiting: VecDeque<Call>,
    unanswered: usize,
    launched: usize,
}

impl Scheduler {
    pub(super) fn new(number: u32, company: Company) -> Self {
        Self {
            number,
            company,
            stream_id: None,
            early: Vec::new(),
            waiting: VecDeque::new(),
            unanswered: 0,
            launched: 0,
        }
    }

    fn subscribe(&mut self, ctx: &mut Context<Self>) {
        let call = Call {
            r#type: Some(Type::Subscribe as i32),
            framework_id: Some(samples::framework(self.number)),
            subscribe: Some(Subscribe {
                framework_info: samples::framework_info(self.number),
                ..Default::default()
            }),
            ..Default::default()
        };
        let call = SchedulerCall {
            call: Pb(call),
            from: Some(ctx.me()),
            stream_id: None,
            principal: None,
        };
        ctx.ask_then(
            &self.company.master,
            call,
            PATIENCE,
            |scheduler, answer, ctx| {
                let accepted = answer.expect("an answer").expect("a subscription");
                let subscription = accepted.subscription.expect("a stream");
                scheduler.stream_id = Some(subscription.stream_id);
                scheduler.company.subscribed.count();
                let early = std::mem::take(&mut scheduler.early);
                early
                    .into_iter()
                    .for_each(|offer| scheduler.accept(offer, ctx));
            },
        );
    }

    fn call(&mut self, call: Call, ctx: &mut Context<Self>) {
        self.waiting.push_back(call);
        self.send(ctx);
    }

    /// Sends the next of the calls that wait, if there is room for it.
    fn send(&mut self, ctx: &mut Context<Self>) {
        if self.unanswered == WINDOW {
            return;
        }
        let Some(call) = self.waiting.pop_front() else {
            return;
        };
        self.unanswered += 1;
        let call = SchedulerCall {
            call: Pb(Call {
                framework_id: Some(samples::framework(self.number)),
                ..call
            }),
            from: Some(ctx.me()),
            stream_id: self.stream_id.clone(),
            principal: None,
        };
        let master = &self.company.master;
        ctx.ask_then(master, call, PATIENCE, |scheduler, answer, ctx| {
            answer.expect("an answer").expect("a call that is accepted");
            scheduler.unanswered -= 1;
            scheduler.send(ctx);
        });
    }

    /// Fills an offer with tasks; what is left of it may be offered again at once.
    fn accept(&mut self, offer: v1::Offer, ctx: &mut Context<Self>) {
        let count = self.company.work.take(&offer);
        if count == 0 {
            return;
        }
        let task_infos = (0..count).map(|_| self.task(&offer.agent_id)).collect();
        let launch = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch as i32),
            launch: Some(v1::offer::operation::Launch { task_infos }),
            ..Default::default()
        };
        let accept = Accept {
            offer_ids: vec![offer.id],
            operations: vec![launch],
            filters: Some(v1::Filters {
                refuse_seconds: Some(0.0),
            }),
        };
        self.call(
            Call {
                r#type: Some(Type::Accept as i32),
                accept: Some(accept),
                ..Default::default()
            },
            ctx,
        );
    }

    fn task(&mut self, agent: &v1::AgentId) -> v1::TaskInfo {
        self.launched += 1;
        let name = format!("task-{}-{}", self.number, self.launched);
        v1::TaskInfo {
            task_id: v1::TaskId {
                value: format!("{name}.5f3c9d0a-7f0e-4a57"),
            },
            name,
            agent_id: agent.clone(),
            resources: self.company.work.resources.clone(),
            command: Some(v1::CommandInfo {
                value: Some("sleep 1000".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn acknowledge(&mut self, status: v1::TaskStatus, ctx: &mut Context<Self>) {
        self.company.course.arrived();
        let (Some(uuid), Some(agent_id)) = (status.uuid, status.agent_id) else {
            panic!(
                "{:?} cannot be acknowledged: {:?}",
                status.task_id, status.message
            );
        };
        let acknowledge = Acknowledge {
            agent_id,
            task_id: status.task_id,
            uuid,
        };
        self.call(
            Call {
                r#type: Some(Type::Acknowledge as i32),
                acknowledge: Some(acknowledge),
                ..Default::default()
            },
            ctx,
        );
    }
}

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let mut go = self.company.go.clone();
        let told = async move { go.wait_for(|go| *go).await.is_ok() };
        ctx.spawn(told.into_actor(self).map(|told, scheduler, ctx| {
            if told {
                scheduler.subscribe(ctx);
            }
        }));
    }
}

impl Process for Scheduler {
    type Protocol = SchedulerProtocol;
}

impl Handler<Event> for Scheduler {
    type Result = ();

    fn handle(&mut self, event: Event, ctx: &mut Context<Self>) {
        let event = event.0.0;
        if let Some(offers) = event.offers {
            match self.stream_id {
                Some(_) => offers
                    .offers
                    .into_iter()
                    .for_each(|offer| self.accept(offer, ctx)),
                None => self.early.extend(offers.offers),
            }
        }
        if let Some(update) = event.update {
            self.acknowledge(update.status, ctx);
        }
        if let Some(error) = event.error {
            panic!("the master ends the subscription: {}", error.message);
        }
    }
}

impl Handler<Unsubscribed> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: Unsubscribed, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
