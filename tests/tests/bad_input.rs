//! Whatever comes over HTTP or the command line gets an answer that names the thing; nothing running is disturbed.

use std::time::Duration;

use mesos_tests::{Answer, Cluster, Daemon, eventually, free_port, mesos, post};

const SOON: Duration = Duration::from_secs(60);
const JSON: (&str, &str) = ("Content-Type", "application/json");
const PROTOBUF: (&str, &str) = ("Content-Type", "application/x-protobuf");

#[test]
fn the_scheduler_api_refuses_what_is_wrong_and_stays_up() {
    let cluster = Cluster::local();
    let call = |headers: &[(&str, &str)], body: &[u8]| -> Answer {
        post(&cluster.master, "/api/v1/scheduler", headers, body).expect("an answer")
    };
    let subscribe =
        br#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x"}}}"#;

    for (what, headers, body, status) in [
        ("no content type", vec![], &b"{}"[..], 400),
        (
            "an unknown content type",
            vec![("Content-Type", "text/plain")],
            b"{}",
            415,
        ),
        (
            "a content type with a parameter",
            vec![("Content-Type", "application/json; charset=utf-8")],
            b"{}",
            415,
        ),
        ("cut JSON", vec![JSON], b"{", 400),
        ("JSON that is no call", vec![JSON], b"[1,2,3]", 400),
        ("an unknown call", vec![JSON], br#"{"type":"NOPE"}"#, 400),
        (
            "a call without its part",
            vec![JSON],
            br#"{"type":"SUBSCRIBE"}"#,
            400,
        ),
        (
            "protobuf that is none",
            vec![PROTOBUF],
            b"\xff\xff\xff\xff\xff",
            400,
        ),
        ("an empty protobuf", vec![PROTOBUF], b"", 400),
        (
            "an unknown framework",
            vec![JSON],
            br#"{"type":"REVIVE","framework_id":{"value":"nobody"}}"#,
            400,
        ),
        ("no framework id", vec![JSON], br#"{"type":"REVIVE"}"#, 400),
        (
            "an Accept that cannot be met",
            vec![JSON, ("Accept", "text/html")],
            subscribe,
            406,
        ),
        (
            "a subscription with a stream id",
            vec![JSON, ("Mesos-Stream-Id", "x")],
            subscribe,
            400,
        ),
    ] {
        let answer = call(&headers, body);
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert!(
            !answer.body.is_empty(),
            "{what}: the answer says what is wrong"
        );
    }

    let deep = "[".repeat(10_000);
    let nested = format!(r#"{{"type":"SUBSCRIBE","x":{deep}"#);
    assert_eq!(
        call(&[JSON], nested.as_bytes()).status,
        400,
        "ten thousand levels"
    );

    let huge = vec![b' '; 100 * 1024 * 1024];
    // The server may answer before it has read everything, and then close: both are a refusal.
    if let Some(answer) = post(&cluster.master, "/api/v1/scheduler", &[JSON], &huge) {
        assert_eq!(answer.status, 413, "a body of 100 MB: {answer:?}");
    }

    let hello = cluster.mesos(&["run", "--", "echo", "still here"], SOON);
    assert_eq!(hello.stdout, "still here\n", "{hello:?}");
}

#[test]
fn the_command_line_names_what_is_wrong_and_the_remedy() {
    let unknown = mesos(&["local", "--colour=blue"], SOON);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("--colour"), "{unknown:?}");

    let nobody = mesos(&["run", "--master=127.0.0.1:1", "--", "true"], SOON);
    assert_ne!(nobody.code, Some(0), "{nobody:?}");
    assert!(nobody.stderr.contains("127.0.0.1:1"), "{nobody:?}");

    for (flag, part) in [
        ("--cpus=-1", "cpus"),
        ("--mem=NaN", "mem"),
        ("--cpus=1e300", "cpus"),
        ("--env=NOTHING", "env"),
    ] {
        let output = mesos(&["run", "--master=127.0.0.1:1", flag, "--", "true"], SOON);
        assert_eq!(output.code, Some(2), "{flag}: {output:?}");
        assert!(output.stderr.contains(part), "{flag}: {output:?}");
    }

    let resources = mesos(
        &[
            "agent",
            "--master=127.0.0.1:1",
            "--work_dir=/nowhere",
            "--resources=cpus:many",
        ],
        SOON,
    );
    assert_ne!(resources.code, Some(0), "{resources:?}");
    assert!(resources.stderr.contains("cpus"), "{resources:?}");
}

#[test]
fn a_taken_port_and_a_foreign_work_directory_are_named() {
    let cluster = Cluster::master_and_agent();
    let second = tempfile::tempdir().expect("a folder");
    let port = format!(
        "--port={}",
        cluster.master.split_once(':').expect("host:port").1
    );
    let taken = mesos(
        &[
            "master",
            "--ip=127.0.0.1",
            &port,
            &format!("--work_dir={}", second.path().display()),
        ],
        SOON,
    );
    assert_ne!(taken.code, Some(0), "{taken:?}");
    assert!(taken.stderr.contains(&cluster.master), "{taken:?}");

    let work_dir = cluster.folder().join("agent/work").display().to_string();
    let other = mesos(
        &[
            "agent",
            &format!("--master={}", cluster.master),
            "--ip=127.0.0.1",
            &format!("--port={}", free_port()),
            &format!("--work_dir={work_dir}"),
        ],
        SOON,
    );
    assert_ne!(
        other.code,
        Some(0),
        "two agents in one work directory: {other:?}"
    );
    assert!(other.stderr.contains(&work_dir), "{other:?}");

    let hello = cluster.mesos(&["run", "--", "echo", "undisturbed"], SOON);
    assert_eq!(hello.stdout, "undisturbed\n", "{hello:?}");
}

#[test]
fn an_agent_without_a_certificate_of_this_cluster_gets_nowhere() {
    let cluster = Cluster::local();
    let stranger = tempfile::tempdir().expect("a folder");
    let folder = stranger.path().join("stranger");
    std::fs::create_dir_all(&folder).expect("a folder");
    // Its own tls_dir, so its own authority.
    let agent = Daemon::start(
        &[
            "agent",
            &format!("--master={}", cluster.master),
            "--ip=127.0.0.1",
            &format!("--port={}", free_port()),
            &format!("--work_dir={}", folder.join("work").display()),
        ],
        &folder,
    );
    eventually("the stranger is told why", SOON, || {
        agent.log().contains("certificate").then_some(())
    });
    cluster.wait_for_agents(1);
}
