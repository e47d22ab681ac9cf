//! A table: rows of cells, printed for people, as Markdown for docs/performance.md, and as JSON.

use serde_json::{Value, json};

/// One table of the bench.
#[derive(Debug, Clone)]
pub struct Table {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What was measured.
    pub title: String,
    /// Headings of the cells.
    pub columns: Vec<&'static str>,
    /// Rows: what it is of, and its cells.
    pub rows: Vec<(String, Vec<Cell>)>,
    /// What else is to be known, a line each.
    pub notes: Vec<String>,
}

/// A number with the digits that mean something, or nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// Not measured, or it does not have one.
    None,
    /// A whole number.
    Whole(f64),
    /// Two digits after the point.
    Part(f64),
}

impl Cell {
    fn text(self) -> String {
        match self {
            Cell::Whole(value) if value.is_finite() => format!("{value:.0}"),
            Cell::Part(value) if value.is_finite() => format!("{value:.2}"),
            _ => "-".into(),
        }
    }

    /// The number, if there is one.
    pub fn number(self) -> Option<f64> {
        match self {
            Cell::Whole(value) | Cell::Part(value) => value.is_finite().then_some(value),
            Cell::None => None,
        }
    }
}

impl Table {
    /// An empty one.
    pub fn new(name: &'static str, title: impl Into<String>, columns: &[&'static str]) -> Table {
        Table { name, title: title.into(), columns: columns.to_vec(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, of: impl Into<String>, cells: Vec<Cell>) {
        self.rows.push((of.into(), cells));
    }

    /// With aligned columns.
    pub fn text(&self) -> String {
        let left = self.rows.iter().map(|(of, _)| of.chars().count()).max().unwrap_or(0).max(12);
        let width = |i: usize| self.columns[i].chars().count().max(9);
        let mut text = format!("{}\n{:left$}", self.title, "");
        for (i, column) in self.columns.iter().enumerate() {
            text += &format!("  {column:>w$}", w = width(i));
        }
        text.push('\n');
        for (of, cells) in &self.rows {
            text += &format!("{of:left$}");
            for (i, cell) in cells.iter().enumerate() {
                text += &format!("  {:>w$}", cell.text(), w = width(i));
            }
            text.push('\n');
        }
        self.notes.iter().for_each(|note| text += &format!("  {note}\n"));
        text
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n| |", self.title);
        self.columns.iter().for_each(|c| text += &format!(" {c} |"));
        text += "\n| --- |";
        self.columns.iter().for_each(|_| text += " ---: |");
        text.push('\n');
        for (of, cells) in &self.rows {
            text += &format!("| {of} |");
            cells.iter().for_each(|cell| text += &format!(" {} |", cell.text()));
            text.push('\n');
        }
        text.push('\n');
        self.notes.iter().for_each(|note| text += &format!("{note}\n\n"));
        text
    }

    /// As JSON: each row an object by column.
    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|(of, cells)| {
                let cells = self.columns.iter().zip(cells).map(|(c, cell)| ((*c).to_owned(), json!(cell.number())));
                let mut row: serde_json::Map<String, Value> = cells.collect();
                row.insert("of".into(), json!(of));
                Value::Object(row)
            })
            .collect();
        json!({ "name": self.name, "title": self.title, "rows": rows, "notes": self.notes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_table_three_times() {
        let mut table = Table::new("t", "a title", &["µs", "× floor"]);
        table.row("floor", vec![Cell::Whole(1000.4), Cell::Part(1.0)]);
        table.row("other", vec![Cell::Whole(f64::NAN), Cell::None]);
        assert_eq!(
            table.text(),
            "a title\n                     µs    × floor\nfloor              1000       1.00\nother                 -          -\n"
        );
        assert!(table.markdown().ends_with("| floor | 1000 | 1.00 |\n| other | - | - |\n\n"), "{}", table.markdown());
        assert_eq!(table.json()["rows"][0]["µs"], json!(1000.4));
        assert_eq!(table.json()["rows"][1]["µs"], json!(null));
    }
}
