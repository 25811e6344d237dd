//! Aligned columns for people.

/// Rows of text, under a head.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// The head; a name that begins with `>` makes a column of numbers, which stand on the right.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self {
            right: head.iter().map(|name| name.starts_with('>')).collect(),
            rows: vec![
                head.iter()
                    .map(|name| name.trim_start_matches('>').to_owned())
                    .collect(),
            ],
        }
    }

    /// One more row.
    pub(crate) fn row(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    /// Lines, each ended; nothing but the head is nothing.
    pub(crate) fn text(&self) -> String {
        if self.rows.len() < 2 {
            return String::new();
        }
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).zip(&self.right);
            let cells = cells.map(|((cell, width), right)| {
                if *right {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    /// Scenario: a table of names and numbers. Guarantee: names stand left, numbers right, no line ends with blanks.
    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["NAME", ">LINES", "FILE"]);
        table.row(["a".to_owned(), "7".to_owned(), "x.ex".to_owned()]);
        table.row(["long".to_owned(), "1200".to_owned(), String::new()]);
        assert_eq!(
            table.text(),
            "NAME  LINES  FILE\na         7  x.ex\nlong   1200\n"
        );
        assert_eq!(Table::new(&["NAME"]).text(), "");
    }
}
