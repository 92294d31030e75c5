//! Turns `proto/**.proto` into the Rust types of `mesos::v1` and into the tables of
//! `mesos::wire`, without protoc.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;
use prost_types::FileDescriptorSet;

#[path = "build/shapes.rs"]
mod shapes;

/// Small value types that serve as keys: they get an order in addition to prost's `Eq` and `Hash`.
const ORDERED: &[&str] = &[
    ".mesos.v1.AgentID",
    ".mesos.v1.ContainerID",
    ".mesos.v1.ExecutorID",
    ".mesos.v1.FrameworkID",
    ".mesos.v1.OfferID",
    ".mesos.v1.OperationID",
    ".mesos.v1.ResourceProviderID",
    ".mesos.v1.TaskID",
    ".mesos.v1.UUID",
    ".mesos.v1.MachineID",
    ".mesos.v1.DurationInfo",
    ".mesos.v1.TimeInfo",
    ".mesos.v1.Label",
    ".mesos.v1.Labels",
    ".mesos.v1.Value.Range",
    ".mesos.v1.Value.Ranges",
    ".mesos.v1.Value.Set",
    ".mesos.v1.Value.Text",
];

/// Those of [`ORDERED`] that hold messages themselves, for which prost does not derive `Eq`.
const EQ: &[&str] = &[
    ".mesos.v1.ContainerID",
    ".mesos.v1.Labels",
    ".mesos.v1.Value.Ranges",
];

/// Fields that are large, rarely set, and part of what a master keeps by the hundred thousand. Four
/// resources of an agent take 1.1 KB so, and 4.6 KB with their disks in place.
const BOXED: [&str; 6] = [
    ".mesos.v1.Resource.disk",
    ".mesos.v1.Task.container",
    ".mesos.v1.Task.health_check",
    ".mesos.v1.TaskInfo.container",
    ".mesos.v1.TaskInfo.health_check",
    ".mesos.v1.ExecutorInfo.container",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("proto");
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");

    let descriptors = protox::compile(proto_files(root)?, [root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("shapes.rs"), shapes::generate(&descriptors))?;
    // The oracle of the tests reads these.
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    write_types(descriptors)?;
    Ok(())
}

/// Every `.proto` file below `folder`, sorted so that the build is reproducible.
fn proto_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The structs and enums, by prost-build: one file per package in `OUT_DIR`.
fn write_types(descriptors: FileDescriptorSet) -> std::io::Result<()> {
    let mut config = prost_build::Config::new();
    config.btree_map(["."]);
    for field in BOXED {
        config.boxed(field);
    }
    for name in ORDERED {
        config.message_attribute(name, "#[derive(PartialOrd, Ord)]");
    }
    for name in EQ {
        config.message_attribute(name, "#[derive(Eq, Hash)]");
    }
    config.compile_fds(descriptors)
}
