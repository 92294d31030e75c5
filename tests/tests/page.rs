//! The page at the master's port, in a real browser.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use mesos_tests::{Browser, Cluster, Running};

/// A command that does nothing takes a second; a loaded machine gets more.
const ENDED_WITHIN: Duration = Duration::from_secs(30);
/// What the picture in the README is written to, if wanted: a PNG of the page's overview.
const SCREENSHOT: &str = "MESOS_TESTS_SCREENSHOT";

#[test]
fn the_page_shows_the_cluster_and_follows_a_task() {
    let cluster = Cluster::local_of(2, &["--resources=cpus:8;mem:16384;disk:102400"]);
    let lines = cluster.folder().join("lines");
    let mut written = File::create(&lines).expect("a file to follow");
    let ended = cluster.mesos(&["run", "--name=import", "--", "true"], ENDED_WITHIN);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let _frontend = run(
        &cluster,
        &[
            "--name=shop-frontend",
            "--instances=4",
            "--cpus=1.5",
            "--mem=2048",
        ],
        "sleep 600",
    );
    let _index = run(
        &cluster,
        &[
            "--name=search-index",
            "--instances=2",
            "--cpus=1",
            "--mem=4096",
            "--disk=20480",
        ],
        "sleep 600",
    );
    let follow = format!("exec tail -n +1 -f {}", lines.display());
    let _greeter = run(&cluster, &["--name=greeter", "--mem=512"], &follow);

    let mut browser = Browser::open(&format!("http://{}/", cluster.master));
    shows_totals(&mut browser);
    if let Some(path) = std::env::var_os(SCREENSHOT) {
        browser.screenshot(Path::new(&path));
    }
    shows_agents_and_frameworks(&mut browser, &cluster);
    follows_stdout(&mut browser, &mut written);
    assert_eq!(browser.complaints(), [] as [String; 0]);
}

fn run(cluster: &Cluster, flags: &[&str], script: &str) -> Running {
    let mut command = cluster.command(&["run"]);
    command.args(flags).args(["--", "sh", "-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Running::start(command)
}

fn shows_totals(browser: &mut Browser) {
    // 4 × 1.5 + 2 × 1 + 0.5 of 2 × 8.
    browser.wait_for_text(".card", &["CPUs", "8.5 of 16", "free"]);
    browser.wait_for_text(".card", &["Memory", "16.5 GiB of 32 GiB"]);
    browser.wait_for_text(".numbers a[href='#/agents']", &["2", "agents"]);
    browser.wait_for_text(".numbers a[href='#/frameworks']", &["3", "frameworks"]);
    browser.wait_for_text(".numbers a[href='#/tasks']", &["7", "active tasks"]);
    browser.wait_for_text(".numbers a", &["1", "finished"]);
    browser.wait_for_text(".card", &["Disk", "40 GiB of 200 GiB"]);
    browser.wait_for_text("tbody tr", &["import", "finished"]);
    browser.wait_for("all tasks are running", |browser| {
        let rows = browser.texts("section:first-of-type tbody tr");
        (rows.len() == 7 && rows.iter().all(|row| row.contains("running"))).then_some(())
    });
}

fn shows_agents_and_frameworks(browser: &mut Browser, cluster: &Cluster) {
    let state = cluster.read("/state");
    let hostname = state["slaves"][0]["hostname"].as_str().expect("a hostname");
    browser.click("nav a", "Agents");
    browser.wait_for_text("tbody tr", &[hostname, "active", "/ 8", "/ 16 GiB"]);
    assert_eq!(browser.texts("tbody tr").len(), 2);
    browser.click("nav a", "Frameworks");
    for name in ["shop-frontend", "search-index", "greeter"] {
        browser.wait_for_text("tbody tr", &[name, "active"]);
    }
}

fn follows_stdout(browser: &mut Browser, written: &mut File) {
    writeln!(written, "good morning").expect("a line");
    browser.click("nav a", "Tasks");
    browser.click("tbody a", "greeter");
    browser.wait_for_text("h1", &["greeter", "running"]);
    browser.wait_for_text(".log pre", &["good morning"]);
    writeln!(written, "good evening").expect("another line");
    browser.wait_for_text(".log pre", &["good morning", "good evening"]);
    browser.click(".tabs button", "all files");
    browser.wait_for_text("tbody tr", &["stdout"]);
    browser.wait_for_text("tbody tr", &["stderr"]);
}
