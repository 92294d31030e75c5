//! Which sandbox a virtual path means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::FilesError;

/// Virtual paths and the folders they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots(BTreeMap<String, PathBuf>);

impl Roots {
    /// Makes `virtual_path` (absolute, without a slash at its end) stand for `folder`.
    pub fn attach(&mut self, virtual_path: impl Into<String>, folder: impl Into<PathBuf>) {
        self.0.insert(virtual_path.into(), folder.into());
    }

    /// All of them, as `/files/debug` shows.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.0.iter().map(|(v, f)| (v.as_str(), f.as_path()))
    }

    /// The folder and the path beneath it that `path` means.
    pub fn resolve<'a>(&self, path: &'a str) -> Result<(&Path, &'a Path), FilesError> {
        if path.is_empty() {
            return Err(FilesError::Invalid(
                "Expecting 'path=value' in query.".into(),
            ));
        }
        if path.contains('\0') {
            return Err(FilesError::NotFound);
        }
        // The longest prefix that ends at a slash wins; most paths have few components.
        let path = path.trim_end_matches('/');
        let mut end = path.len();
        loop {
            if let Some(folder) = self.0.get(&path[..end]) {
                return Ok((folder, Path::new(path[end..].trim_start_matches('/'))));
            }
            end = path[..end].rfind('/').ok_or(FilesError::NotFound)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_attached_prefix_wins() {
        let mut roots = Roots::default();
        roots.attach("/work/runs/1", "/work/runs/1");
        roots.attach("/latest", "/work/runs/1");
        let resolve = |path| {
            let (root, rest) = roots.resolve(path).ok()?;
            Some((root.to_str()?.to_owned(), rest.to_str()?.to_owned()))
        };
        let expect = |rest: &str| Some(("/work/runs/1".to_owned(), rest.to_owned()));
        assert_eq!(resolve("/work/runs/1"), expect(""));
        assert_eq!(resolve("/work/runs/1/"), expect(""));
        assert_eq!(resolve("/latest/a/b"), expect("a/b"));
        assert_eq!(resolve("/latest//a"), expect("a"));
        for unknown in ["", "/", "/work", "/work/runs/12", "latest", "/latest/\0"] {
            assert_eq!(resolve(unknown), None, "{unknown:?}");
        }
    }
}
