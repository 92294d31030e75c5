//! What a URI names, and where its content goes.

use std::path::{Component, Path, PathBuf};

use mesos::v1::command_info::Uri;

/// Where content comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Web(String),
}

/// Where content goes, relative to the sandbox.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    /// How to unpack it, if it is to be and can be.
    pub(super) archive: Option<Format>,
}

/// What an archive is, by its name; Mesos decides in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Tar,
    TarGz,
    TarBz2,
    TarXz,
    Zip,
    Gz,
}

const FORMATS: [(&str, Format); 9] = [
    (".tar.gz", Format::TarGz),
    (".tgz", Format::TarGz),
    (".tar.bz2", Format::TarBz2),
    (".tbz2", Format::TarBz2),
    (".tar.xz", Format::TarXz),
    (".txz", Format::TarXz),
    (".tar", Format::Tar),
    (".zip", Format::Zip),
    (".gz", Format::Gz),
];

impl Source {
    pub(super) fn parse(uri: &str) -> Result<Source, String> {
        if uri.contains(['\0', '\n', '\r', '\\', '\'']) {
            return Err("contains a character that is not allowed".to_owned());
        }
        if uri.starts_with('/') {
            return Ok(Source::File(uri.into()));
        }
        let Some((scheme, rest)) = uri.split_once("://") else {
            return Err("is neither an absolute path nor a file, http or https URI".to_owned());
        };
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                if path.starts_with('/') {
                    Ok(Source::File(path.into()))
                } else {
                    Err("a file URI needs an absolute path: file:///path".to_owned())
                }
            }
            "http" | "https" => Ok(Source::Web(uri.to_owned())),
            other => Err(format!(
                "scheme '{other}' is not supported: use file, http or https"
            )),
        }
    }

    /// The last segment of the path.
    fn name(&self) -> Option<&str> {
        match self {
            Source::File(path) => path.file_name()?.to_str(),
            Source::Web(url) => {
                let (_, rest) = url.split_once("://")?;
                let (_, path) = rest.split_once('/')?;
                let path = path.split(['?', '#']).next()?;
                path.rsplit('/').next().filter(|name| !name.is_empty())
            }
        }
    }
}

impl Target {
    pub(super) fn of(uri: &Uri, source: &Source) -> Result<Target, String> {
        let path = match uri.output_file.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => inside(Path::new(name))
                .ok_or_else(|| format!("output_file '{name}' leaves the sandbox"))?,
            None => {
                let name = source.name().ok_or("has no file name in its path")?;
                inside(Path::new(name)).ok_or("has no usable file name in its path")?
            }
        };
        let archive = if uri.extract() && !uri.executable() {
            Format::of(&path)
        } else {
            None
        };
        Ok(Target { path, archive })
    }
}

impl Format {
    fn of(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        FORMATS
            .iter()
            // A file called ".gz" is no archive without a name.
            .find(|(ending, _)| name.len() > ending.len() && name.ends_with(ending))
            .map(|(_, format)| *format)
    }
}

/// A path below the sandbox, without `.`; `None` for one that is absolute, contains `..`, or is
/// nothing.
pub(super) fn inside(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!clean.as_os_str().is_empty()).then_some(clean)
}

/// The URI without a user name and password, fit to be logged.
pub(super) fn redacted(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(value: &str, output: Option<&str>) -> Result<Target, String> {
        let uri = Uri {
            value: value.to_owned(),
            output_file: output.map(str::to_owned),
            ..Uri::default()
        };
        Target::of(&uri, &Source::parse(value)?)
    }

    #[track_caller]
    fn check(value: &str, output: Option<&str>, path: &str, archive: Option<Format>) {
        assert_eq!(
            target(value, output),
            Ok(Target {
                path: path.into(),
                archive
            })
        );
    }

    #[test]
    fn targets_are_named_by_the_uri_or_by_output_file() {
        check("http://h/a/data.txt", None, "data.txt", None);
        check(
            "http://h/a/data.tar.gz?sig=x/y#z",
            None,
            "data.tar.gz",
            Some(Format::TarGz),
        );
        check("/opt/app.TGZ", None, "app.TGZ", Some(Format::TarGz));
        check("file:///opt/app.zip", None, "app.zip", Some(Format::Zip));
        check("https://h/", Some("./in/x.gz"), "in/x.gz", Some(Format::Gz));
    }

    #[test]
    fn bad_uris_say_what_is_wrong() {
        for (value, output, reason) in [
            ("relative/path", None, "absolute path"),
            ("hdfs://h/x", None, "not supported"),
            ("file://etc/passwd", None, "absolute path"),
            ("http://host", None, "no file name"),
            ("http://host/dir/", None, "no file name"),
            ("http://host/..", None, "no usable file name"),
            ("http://h/x", Some("/etc/passwd"), "leaves the sandbox"),
            ("http://h/x", Some("a/../../b"), "leaves the sandbox"),
            ("http://h/x\ny", None, "not allowed"),
        ] {
            let error = target(value, output).expect_err(value);
            assert!(error.contains(reason), "{value}: {error}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(redacted("http://me:secret@host/x@y"), "http://host/x@y");
        assert_eq!(redacted("http://host/x@y"), "http://host/x@y");
        assert_eq!(redacted("/a@b"), "/a@b");
    }
}
