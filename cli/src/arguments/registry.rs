//! `mesos registry`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mesos::election::zookeeper::ZkUrl;

use super::JsonFlag;
use super::values::zk_url;

/// What masters must not forget, handled without a master.
#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Print what is stored; masters go on meanwhile
    Show {
        #[command(flatten)]
        place: RegistryPlace,
        #[command(flatten)]
        output: JsonFlag,
    },
    /// Save what is stored to a file; masters go on meanwhile
    Backup {
        #[command(flatten)]
        place: RegistryPlace,
        /// The file, which must not exist yet
        file: PathBuf,
    },
    /// Store what a file holds; stop the masters first
    Restore {
        #[command(flatten)]
        place: RegistryPlace,
        /// Do it although something else is stored there, which is lost then, or although a master leads, which loses
        /// its leadership
        #[arg(long)]
        force: bool,
        /// The file, as `mesos registry backup` wrote it
        file: PathBuf,
    },
}

/// Where a registry is.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RegistryPlace {
    /// The folder of a single master
    #[arg(long = "work_dir", env = "MESOS_WORK_DIR")]
    pub(crate) work_dir: Option<PathBuf>,

    /// Where replicated masters meet
    #[arg(long, env = "MESOS_ZK", value_parser = zk_url, value_name = "ZK_URL")]
    pub(crate) zk: Option<ZkUrl>,
}
