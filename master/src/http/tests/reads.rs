//! Documents, redirects, the page, and paths nobody expects.

use super::rig::{Client, Rig, takes_everything};

#[tokio::test]
async fn documents_have_their_types_and_old_names() {
    let rig = Rig::new(takes_everything);
    for path in [
        "/state",
        "/master/state",
        "/state.json",
        "/master/state/",
        "/state-summary",
        "/slaves",
        "/frameworks?framework_id=x",
        "/tasks?limit=-1&order=asc",
        "/roles",
        "/flags",
        "/version",
        "/metrics/snapshot",
        "/system/stats.json",
    ] {
        let response = rig.get(path).await;
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(
            response.header("content-type"),
            Some("application/json"),
            "{path}"
        );
        assert!(
            serde_json::from_slice::<serde_json::Value>(&response.body).is_ok(),
            "{path}"
        );
    }
    let health = rig.get("/health").await;
    assert_eq!((health.status, health.body.len()), (200, 0));
    let metrics = rig.get("/metrics").await;
    assert!(metrics.text().contains("\nmesos_master_elected 1\n"));
    rig.stop().await;
}

#[tokio::test]
async fn who_stands_by_sends_people_to_the_leader_and_answers_for_itself() {
    let rig = Rig::new(takes_everything);
    let stand_by = |leader: Option<&str>| {
        rig.views.send_modify(|view| {
            let leader = leader.map(|hostname| {
                let mut info = (*view.master).clone();
                (info.id, info.hostname) = ("other".into(), Some(hostname.into()));
                info.into()
            });
            *view = std::sync::Arc::new(crate::view::View {
                leader,
                elected: None,
                ..(**view).clone()
            });
        });
    };
    let of_cluster = [
        "/",
        "/state",
        "/master/slaves?a=b",
        "/tasks",
        "/weights",
        "/quota",
        "/api/v1",
        "/api/v1/scheduler",
        "/registrar(1)/registry",
    ];
    stand_by(Some("m2"));
    for path in of_cluster {
        let response = rig.get(path).await;
        let expected = format!("//m2:5050{path}");
        let location = response.header("location");
        assert_eq!(
            (response.status, location),
            (307, Some(&*expected)),
            "{path}"
        );
    }
    let redirect = rig.get("/redirect").await;
    assert_eq!(redirect.header("location"), Some("//m2:5050"));
    stand_by(None);
    for path in of_cluster.iter().chain(&["/redirect"]) {
        assert_eq!(rig.get(path).await.status, 503, "{path}");
    }
    for path in [
        "/health",
        "/version",
        "/flags",
        "/metrics/snapshot",
        "/metrics",
        "/live",
        "/static/app.js",
    ] {
        assert_eq!(rig.get(path).await.status, 200, "{path}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn the_node_below_shows_what_it_does() {
    let rig = Rig::new(takes_everything);
    // Nobody has said that it is ready.
    let ready = rig.get("/ready").await;
    assert_eq!((ready.status, &*ready.text()), (503, "starting\n"));
    assert_eq!(rig.get("/live").await.status, 200);
    let processes = rig.get("/processes").await;
    let view: libprocess::observe::NodeView = serde_json::from_slice(&processes.body).unwrap();
    let names = view.processes.iter().map(|process| process.pid.name());
    assert!(names.eq(["master"]));
    let metrics = rig.get("/metrics").await;
    assert!(metrics.text().contains("\nlibprocess_ready 0\n"));
    rig.stop().await;
}

#[tokio::test]
async fn jsonp_wraps_and_refuses_scripts() {
    let rig = Rig::new(takes_everything);
    let response = rig.get("/version?jsonp=f").await;
    assert_eq!(response.header("content-type"), Some("text/javascript"));
    assert!(response.text().starts_with("f({") && response.text().ends_with("});"));
    assert_eq!(rig.get("/version?jsonp=f(1);g").await.status, 400);
    rig.stop().await;
}

#[tokio::test]
async fn large_documents_are_compressed_for_those_who_ask() {
    let rig = Rig::new(takes_everything);
    let head = "GET /state HTTP/1.1\r\nAccept-Encoding: gzip\r\n";
    let response = rig.request(head, "").await;
    assert_eq!(response.header("content-encoding"), Some("gzip"));
    assert!(response.body.len() < rig.get("/state").await.body.len());
    rig.stop().await;
}

#[tokio::test]
async fn redirect_names_the_leader_and_does_not_loop() {
    let rig = Rig::new(takes_everything);
    for path in ["/redirect", "/master/redirect"] {
        let response = rig.get(path).await;
        assert_eq!((response.status, response.body.len()), (307, 0));
        assert_eq!(response.header("location"), Some("//localhost:5050"));
    }
    assert_eq!(rig.get("/redirect/state").await.status, 404);
    rig.stop().await;
}

#[tokio::test]
async fn unknown_and_absurd_paths_do_no_harm() {
    let rig = Rig::new(takes_everything);
    let long = format!("/{}", "a".repeat(60_000));
    let slashes = "/".repeat(60_000);
    for path in [
        "/nope",
        "/agents",
        "/stateful",
        "/%2e%2e/%00%ff",
        "/static/../Cargo.toml",
        &long,
    ] {
        let response = rig.get(path).await;
        assert_eq!(
            (response.status, response.text().as_str()),
            (404, "404 Not Found.")
        );
    }
    assert_eq!(rig.get(&slashes).await.status, 200);
    for target in ["", "*", "nope", "http://", "/\u{0}"] {
        let mut client = Client::connect(rig.address).await;
        client
            .raw(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
            .await;
        assert!(client.is_answered_or_closed().await, "{target:?}");
    }
    assert_eq!(rig.get("/health").await.status, 200);
    rig.stop().await;
}

#[tokio::test]
async fn only_gets_are_reads() {
    let rig = Rig::new(takes_everything);
    let response = rig.request("DELETE /state HTTP/1.1\r\n", "").await;
    assert_eq!(
        (response.status, response.header("allow")),
        (405, Some("GET"))
    );
    rig.stop().await;
}

#[tokio::test]
async fn the_page_is_safe_and_cached() {
    let rig = Rig::new(takes_everything);
    let page = rig.get("/").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("default-src 'self'")
    );
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let etag = page.header("etag").unwrap();
    let again = format!("GET / HTTP/1.1\r\nIf-None-Match: {etag}\r\n");
    let again = rig.request(&again, "").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(
        rig.get("/favicon.ico").await.header("content-type"),
        Some("image/svg+xml")
    );
    rig.stop().await;
}
