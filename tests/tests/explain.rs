//! `mesos explain` and `/explain`: a cluster says why a framework is offered nothing.

use std::time::Duration;

use mesos_tests::{Cluster, Framework, eventually, get, get_json};
use serde_json::json;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_framework_that_is_offered_nothing_is_told_why() {
    let cluster = Cluster::local();
    let info = json!({"user": "root", "name": "big eater"});
    let mut framework = Framework::subscribe(&cluster.master, &info);
    let offers = framework.event("OFFERS", |_| true);
    let explain = |arguments: &[&str]| cluster.mesos(&[&["explain"], arguments].concat(), SOON);

    // It has everything.
    let table = explain(&["big eater"]);
    assert_eq!(table.code, Some(0), "{table:?}");
    let lines: Vec<_> = table.stdout.lines().collect();
    let head = "holds 1 of at most 10000 offers.";
    assert!(
        lines[0].starts_with("big eater (") && lines[0].ends_with(head),
        "{table:?}"
    );
    assert_eq!(
        lines[2],
        "*     1       all of the agent is offered or used"
    );

    // It refuses, and is told so for as long as that lasts.
    let offer = &offers["offers"]["offers"][0];
    let agent = offer["agent_id"]["value"].as_str().expect("an agent");
    let filters = json!({"refuse_seconds": 1000.0});
    framework.call(json!({
        "type": "DECLINE",
        "decline": {"offer_ids": [offer["id"]], "filters": filters},
    }));
    let path = format!("/explain?framework=big%20eater&agent_id={agent}");
    let answer = eventually("the refusal is known", SOON, || {
        let answer = get_json(&cluster.master, &path)?;
        (answer["summary"][0]["reason"] == "refused").then_some(answer)
    });
    assert_eq!(answer["agents"], json!({"total": 1, "explained": 1}));
    assert_eq!(answer["offers"]["outstanding"], 0);
    let printed = explain(&["--json", "--agent", agent, "big eater"]);
    let printed: serde_json::Value = serde_json::from_str(&printed.stdout).expect("JSON");
    assert_eq!(printed["summary"][0]["reason"], "refused");

    // Metrics tell the same.
    let refusals = "allocator/mesos/offer_filters/roles/*/active";
    eventually("the refusal is counted", SOON, || {
        let metrics = get_json(&cluster.master, "/metrics/snapshot")?;
        (metrics[refusals] == 1.0).then_some(())
    });
    let text = get(&cluster.master, "/metrics").expect("metrics").body;
    let labelled = "mesos_allocator_mesos_offer_filters_active{role=\"*\"} 1";
    assert!(text.lines().any(|line| line == labelled), "{text}");
}

#[test]
fn who_is_not_known_is_an_error_that_says_what_to_do() {
    let cluster = Cluster::local();
    let unknown = cluster.mesos(&["explain", "nobody"], SOON);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(
        unknown
            .stderr
            .contains("no framework 'nobody' is registered"),
        "{unknown:?}"
    );
    for (path, status) in [
        ("/explain", 400),
        ("/explain?framework=nobody", 400),
        ("/master/explain?framework_id=x", 400),
    ] {
        let answer = get(&cluster.master, path).expect("an answer");
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
}
