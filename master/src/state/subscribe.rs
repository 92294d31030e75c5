//! SUBSCRIBE and UPDATE_FRAMEWORK: how frameworks come, come back, and change (Mesos'
//! `docs/high-availability-framework-guide.md`).

use std::collections::BTreeSet;
use std::sync::Arc;

use libprocess::prelude::Pid;
use mesos::historic::Historic;
use mesos::protocols::{
    CallAccepted, CallRejected, RejectionKind, SchedulerProtocol, Subscription as Granted,
    agent as to_agent,
};
use mesos::v1::scheduler::call::{self, Type};
use mesos::v1::scheduler::{Call, Event, event};
use mesos::v1::{AgentId, FrameworkId, FrameworkInfo};
use mesos::wire::Pb;

use super::frameworks::options;
use super::{
    Caller, Connection, Counter, Effect, Effects, Framework, State, Subscription, Timer, Timestamp,
    ToAgent, roles_of,
};
use crate::allocator::AllocatorOp;
use crate::validation::frameworks as check;

/// The most frameworks at a time. Anybody who may subscribe could otherwise fill the memory; the
/// largest clusters known have had some thousands.
const MAX_FRAMEWORKS: usize = 100_000;

impl State {
    pub(super) fn subscribe(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        call: Call,
        out: &mut Effects,
    ) -> Result<CallAccepted, CallRejected> {
        let subscribe = call.subscribe.unwrap_or_default();
        let from = self.check_subscriber(caller, &subscribe)?;
        let info = subscribe.framework_info.clone();
        let mut info = with_principal(info, caller.principal.as_deref());
        // A driver that missed the answer to its first SUBSCRIBE asks again from the same pid.
        let known = info.id.clone().filter(|id| !id.value.is_empty());
        let known = known.filter(|_| !self.config.museum.shows(Historic::GhostFrameworks));
        let known = known.or_else(|| self.schedulers.get(from.as_any()).cloned());
        let id = match known {
            Some(id) => {
                self.check_known(&id, &info)?;
                self.counters.count(Counter::ReregisterFramework);
                id
            }
            None if self.cluster.frameworks.len() >= MAX_FRAMEWORKS => {
                return Err(CallRejected::new(
                    RejectionKind::SubscriptionRefused,
                    format!("this master has {MAX_FRAMEWORKS} frameworks, as many as it takes"),
                ));
            }
            None => {
                self.counters.count(Counter::RegisterFramework);
                self.new_framework_id()
            }
        };
        info.id = Some(id.clone());
        match self.cluster.framework(&id) {
            None => self.add_framework(now, &info, out),
            // These two cannot change in a framework's life, whoever leads; Mesos keeps them silently.
            Some(known) => {
                info.user = known.info.user.clone();
                info.checkpoint = known.info.checkpoint;
            }
        }
        let stream_id = caller.fresh.to_string();
        let subscription = Subscription {
            pid: from,
            stream_id: stream_id.clone(),
        };
        self.connect(now, &id, info, &subscribe, subscription, out);
        self.count_call(&id, Type::Subscribe);
        Ok(CallAccepted {
            subscription: Some(Granted {
                framework_id: id,
                stream_id,
            }),
        })
    }

    /// A framework may have subscribed with an id of its own making that looks like one of ours.
    fn new_framework_id(&mut self) -> FrameworkId {
        loop {
            let id = self.ids.framework_id();
            if self.cluster.framework(&id).is_none() && !self.cluster.is_completed(&id) {
                return id;
            }
        }
    }

    fn check_subscriber(
        &self,
        caller: &Caller,
        subscribe: &call::Subscribe,
    ) -> Result<Pid<SchedulerProtocol>, CallRejected> {
        if caller.stream_id.is_some() {
            return Err(CallRejected::new(
                RejectionKind::UnexpectedStreamId,
                "Subscribe calls should not include the 'Mesos-Stream-Id' header",
            ));
        }
        if caller.operator {
            return Err(CallRejected::new(
                RejectionKind::Unauthorized,
                "an operator's certificate does not allow to subscribe as a framework",
            ));
        }
        let from = caller
            .from
            .clone()
            .ok_or_else(|| CallRejected::invalid("SUBSCRIBE must say where events are to go"))?;
        let info = &subscribe.framework_info;
        if let (Some(caller), Some(claimed)) = (&caller.principal, &info.principal)
            && caller != claimed
        {
            return Err(CallRejected::invalid(format!(
                "Authenticated principal '{caller}' does not match principal '{claimed}' set in \
                 `FrameworkInfo`"
            )));
        }
        check::subscription(
            info,
            &subscribe.suppressed_roles,
            subscribe.offer_constraints.as_ref(),
            self.config.root_submissions,
            self.config.regex_limits(),
        )
        .map_err(|error| CallRejected::new(RejectionKind::SubscriptionRefused, error))?;
        Ok(from)
    }

    fn check_known(&self, id: &FrameworkId, info: &FrameworkInfo) -> Result<(), CallRejected> {
        let refused = |why: String| CallRejected::new(RejectionKind::SubscriptionRefused, why);
        if self.cluster.is_completed(id) {
            return Err(refused("Framework has been removed".to_owned()));
        }
        // Also if only the registry or an agent has told of it: else any principal could take it over from a new leader.
        match self.cluster.framework(id) {
            Some(known) => {
                check::resubscription(&known.info, info).map_err(|e| refused(e.to_string()))
            }
            None => Ok(()),
        }
    }

    /// Adds a framework that no one is connected for yet.
    pub(super) fn add_framework(
        &mut self,
        now: Timestamp,
        info: &FrameworkInfo,
        out: &mut Effects,
    ) {
        let id = info.id.clone().unwrap_or_default();
        let mut framework = Framework::new(now, info.clone());
        framework.completed_tasks = self.cluster.take_told_of(&id);
        out.push(Effect::Allocator(AllocatorOp::AddFramework {
            id: id.clone(),
            options: options(&framework, self.config.regex_limits()),
            used: Default::default(),
        }));
        self.cluster.frameworks.insert(id, Arc::new(framework));
    }

    /// Makes `subscription` the framework's one connection, superseding an older one.
    fn connect(
        &mut self,
        now: Timestamp,
        id: &FrameworkId,
        info: FrameworkInfo,
        subscribe: &call::Subscribe,
        subscription: Subscription,
        out: &mut Effects,
    ) {
        self.supersede(id, &subscription.pid, out);
        self.withdraw_offers_of(id, out);
        let Some(framework) = self.cluster.framework_mut(id) else {
            return;
        };

        let (first, recovered) = (framework.epoch == 0, framework.recovered());
        if !first {
            out.push(Effect::Allocator(AllocatorOp::DeactivateFramework {
                id: id.clone(),
            }));
        } else {
            framework.registered = now;
        }
        let pid = subscription.pid.clone();
        framework.roles = Arc::new(roles_of(&info));
        framework.info = Arc::new(info);
        framework.suppressed_roles = Arc::new(subscribe.suppressed_roles.iter().cloned().collect());
        framework.offer_constraints = subscribe.offer_constraints.clone().map(Arc::new);
        framework.connection = Connection::Connected(subscription);
        framework.active = true;
        framework.epoch += 1;
        framework.reregistered = now;
        let epoch = framework.epoch;
        let options = options(framework, self.config.regex_limits());

        self.schedulers.insert(pid.any(), id.clone());
        out.push(Effect::Watch(pid.any()));
        self.send_subscribed(id, out);
        self.send_event(id, heartbeat_event(), out);
        out.push(Effect::Timer(
            self.config.heartbeat_interval,
            Timer::Heartbeat(id.clone(), epoch),
        ));
        out.push(Effect::Allocator(AllocatorOp::UpdateFramework {
            id: id.clone(),
            options,
        }));
        let returns = recovered && subscribe.framework_info.id.is_some();
        let inactive = returns && self.config.museum.shows(Historic::InactiveAfterFailover);
        out.push(Effect::Allocator(match inactive {
            true => AllocatorOp::DeactivateFramework { id: id.clone() },
            false => AllocatorOp::ActivateFramework { id: id.clone() },
        }));
        self.persist_framework(id, None, out);
        self.tell_agents_of(id, out);
    }

    /// Ends the framework's present connection, if another one takes over.
    fn supersede(
        &mut self,
        id: &FrameworkId,
        successor: &Pid<SchedulerProtocol>,
        out: &mut Effects,
    ) {
        let Some(framework) = self.cluster.framework(id) else {
            return;
        };
        let Some(old) = framework.subscription().map(|s| s.pid.clone()) else {
            return;
        };
        self.schedulers.remove(old.as_any());
        if old != *successor {
            self.send_event(id, error_event("Framework failed over"), out);
            out.push(Effect::Unsubscribe(old));
        }
    }

    fn send_subscribed(&mut self, id: &FrameworkId, out: &mut Effects) {
        let event = Event {
            r#type: Some(event::Type::Subscribed as i32),
            subscribed: Some(event::Subscribed {
                framework_id: id.clone(),
                heartbeat_interval_seconds: Some(self.config.heartbeat_interval.as_secs_f64()),
                master_info: Some((*self.master).clone()),
            }),
            ..Default::default()
        };
        self.send_event(id, event, out);
    }

    pub(super) fn heartbeat(&mut self, id: &FrameworkId, epoch: u64) -> Effects {
        let mut out = Effects::new();
        let current = self
            .cluster
            .framework(id)
            .is_some_and(|f| f.epoch == epoch && f.connected());
        if current {
            self.send_event(id, heartbeat_event(), &mut out);
            out.push(Effect::Timer(
                self.config.heartbeat_interval,
                Timer::Heartbeat(id.clone(), epoch),
            ));
        }
        out
    }

    /// UPDATE_FRAMEWORK: changes the description without a new connection.
    pub(super) fn update_framework(
        &mut self,
        framework: &Framework,
        caller: Option<&str>,
        update: call::UpdateFramework,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        let info = with_principal(update.framework_info, caller);
        check::subscription(
            &info,
            &update.suppressed_roles,
            update.offer_constraints.as_ref(),
            self.config.root_submissions,
            self.config.regex_limits(),
        )
        .and_then(|()| check::update(&framework.info, &info))
        .map_err(CallRejected::invalid)?;

        let id = framework.id.clone();
        let roles = roles_of(&info);
        self.rescind_offers_outside(framework, &roles, out);
        let Some(framework) = self.cluster.framework_mut(&id) else {
            return Ok(());
        };
        framework.roles = Arc::new(roles);
        framework.suppressed_roles = Arc::new(update.suppressed_roles.into_iter().collect());
        framework.offer_constraints = update.offer_constraints.map(Arc::new);
        framework.info = Arc::new(info);
        let options = options(framework, self.config.regex_limits());
        out.push(Effect::Allocator(AllocatorOp::UpdateFramework {
            id: id.clone(),
            options,
        }));
        self.persist_framework(&id, None, out);
        self.tell_agents_of(&id, out);
        Ok(())
    }

    fn rescind_offers_outside(
        &mut self,
        framework: &Framework,
        roles: &BTreeSet<String>,
        out: &mut Effects,
    ) {
        for id in &framework.offers {
            let role = self.cluster.offers.get(id).map(|offer| &offer.role);
            if role.is_some_and(|role| !roles.contains(role)) {
                self.rescind(id, out);
            }
        }
    }

    /// Tells every agent that runs something of the framework what it looks like now; the agents
    /// then resend what the framework has not acknowledged.
    fn tell_agents_of(&self, id: &FrameworkId, out: &mut Effects) {
        let Some(framework) = self.cluster.framework(id) else {
            return;
        };
        let of_tasks = framework.tasks.values().map(|task| &**task.agent_id());
        let of_executors = framework.executors.iter().map(|(agent, _)| agent.as_str());
        let concerned: BTreeSet<&str> = of_tasks.chain(of_executors).collect();
        for agent in concerned
            .into_iter()
            .filter_map(|id| self.cluster.agent(&AgentId::new(id)))
        {
            if agent.connected {
                let message = to_agent::UpdateFramework {
                    framework: Pb((*framework.info).clone()),
                };
                out.push(Effect::Agent(
                    agent.pid.clone(),
                    ToAgent::UpdateFramework(Box::new(message)),
                ));
            }
        }
    }
}

/// Who leaves the principal out is the one that was authenticated.
fn with_principal(mut info: FrameworkInfo, authenticated: Option<&str>) -> FrameworkInfo {
    if info.principal.is_none() {
        info.principal = authenticated.map(str::to_owned);
    }
    info
}

pub(super) fn heartbeat_event() -> Event {
    Event {
        r#type: Some(event::Type::Heartbeat as i32),
        ..Default::default()
    }
}

pub(super) fn error_event(message: &str) -> Event {
    Event {
        r#type: Some(event::Type::Error as i32),
        error: Some(event::Error {
            message: message.to_owned(),
        }),
        ..Default::default()
    }
}
