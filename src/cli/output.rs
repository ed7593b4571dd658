//! Data on standard output: the one place that writes there.

use std::io::{self, ErrorKind, Write};

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For programs.
    Json,
    /// For people.
    #[default]
    Table,
}

/// `--output`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Output {
    /// How data is printed.
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

impl Output {
    pub const fn new(output: Format) -> Self {
        Self { output }
    }

    /// Prints data as JSON, or as the text that `table` makes of it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn data<T: Serialize>(self, data: &T, table: impl FnOnce(&T) -> String) -> io::Result<()> {
        let text = match self.output {
            Format::Json => serde_json::to_string(data)?,
            Format::Table => table(data),
        };
        print(&text)
    }
}

/// Prints a text and a line's end. A reader that has gone is no error.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Rows below a head, in columns.
pub fn columns(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|name| name.to_uppercase()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&head).chain(rows).collect();
    let widths: Vec<usize> = (0..head.len()).map(|column| width(&all, column)).collect();
    let lines = all.iter().map(|row| line(row, &widths));
    lines.collect::<Vec<_>>().join("\n")
}

/// The members of an object, one a line; of objects in it, as `outer.inner`.
pub fn members(value: &Value) -> String {
    let mut rows = Vec::new();
    flatten("", value, &mut rows);
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(name, text)| format!("{name:width$}  {text}").trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// A value as people read it: texts without quotes, nothing for null.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn flatten(name: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let Value::Object(members) = value else {
        rows.push((name.to_owned(), plain(value)));
        return;
    };
    for (member, value) in members {
        let dot = if name.is_empty() { "" } else { "." };
        flatten(&format!("{name}{dot}{member}"), value, rows);
    }
}

fn width(rows: &[&Vec<String>], column: usize) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column));
    cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["a".to_owned(), "long cell".to_owned()],
            vec!["bcd".to_owned(), String::new()],
        ];
        assert_eq!(
            columns(&["id", "name"], &rows),
            "ID   NAME\na    long cell\nbcd"
        );
    }

    #[test]
    fn members_are_a_line_each() {
        let value = json!({"app_id": "x", "certificate": {"role": "primary"}, "zone": null});
        assert_eq!(
            members(&value),
            "app_id            x\ncertificate.role  primary\nzone"
        );
    }
}
