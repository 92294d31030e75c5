//! Tables for people: columns as wide as their widest cell, headings above, nothing else.

/// Renders `rows` below `headings`, each column padded to its widest cell; ends with a line break.
pub(crate) fn render<const COLUMNS: usize>(
    headings: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
) -> String {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(&headings.map(str::to_owned), &widths);
    for row in rows {
        text.push_str(&line(row, &widths));
    }
    text
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:<width$}"))
        .collect();
    format!("{}\n", padded.join("  ").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["a".to_owned(), "TASK_RUNNING".to_owned()],
            ["long-name".to_owned(), "x".to_owned()],
        ];
        assert_eq!(
            render(["ID", "STATE"], &rows),
            "ID         STATE\na          TASK_RUNNING\nlong-name  x\n"
        );
    }
}
