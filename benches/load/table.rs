//! Figures as Markdown.

use std::fmt;

/// Values of the rounds; shown as `median (smallest-largest)`.
#[derive(Clone)]
pub struct Spread {
    values: Vec<f64>,
    digits: usize,
}

impl Spread {
    pub const fn new(digits: usize) -> Self {
        Self { values: vec![], digits }
    }

    pub fn of(digits: usize, values: impl IntoIterator<Item = f64>) -> Self {
        Self { values: values.into_iter().collect(), digits }
    }

    pub fn push(&mut self, value: f64) {
        self.values.push(value);
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut values, digits) = (self.values.clone(), self.digits);
        values.sort_unstable_by(f64::total_cmp);
        let (Some(first), Some(last)) = (values.first(), values.last()) else { return f.write_str("-") };
        let median = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
        if values.len() == 1 {
            return write!(f, "{median:.digits$}");
        }
        write!(f, "{median:.digits$} ({first:.digits$}-{last:.digits$})")
    }
}

pub fn print(title: &str, columns: &[&str], rows: &[Vec<String>]) {
    println!("### {title}\n");
    println!("| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}
