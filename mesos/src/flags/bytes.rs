//! Sizes: a whole number and a unit of powers of 1024, `32MB`.

use super::ValueError;

/// Units ascending; each is 1024 times the one before.
const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];

/// Reads a size such as `4096B`, `10MB` or `2GB`, in bytes.
///
/// # Errors
/// A fraction, no or an unknown unit, or more than 64 bits hold.
pub fn bytes(text: &str) -> Result<u64, ValueError> {
    let wrong = |problem: String| ValueError {
        value: text.to_string(),
        expected: "size",
        problem,
        example: "32MB",
    };
    let trimmed = text.trim();
    let end = trimmed
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    if number.is_empty() {
        return Err(wrong("it does not begin with a number".to_string()));
    }
    if unit.starts_with('.') {
        return Err(wrong("fractions are not allowed".to_string()));
    }
    if unit.is_empty() {
        return Err(wrong(format!("it has no unit ({})", UNITS.join(", "))));
    }
    let unit = unit.trim().to_ascii_uppercase();
    let power = UNITS.iter().position(|name| *name == unit).ok_or_else(|| {
        wrong(format!(
            "unknown unit '{unit}' (known: {})",
            UNITS.join(", ")
        ))
    })?;
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << (10 * power)))
        .ok_or_else(|| wrong("it is too large".to_string()))
}

/// Prints a size as Mesos does: in the largest unit in which it is a whole number (`4KB`).
pub fn format_bytes(bytes: u64) -> String {
    let power = (0..UNITS.len())
        .rev()
        .find(|power| bytes != 0 && bytes.is_multiple_of(1 << (10 * power)))
        .unwrap_or(0);
    format!("{}{}", bytes >> (10 * power), UNITS[power])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_prints_sizes() {
        let table = [
            ("0B", 0, "0B"),
            ("4096B", 4096, "4KB"),
            ("32MB", 32 << 20, "32MB"),
            ("2gb", 2 << 30, "2GB"),
            ("1536KB", 1536 << 10, "1536KB"),
            ("1 TB", 1 << 40, "1TB"),
        ];
        for (text, size, printed) in table {
            assert_eq!(bytes(text), Ok(size), "{text}");
            assert_eq!(format_bytes(size), printed);
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "MB",
            "12",
            "1.5GB",
            "-1MB",
            "10XB",
            "99999999TB",
            "99999999999999999999B",
        ] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn survives_printing(size in any::<u64>()) {
            prop_assert_eq!(bytes(&format_bytes(size)), Ok(size));
        }
    }
}
