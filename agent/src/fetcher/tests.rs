//! Fetching as a task sees it: a URI in, files in the sandbox out.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use super::*;

/// A sandbox and what is fetched into it.
struct Case {
    /// Holds the sandbox and, beside it, what must not be touched.
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Case {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("sandbox")).expect("a sandbox");
        Case { folder }
    }

    fn sandbox(&self, path: &str) -> PathBuf {
        self.folder.path().join("sandbox").join(path)
    }

    /// Puts a file beside the sandbox and says its path.
    fn source(&self, name: &str, content: &[u8]) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("written");
        path.to_str().expect("text").to_owned()
    }

    fn fetch(&self, uri: Uri) -> Result<(), String> {
        let job = Fetch {
            uris: vec![uri],
            sandbox: self.sandbox(""),
            user: None,
            log: File::options()
                .append(true)
                .create(true)
                .open(self.sandbox("stderr"))
                .expect("a log"),
            cancelled: Arc::default(),
        };
        fetch_all(job).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn content(&self, path: &str) -> String {
        fs::read_to_string(self.sandbox(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[track_caller]
    fn refuses(&self, archive: &str, content: &[u8], reason: &str) {
        let uri = self.source(archive, content);
        let error = self.fetch(plain(&uri)).expect_err("refused");
        assert!(error.contains(reason) && error.contains(archive), "{error}");
    }
}

fn plain(value: &str) -> Uri {
    Uri {
        value: value.to_owned(),
        ..Uri::default()
    }
}

/// Answers one request with `response`, and says under which address.
fn serve(response: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
        while lines
            .next()
            .is_some_and(|line| line.is_ok_and(|text| !text.is_empty()))
        {}
        stream.write_all(&response).expect("answered");
    });
    format!("http://{address}")
}

/// An archive of the entries that `fill` appends, names and links taken as they are.
fn tar_of(fill: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    fill(&mut builder);
    builder.into_inner().expect("an archive")
}

/// Appends an entry with a name that the library would refuse to write.
fn entry(
    builder: &mut tar::Builder<Vec<u8>>,
    kind: tar::EntryType,
    name: &str,
    target: &str,
    content: &[u8],
) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o4755);
    header.set_size(content.len() as u64);
    header.set_cksum();
    builder.append(&header, content).expect("appended");
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).expect("compressed");
    encoder.finish().expect("compressed")
}

fn hello_tar() -> Vec<u8> {
    tar_of(|builder| {
        entry(builder, tar::EntryType::Directory, "./", "", b"");
        entry(
            builder,
            tar::EntryType::Regular,
            "./app/hello",
            "",
            b"hello",
        );
        entry(builder, tar::EntryType::Symlink, "link", "app/hello", b"");
        entry(builder, tar::EntryType::Link, "hard", "app/hello", b"");
    })
}

#[test]
fn a_local_file_is_copied_and_the_log_says_so() {
    let case = Case::new();
    let uri = case.source("data.txt", b"data");
    case.fetch(plain(&uri)).expect("fetched");
    case.fetch(Uri {
        output_file: Some("deep/er/name".into()),
        ..plain(&format!("file://{uri}"))
    })
    .expect("fetched");
    assert_eq!(case.content("data.txt"), "data");
    assert_eq!(case.content("deep/er/name"), "data");
    assert!(
        case.content("stderr").contains("fetched"),
        "{}",
        case.content("stderr")
    );
}

#[test]
fn executables_are_marked_and_not_unpacked() {
    let case = Case::new();
    let uri = case.source("tool.tar", b"#!/bin/sh\n");
    case.fetch(Uri {
        executable: Some(true),
        ..plain(&uri)
    })
    .expect("fetched");
    let mode = fs::metadata(case.sandbox("tool.tar"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn what_cannot_be_had_names_the_uri_and_leaves_no_file() {
    let case = Case::new();
    let error = case.fetch(plain("/does/not/exist")).expect_err("missing");
    assert!(
        error.contains("/does/not/exist") && error.contains("No such file"),
        "{error}"
    );
    assert!(!case.sandbox("exist").exists());
    assert!(case.content("stderr").contains("/does/not/exist"));
    let error = case.fetch(plain("/etc")).expect_err("a folder");
    assert!(error.contains("not a regular file"), "{error}");
}

#[test]
fn http_is_fetched() {
    let case = Case::new();
    let body = gzip(&hello_tar());
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    response.extend(body);
    case.fetch(plain(&format!("{}/a/hello.tgz?x=1", serve(response))))
        .expect("fetched");
    assert_eq!(case.content("app/hello"), "hello");
    assert!(case.sandbox("hello.tgz").exists(), "the archive stays");
}

#[test]
fn http_errors_are_reported() {
    let case = Case::new();
    let missing = serve(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec());
    let error = case
        .fetch(plain(&format!("{missing}/x")))
        .expect_err("missing");
    assert!(error.contains("404") && error.contains(&missing), "{error}");

    let short = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!".to_vec());
    case.fetch(plain(&format!("{short}/y")))
        .expect_err("half a body is no body");
}

#[test]
fn every_format_is_unpacked() {
    let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bz2.write_all(&hello_tar()).expect("compressed");
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("app/hello", options.unix_permissions(0o755))
        .expect("an entry");
    zip.write_all(b"hello").expect("written");
    zip.add_symlink("link", "app/hello", options)
        .expect("an entry");
    for (name, content) in [
        ("a.tar", hello_tar()),
        ("a.tar.gz", gzip(&hello_tar())),
        ("a.tar.bz2", bz2.finish().expect("compressed")),
        ("a.tar.xz", include_bytes!("hello.tar.xz").to_vec()),
        ("a.zip", zip.finish().expect("an archive").into_inner()),
    ] {
        let case = Case::new();
        let uri = case.source(name, &content);
        case.fetch(plain(&uri))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(case.content("app/hello"), "hello", "{name}");
        assert_eq!(case.content("link"), "hello", "{name}");
        let mode = fs::metadata(case.sandbox("app/hello"))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o755, "{name}: no set-user-id bit");
    }
    let case = Case::new();
    let uri = case.source("notes.txt.gz", &gzip(b"notes"));
    case.fetch(plain(&uri)).expect("fetched");
    assert_eq!(case.content("notes.txt"), "notes");
}

#[test]
fn archives_stay_archives_when_asked() {
    let case = Case::new();
    let uri = case.source("a.tar", &hello_tar());
    case.fetch(Uri {
        extract: Some(false),
        ..plain(&uri)
    })
    .expect("fetched");
    assert!(case.sandbox("a.tar").exists() && !case.sandbox("app").exists());
}

#[test]
fn nothing_in_an_archive_leaves_the_sandbox() {
    use tar::EntryType::{Fifo, Link, Regular, Symlink};
    let case = Case::new();
    let dotdot = tar_of(|tar| entry(tar, Regular, "../evil", "", b"x"));
    case.refuses("dotdot.tar", &dotdot, "leaves the sandbox");
    let absolute = tar_of(|tar| entry(tar, Regular, "/tmp/evil", "", b"x"));
    case.refuses("absolute.tar", &absolute, "leaves the sandbox");
    let link = tar_of(|tar| entry(tar, Symlink, "out", "/etc", b""));
    case.refuses("link.tar", &link, "leaves the sandbox");
    let up = tar_of(|tar| entry(tar, Symlink, "a/out", "../../x", b""));
    case.refuses("up.tar", &up, "leaves the sandbox");
    let hard = tar_of(|tar| entry(tar, Link, "out", "../beside", b""));
    case.source("beside", b"secret");
    case.refuses("hard.tar", &hard, "leaves the sandbox");
    let over_another = tar_of(|tar| {
        entry(tar, Regular, "p/q/file", "", b"");
        entry(tar, Symlink, "p/q/root", "../..", b"");
        entry(tar, Symlink, "out", "p/q/root/../beside", b"");
    });
    case.refuses("over.tar", &over_another, "leaves the sandbox");
    let pipe = tar_of(|tar| entry(tar, Fifo, "pipe", "", b""));
    case.refuses("pipe.tar", &pipe, "neither a file");
    assert!(!case.folder.path().join("evil").exists());
}

#[test]
fn a_link_already_in_the_sandbox_is_not_followed_out() {
    let case = Case::new();
    symlink(case.folder.path(), case.sandbox("out")).expect("a link");
    let archive = tar_of(|tar| entry(tar, tar::EntryType::Regular, "out/evil", "", b"x"));
    case.refuses("through.tar", &archive, "out/evil");
    let uri = case.source("data", b"x");
    case.fetch(Uri {
        output_file: Some("out/evil".into()),
        ..plain(&uri)
    })
    .expect_err("refused");
    assert!(!case.folder.path().join("evil").exists());
}

#[test]
fn decompression_bombs_are_stopped() {
    let zeros = vec![0; 16 << 20];
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..6 {
        encoder.write_all(&zeros).expect("compressed");
    }
    let bomb = encoder.finish().expect("compressed");
    assert!(bomb.len() < 128 << 10);
    let case = Case::new();
    case.refuses("bomb.gz", &bomb, "no honest archive");
}

#[test]
fn garbage_is_an_error_in_every_format() {
    for name in ["g.tar", "g.tgz", "g.tar.bz2", "g.tar.xz", "g.zip", "g.gz"] {
        let case = Case::new();
        case.refuses(name, &[0x5a; 2048], "cannot unpack");
    }
}

#[test]
fn a_cancelled_fetch_ends() {
    let case = Case::new();
    let job = Fetch {
        uris: vec![plain(&case.source("data", b"x"))],
        sandbox: case.sandbox(""),
        user: None,
        log: File::create(case.sandbox("stderr")).expect("a log"),
        cancelled: Arc::new(AtomicBool::new(true)),
    };
    assert!(matches!(fetch_all(job), Err(FetchError::Cancelled)));
}
