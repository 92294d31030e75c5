//! Erlang's distribution: two nodes of `erl` with what is in `distribution.erl`. Over plain TCP, as it
//! comes: neither encrypted nor authenticated beyond a cookie.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::CONCURRENT;

const SOURCE: &str = include_str!("distribution.erl");

pub(super) fn per_second(what: &str, count: usize) -> Result<f64, String> {
    Ok(count as f64 * 1e6 / took(what, count)?)
}

pub(super) fn microseconds(what: &str, count: usize) -> Result<f64, String> {
    Ok(took(what, count)? / count as f64)
}

/// In microseconds, as the caller measured it.
fn took(what: &str, count: usize) -> Result<f64, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    compile(folder.path())?;
    let port = free_port();
    let mut host = erl(folder.path(), port, "127.0.0.1", "distribution:host().")?;
    let ready = first_line(&mut host);
    let work = format!("distribution:{what}({count}, {CONCURRENT}).");
    let mut caller = erl(folder.path(), port, "127.0.0.2", &work)?;
    let said = first_line(&mut caller);
    for mut process in [host, caller] {
        let _ = process.kill();
        let _ = process.wait();
    }
    ready?;
    said?
        .parse()
        .map_err(|_| "the caller did not say a time".to_owned())
}

fn compile(folder: &Path) -> Result<(), String> {
    std::fs::write(folder.join("distribution.erl"), SOURCE).map_err(|error| error.to_string())?;
    let mut command = Command::new("erlc");
    command.arg("distribution.erl").current_dir(folder);
    let status = command.status().map_err(|error| {
        format!("erlc: {error} (Erlang is not installed; on Debian: apt install erlang-base)")
    })?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| "erlc failed".to_owned())
}

/// A node at an address of its own and without the usual registry of ports: both have the same.
fn erl(folder: &Path, port: u16, address: &str, work: &str) -> Result<Child, String> {
    let interface = format!("{{{}}}", address.replace('.', ","));
    let mut command = Command::new("erl");
    command
        .current_dir(folder)
        .args([
            "-noshell",
            "-noinput",
            "-setcookie",
            "bench",
            "-start_epmd",
            "false",
        ])
        .args(["-erl_epmd_port", &port.to_string()])
        .args(["-kernel", "inet_dist_use_interface", &interface])
        .args(["-name", &format!("bench@{address}")])
        .args(["-eval", work])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command.spawn().map_err(|error| format!("erl: {error}"))
}

fn first_line(process: &mut Child) -> Result<String, String> {
    let output = process.stdout.take().ok_or("no output")?;
    let line = BufReader::new(output).lines().next();
    let line = line.ok_or("erl ended without a word")?;
    line.map_err(|error| error.to_string())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound address").port()
}
