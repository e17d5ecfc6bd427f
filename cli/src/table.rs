//! Tables for people: columns as wide as what is in them, and colours.

use crate::print::escape;

pub(crate) const RED: &str = "\x1b[31m";
pub(crate) const YELLOW: &str = "\x1b[33m";
pub(crate) const GREEN: &str = "\x1b[32m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// A text and its colour, if it has one.
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) paint: &'static str,
}

/// What others have said of themselves is printed without control characters; nothing is a dash.
pub(crate) fn cell(text: &str) -> Cell {
    let text = if text.is_empty() { "-".to_owned() } else { escape(text) };
    Cell { text, paint: "" }
}

/// Rows below a head, in columns as wide as what is in them.
pub(crate) struct Table(Vec<Vec<Cell>>);

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self(vec![head.iter().map(|text| Cell { text: (*text).to_owned(), paint: BOLD }).collect()])
    }

    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.0.push(cells);
    }

    pub(crate) fn print(&self, color: bool) -> String {
        let width = |column: usize| self.0.iter().map(|row| row[column].text.chars().count()).max();
        let widths: Vec<usize> = (0..self.0[0].len()).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.0 {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let pad = " ".repeat(width - cell.text.chars().count() + 2);
                if color && !cell.paint.is_empty() {
                    line.push_str(&format!("{}{}{RESET}{pad}", cell.paint, cell.text));
                } else {
                    line.push_str(&format!("{}{pad}", cell.text));
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
