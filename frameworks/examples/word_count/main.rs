//! Counts the words of all files in a directory, with a scheduler and an executor of its own.
//!
//!     cargo run -p mesos-frameworks --example word_count -- 127.0.0.1:5050 libprocess/src
//!
//! The text travels as the data of tasks, the counts come back as the data of status updates; no file is shared. The
//! executor is this program too: agents start it with `--executor`, once each, and give it one piece after the other.
//! (They find it by its path, so it must be there on their machines.)

mod executor;
mod scheduler;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use executor::Counter;
use mesos::resources::{Format, Resources};
use mesos::v1;
use mesos_frameworks::connect::connect;
use scheduler::WordCount;
use tokio::sync::oneshot;

pub(crate) type Words = BTreeMap<String, u64>;

/// Bytes of text in one task.
const PIECE: usize = 32 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag] if flag == "--executor" => Ok(mesos_frameworks::executor::run(|driver, _, _| {
            Counter(driver)
        })?),
        [master, directory] => schedule(master, Path::new(directory)),
        _ => Err("usage: word_count HOST:PORT DIRECTORY".into()),
    }
}

#[tokio::main]
async fn schedule(master: &str, directory: &Path) -> Result<(), Box<dyn Error>> {
    let text = read(directory)?;
    let waiting = pieces(&text);
    println!("{} bytes in {} pieces", text.len(), waiting.len());
    let (executor, (done, words)) = (executor_info()?, oneshot::channel());
    let (node, config) = connect(master, "word-count").await?;
    let make = |driver, _: &mut _| WordCount::new(driver, executor, waiting, done);
    let driver = mesos_frameworks::scheduler::start(&node, config, make)?;
    let words = words.await?;
    driver.teardown();
    driver.ended().await;
    node.shutdown(Duration::from_secs(3)).await;

    let words = words?;
    assert_eq!(words, count(&text), "the same, counted here in one go");
    let mut most: Vec<(&String, &u64)> = words.iter().collect();
    most.sort_by_key(|(word, n)| (std::cmp::Reverse(**n), *word));
    println!("{:<16}{:>8}", "WORD", "COUNT");
    for (word, n) in most.iter().take(10) {
        println!("{word:<16}{n:>8}");
    }
    println!(
        "{} words, {} of them different",
        words.values().sum::<u64>(),
        words.len()
    );
    Ok(())
}

/// What the executor does with its piece, and this program with the whole, to compare.
pub(crate) fn count(text: &str) -> Words {
    let mut words = Words::new();
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
    words
}

/// The texts of all files directly in a directory.
fn read(directory: &Path) -> Result<String, std::io::Error> {
    let mut text = String::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() {
            text.push_str(&String::from_utf8_lossy(&std::fs::read(path)?));
            text.push('\n');
        }
    }
    Ok(text)
}

/// Pieces of whole lines, of about [`PIECE`] bytes.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if pieces
            .last()
            .is_some_and(|piece| piece.len() + line.len() > PIECE)
        {
            pieces.push(String::new());
        }
        pieces
            .last_mut()
            .expect("there is always one")
            .push_str(line);
    }
    pieces
}

fn executor_info() -> Result<v1::ExecutorInfo, std::io::Error> {
    let program = std::env::current_exe()?.display().to_string();
    let resources = Resources::parse("cpus:0.1;mem:64", "*").expect("resources that parse");
    Ok(v1::ExecutorInfo {
        executor_id: "counter".into(),
        command: Some(v1::CommandInfo {
            shell: Some(false),
            value: Some(program.clone()),
            arguments: vec![program, "--executor".to_owned()],
            ..Default::default()
        }),
        resources: resources.to_v1(Format::PreRefinement),
        ..Default::default()
    })
}
