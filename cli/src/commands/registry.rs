//! `mesos registry`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use master::documents::registry::{entry, registry};
use master::registrar::{DiskStorage, Record, Registry, Storage, ZooKeeperStorage, tool};
use mesos::election::zookeeper::{DEFAULT_SESSION_TIMEOUT, ZkUrl, ZooKeeper};
use mesos::election::{Elected, NoLeader};

use super::print_json;
use crate::Outcome;
use crate::arguments::{JsonFlag, RegistryCommand, RegistryPlace};
use crate::table;

/// A leader that is there is seen within this time.
const LOOK_FOR: Duration = Duration::from_secs(2);

pub(super) async fn run(command: RegistryCommand) -> Outcome {
    match command {
        RegistryCommand::Show { place, output } => show(&place, &output).await,
        RegistryCommand::Backup { place, file } => backup(&place, &file).await,
        RegistryCommand::Restore { place, force, file } => restore(&place, force, &file).await,
    }
}

async fn show(place: &RegistryPlace, output: &JsonFlag) -> Outcome {
    let found = tool::read(storage(place)?).await?;
    if output.json {
        return print_json(&registry(&found));
    }
    let rows: Vec<[String; 3]> = found.records().map(|record| row(&record)).collect();
    print!("{}", table::render(["KIND", "ID", "NAME"], &rows));
    Ok(ExitCode::SUCCESS)
}

fn row(record: &Record) -> [String; 3] {
    let (kind, id) = entry(record);
    let name = match record {
        Record::Agent { info, .. } => info.hostname.clone(),
        Record::Framework { framework, .. } => framework.info.name.clone(),
        _ => String::new(),
    };
    [kind, id, name]
}

async fn backup(place: &RegistryPlace, file: &Path) -> Outcome {
    let found = tool::read(storage(place)?).await?;
    let text = tool::backup(&found)?;
    let failed = |error| format!("cannot write {}: {error}", file.display());
    // A backup that is there is not lost by mistake.
    let mut made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .map_err(failed)?;
    made.write_all(text.as_bytes()).map_err(failed)?;
    made.sync_all().map_err(failed)?;
    println!("saved {} to {}", counted(&found), file.display());
    Ok(ExitCode::SUCCESS)
}

async fn restore(place: &RegistryPlace, force: bool, file: &Path) -> Outcome {
    let wanted = tool::load(file)?;
    if let (Some(url), false) = (&place.zk, force) {
        nobody_leads(url).await?;
    }
    tool::restore(storage(place)?, &wanted, force).await?;
    println!("restored {} from {}", counted(&wanted), file.display());
    Ok(ExitCode::SUCCESS)
}

fn counted(registry: &Registry) -> String {
    match registry.records().count() {
        1 => "1 record".to_owned(),
        count => format!("{count} records"),
    }
}

/// Whoever leads goes on with what it knows, until it wants to store something: better to stop it first.
async fn nobody_leads(url: &ZkUrl) -> Result<(), String> {
    let node = Node::local();
    let group = ZooKeeper::new(url.clone(), DEFAULT_SESSION_TIMEOUT);
    let election = Elected::new(&node, Arc::new(group));
    match election.leader(LOOK_FOR).await {
        Ok(leader) => Err(format!(
            "a master leads at {}: stop the masters first, or say --force",
            leader.address
        )),
        Err(NoLeader::Nobody(_)) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn storage(place: &RegistryPlace) -> Result<Box<dyn Storage>, String> {
    match (&place.work_dir, &place.zk) {
        (Some(work_dir), _) if work_dir.is_dir() => Ok(Box::new(DiskStorage::new(work_dir))),
        (Some(work_dir), _) => Err(format!("--work_dir: {} is no folder", work_dir.display())),
        (None, Some(url)) => {
            let ensemble = ZooKeeper::new(url.clone(), DEFAULT_SESSION_TIMEOUT);
            Ok(Box::new(ZooKeeperStorage::new(ensemble, None)))
        }
        (None, None) => Err("--work_dir or --zk must be set".to_owned()),
    }
}
