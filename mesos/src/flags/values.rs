//! The simple forms: percentages, values kept in files, lists.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use super::ValueError;

/// The largest file a flag may point to. Flags hold lists of resources, access rules and
/// credentials; the largest real ones are a few hundred kilobytes.
pub const MAX_FILE_BYTES: u64 = 4 << 20;

/// Reads a percentage such as `80%` as a fraction of one.
///
/// # Errors
/// No number, no percent sign, or outside 0–100 %.
pub fn percentage(text: &str) -> Result<f64, ValueError> {
    let wrong = |problem: &str| ValueError {
        value: text.to_string(),
        expected: "percentage",
        problem: problem.to_string(),
        example: "80%",
    };
    let number = text
        .trim()
        .strip_suffix('%')
        .ok_or_else(|| wrong("it does not end with %"))?;
    let percent: f64 = number
        .trim()
        .parse()
        .map_err(|_| wrong("it is not a number"))?;
    if !(0.0..=100.0).contains(&percent) {
        return Err(wrong("it is not between 0% and 100%"));
    }
    Ok(percent / 100.0)
}

/// The value itself, or, for a value such as `file:///etc/mesos/acls`, what that file holds
/// without white space at its end.
///
/// # Errors
/// The file cannot be read, is larger than [`MAX_FILE_BYTES`], or is not UTF-8.
pub fn text_or_file(text: &str) -> Result<String, ValueError> {
    let Some(path) = text.strip_prefix("file://") else {
        return Ok(text.to_string());
    };
    let wrong = |problem: String| ValueError {
        value: text.to_string(),
        expected: "readable file",
        problem,
        example: "file:///etc/mesos/value",
    };
    let file = File::open(PathBuf::from(path)).map_err(|error| wrong(error.to_string()))?;
    let mut content = String::new();
    let read = file
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut content)
        .map_err(|error| wrong(error.to_string()))?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(wrong(format!("it is larger than {MAX_FILE_BYTES} bytes")));
    }
    content.truncate(content.trim_end().len());
    Ok(content)
}

/// The parts of a comma-separated list, trimmed; empty ones are skipped.
pub fn list(text: &str) -> Vec<String> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts.map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn reads_percentages() {
        assert_eq!(percentage("80%"), Ok(0.8));
        assert_eq!(percentage("100 %"), Ok(1.0));
        for text in ["", "%", "80", "101%", "-1%", "NaN%"] {
            assert!(percentage(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_a_value_from_a_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "cpus:4;mem:1024").unwrap();
        let flag = format!("file://{}", file.path().display());
        assert_eq!(text_or_file(&flag), Ok("cpus:4;mem:1024".to_string()));
        assert_eq!(text_or_file("cpus:2"), Ok("cpus:2".to_string()));
    }

    #[test]
    fn a_missing_or_huge_file_is_named() {
        let error = text_or_file("file:///no/such/file").unwrap_err();
        assert!(error.to_string().contains("/no/such/file"), "{error}");
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(text_or_file(&format!("file://{}", file.path().display())).is_err());
    }

    #[test]
    fn splits_lists() {
        assert_eq!(list("posix/cpu, posix/mem,,"), ["posix/cpu", "posix/mem"]);
        assert!(list("").is_empty());
    }
}
