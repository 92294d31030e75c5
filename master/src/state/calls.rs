//! Scheduler calls: who may call, and where each call goes.
//!
//! The order of the checks is part of the contract (Mesos' `docs/scheduler-http-api.md`): structure, then the
//! framework, then its connection, then the stream id.

use std::sync::Arc;

use libprocess::prelude::Pid;
use mesos::protocols::{CallAccepted, CallRejected, RejectionKind, SchedulerProtocol};
use mesos::v1::FrameworkId;
use mesos::v1::allocator::inverse_offer_status::Status;
use mesos::v1::scheduler::Call;
use mesos::v1::scheduler::call::Type;
use uuid::Uuid;

use super::{Counter, Effects, Framework, State, Timestamp};
use crate::validation::calls::{CallError, MAX_STREAM_ID_LENGTH, call as check_structure};

/// Who makes a call.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where events are to go.
    pub from: Option<Pid<SchedulerProtocol>>,
    /// The stream id it showed.
    pub stream_id: Option<String>,
    /// Who it is, where that is known.
    pub principal: Option<String>,
    /// Whether it is a tool of an operator, which needs no subscription.
    pub operator: bool,
    /// The stream id a new subscription gets. Chance is an argument.
    pub fresh: Uuid,
}

impl State {
    /// A scheduler calls.
    ///
    /// # Errors
    /// The refusal the caller gets; nothing was changed then.
    pub fn call(
        &mut self,
        now: Timestamp,
        caller: &Caller,
        call: Call,
    ) -> Result<(CallAccepted, Effects), CallRejected> {
        if self.recovering {
            return Err(CallRejected::new(
                RejectionKind::Recovering,
                "the master is still reading its registry; try again in a moment",
            ));
        }
        let kind = check_structure(&call).map_err(rejected)?;
        let mut out = Effects::new();
        let accepted = if kind == Type::Subscribe {
            self.subscribe(now, caller, call, &mut out)?
        } else {
            let id = self.authorise(caller, kind, &call)?;
            self.count_call(&id, kind);
            self.dispatch(now, &id, caller, kind, call, &mut out)?;
            CallAccepted::default()
        };
        Ok((accepted, out))
    }

    /// Whose limit of calls a call counts for: of who was authenticated, else of who is spoken for. Without
    /// credentials who subscribes is believed what it claims, and later the stream id shows whose call it is.
    pub fn principal_of<'a>(&'a self, caller: &'a Caller, call: &'a Call) -> Option<&'a str> {
        if let Some(principal) = &caller.principal {
            return Some(principal);
        }
        if call.r#type() == Type::Subscribe {
            return call.subscribe.as_ref()?.framework_info.principal.as_deref();
        }
        let framework = self.cluster.framework(call.framework_id.as_ref()?)?;
        let subscription = framework.subscription()?;
        let is_its_own = caller.stream_id.as_ref() == Some(&subscription.stream_id);
        is_its_own.then_some(framework.info.principal.as_deref())?
    }

    /// Finds the framework in whose name `call` may be made by `caller`.
    fn authorise(
        &self,
        caller: &Caller,
        kind: Type,
        call: &Call,
    ) -> Result<FrameworkId, CallRejected> {
        let refuse = |kind, why: &str| CallRejected::new(kind, why);
        let id = call.framework_id.clone().unwrap_or_default();
        let framework = self
            .cluster
            .framework(&id)
            .ok_or_else(|| refuse(RejectionKind::UnknownFramework, "Framework cannot be found"))?;
        if caller.operator {
            return if matches!(kind, Type::Kill | Type::Teardown) {
                Ok(id)
            } else {
                Err(refuse(
                    RejectionKind::Unauthorized,
                    "an operator may only KILL and TEARDOWN in the name of a framework",
                ))
            };
        }
        if caller.principal.is_some() && caller.principal != framework.info.principal {
            return Err(refuse(
                RejectionKind::WrongPrincipal,
                "The authenticated principal does not match the principal of the framework",
            ));
        }
        let Some(subscription) = framework.subscription() else {
            return Err(refuse(
                RejectionKind::Disconnected,
                "Framework is not subscribed",
            ));
        };
        let Some(stream_id) = &caller.stream_id else {
            return Err(refuse(
                RejectionKind::MissingStreamId,
                "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
            ));
        };
        if stream_id.len() > MAX_STREAM_ID_LENGTH || *stream_id != subscription.stream_id {
            return Err(refuse(
                RejectionKind::WrongStreamId,
                "The stream ID included in this request didn't match the stream ID currently \
                 associated with the framework",
            ));
        }
        Ok(id)
    }

    /// Calls that come with every task are given the id alone: a record that somebody holds is copied when it changes.
    fn dispatch(
        &mut self,
        now: Timestamp,
        id: &FrameworkId,
        caller: &Caller,
        kind: Type,
        call: Call,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        match kind {
            Type::Accept => {
                let accept = call.accept.unwrap_or_default();
                self.accept(now, id, accept, caller.fresh, out);
            }
            Type::Decline => self.decline(id, &call.decline.unwrap_or_default(), out),
            Type::Acknowledge => self.acknowledge(id, &call.acknowledge.unwrap_or_default(), out),
            _ => {
                if let Some(framework) = self.cluster.framework(id).cloned() {
                    self.dispatch_rare(now, &framework, caller, kind, call, out)?;
                }
            }
        }
        Ok(())
    }

    fn dispatch_rare(
        &mut self,
        now: Timestamp,
        framework: &Arc<Framework>,
        caller: &Caller,
        kind: Type,
        call: Call,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        let id = &framework.id;
        match kind {
            Type::Unknown | Type::Subscribe | Type::Accept | Type::Decline | Type::Acknowledge => {}
            Type::Teardown => {
                self.counters.count(Counter::UnregisterFramework);
                self.remove_framework(now, id, out);
            }
            Type::Revive => self.revive(framework, call.revive.unwrap_or_default().roles, out),
            Type::Suppress => {
                self.suppress(framework, call.suppress.unwrap_or_default().roles, out);
            }
            Type::Kill => self.kill(now, framework, call.kill.unwrap_or_default(), out),
            Type::Shutdown => self.shutdown_executor(id, call.shutdown.unwrap_or_default(), out),
            Type::Reconcile => {
                self.reconcile(now, framework, &call.reconcile.unwrap_or_default(), out);
            }
            Type::Message => self.message(id, call.message.unwrap_or_default(), out),
            // Mesos' allocator ignores requests too.
            Type::Request => self.counters.count(Counter::ResourceRequest),
            Type::UpdateFramework => {
                let (update, caller) = (call.update_framework, caller.principal.as_deref());
                self.update_framework(framework, caller, update.unwrap_or_default(), out)?;
            }
            Type::ReconcileOperations => {
                let reconcile = call.reconcile_operations.unwrap_or_default();
                self.reconcile_operations(id, &reconcile, out);
            }
            Type::AcknowledgeOperationStatus => {
                let acknowledge = call.acknowledge_operation_status.unwrap_or_default();
                self.acknowledge_operation(id, &acknowledge, out);
            }
            Type::AcceptInverseOffers => {
                let accept = call.accept_inverse_offers.unwrap_or_default();
                let (offers, filters) = (&accept.inverse_offer_ids, accept.filters.as_ref());
                self.answer_inverse_offers(now, id, offers, Status::Accept, filters, out);
            }
            Type::DeclineInverseOffers => {
                let decline = call.decline_inverse_offers.unwrap_or_default();
                let (offers, filters) = (&decline.inverse_offer_ids, decline.filters.as_ref());
                self.answer_inverse_offers(now, id, offers, Status::Decline, filters, out);
            }
        }
        Ok(())
    }

    pub(super) fn count_call(&mut self, id: &FrameworkId, kind: Type) {
        if let Some(framework) = self.cluster.framework_mut(id) {
            *framework.traffic.calls.entry(kind as i32).or_insert(0) += 1;
        }
    }
}

fn rejected(error: CallError) -> CallRejected {
    let kind = match error {
        CallError::Invalid(_) => RejectionKind::Invalid,
        CallError::UnknownType(_) => RejectionKind::Unsupported,
    };
    CallRejected::new(kind, error)
}
