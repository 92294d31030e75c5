//! What is offered is offered once, by offers that exist, to those who may have it.

use master::state::{Framework, Offer};
use mesos::resources::Resources;

use super::Sight;

/// In the master's latest view: what agents and frameworks count as offered is what outstanding offers hold; an offer is
/// for a framework that is there, in a role of its own, and has nothing that is reserved to somebody else.
///
/// # Errors
///
/// The offer, agent or framework of which it does not hold.
pub fn check(sight: &Sight<'_>) -> Result<(), String> {
    let Some(view) = &sight.view else {
        return Ok(());
    };
    let known = &view.cluster;
    for offer in known.offers.values() {
        let Offer {
            record,
            resources,
            role,
            ..
        } = offer.as_ref();
        let id = &record.id;
        let framework = known.frameworks.get(&record.framework_id);
        let framework = framework.ok_or(format!("{id} is to a framework that is not there"))?;
        if !framework.active || !framework.roles.contains(role) {
            return Err(format!("{id} is to {} in role {role}", framework.id));
        }
        let agent = known.agent(&record.agent_id);
        if !agent.is_some_and(|agent| agent.active) {
            return Err(format!(
                "{id} is of {}, which is not there",
                record.agent_id
            ));
        }
        if let Some(key) = resources.keys().find(|key| !key.is_allocatable_to(role)) {
            return Err(format!("{id} offers {key:?} in role {role}"));
        }
    }
    let sum = |mine: &dyn Fn(&Offer) -> bool| {
        let offers = known.offers.values().filter(|offer| mine(offer));
        offers.fold(Resources::new(), |sum, offer| sum + offer.resources.clone())
    };
    for agent in known.agents.values() {
        let (id, offered) = (&agent.id, agent.offered());
        let held = sum(&|offer| offer.record.agent_id == *id);
        if held != offered {
            return Err(format!(
                "{id}: {offered} is offered, but offers hold {held}"
            ));
        }
    }
    for framework in known.frameworks.values() {
        let Framework { id, offered, .. } = framework.as_ref();
        let held = sum(&|offer| offer.record.framework_id == *id);
        if held != *offered {
            return Err(format!(
                "{id}: {offered} is offered, but offers hold {held}"
            ));
        }
    }
    Ok(())
}
