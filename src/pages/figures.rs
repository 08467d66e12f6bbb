//! A quarter's figures as a page of its own, to be published: plots as SVG, every number in a table beside them. In English, without
//! script, without anything from elsewhere.

use super::html;
use crate::figures::{DayFigures, Report, Service};
use askama::Template;
use std::fmt::Write;

/// Of a plot, in pixels.
const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 160.0;

pub struct Figures<'a> {
    pub report: &'a Report,
}

#[derive(Template)]
#[template(path = "figures.html")]
struct FiguresPage<'a> {
    report: &'a Report,
    /// From the first day to the last.
    span: String,
    plots: Vec<Plot>,
    rows: Vec<Vec<String>>,
}

struct Plot {
    title: &'static str,
    unit: &'static str,
    top: String,
    bottom: String,
    lines: Vec<Line>,
}

struct Line {
    name: &'static str,
    /// Of the style sheet.
    class: &'static str,
    /// `M x y L x y ..`, a gap where there is no figure.
    path: String,
}

impl Figures<'_> {
    pub fn render(&self) -> String {
        let days = &self.report.days;
        let span = days.first().zip(days.last()).map_or_else(String::new, |(first, last)| format!("{} to {}", first.day, last.day));
        html(&FiguresPage { report: self.report, span, plots: plots(days), rows: days.iter().map(row).collect() })
    }
}

type Value = fn(&DayFigures) -> Option<f64>;

fn mean(service: Service) -> impl Fn(&DayFigures) -> Option<f64> {
    move |day| day.services.get(service.name())?.mean_ms
}

fn plots(days: &[DayFigures]) -> Vec<Plot> {
    let uptime: [(&'static str, Value); 2] = [
        ("TPP interface", |day| day.uptime_percent),
        ("customer interface", |day| Some(100.0 - 100.0 * day.direct?.down_seconds as f64 / 86_400.0)),
    ];
    let errors: [(&'static str, Value); 2] =
        [("TPP interface", |day| day.error_rate_percent), ("customer interface", |day| day.direct?.error_rate_percent)];
    let mut times: Vec<(&'static str, Vec<Option<f64>>)> =
        Service::ALL.into_iter().map(|service| (service.name(), days.iter().map(mean(service)).collect())).collect();
    times.push(("customer interface", days.iter().map(|day| day.direct?.mean_ms).collect()));
    let series = |values: &[(&'static str, Value)]| {
        values.iter().map(|(name, of)| (*name, days.iter().map(of).collect::<Vec<_>>())).collect::<Vec<_>>()
    };
    vec![
        plot("Availability", "% of the day", &series(&uptime), Some(100.0)),
        plot("Daily average time to the last byte", "ms", &times, None),
        plot("Error rate, errors of the bank's side", "% of requests", &series(&errors), None),
    ]
}

/// From 0, or where all is near `ceiling`, from a little below the least.
fn plot(title: &'static str, unit: &'static str, series: &[(&'static str, Vec<Option<f64>>)], ceiling: Option<f64>) -> Plot {
    const CLASSES: [&str; 5] = ["a", "b", "c", "d", "e"];
    let all = || series.iter().flat_map(|(_, values)| values).flatten().copied();
    let top = ceiling.unwrap_or_else(|| all().fold(0.0, f64::max)).max(0.001);
    let bottom = if ceiling.is_some() { (all().fold(top, f64::min) - 0.1).max(0.0) } else { 0.0 };
    let lines = series.iter().zip(CLASSES).filter(|((_, values), _)| values.iter().any(Option::is_some));
    let lines = lines.map(|((name, values), class)| Line { name, class, path: path(values, bottom, top) }).collect();
    Plot { title, unit, top: format!("{top:.3}"), bottom: format!("{bottom:.3}"), lines }
}

fn path(values: &[Option<f64>], bottom: f64, top: f64) -> String {
    let (step, mut path, mut pen) = (WIDTH / values.len().max(1) as f64, String::new(), 'M');
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else {
            pen = 'M';
            continue;
        };
        let (x, y) = (step * index as f64, HEIGHT * (1.0 - (value - bottom) / (top - bottom)));
        // a day is as wide as it is, so that one alone is seen, too
        let _infallible = write!(path, "{pen}{x:.1} {y:.1}H{:.1}", x + step);
        pen = 'L';
    }
    path
}

fn row(day: &DayFigures) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    let mut cells = vec![
        day.day.to_string(),
        number(day.uptime_percent),
        day.down_seconds.to_string(),
        day.unobserved_seconds.to_string(),
        day.requests.to_string(),
        number(day.error_rate_percent),
    ];
    cells.extend(Service::ALL.map(|service| number(mean(service)(day))));
    cells.push(day.direct.map_or_else(|| "–".to_owned(), |direct| direct.down_seconds.to_string()));
    cells.push(number(day.direct.and_then(|direct| direct.mean_ms)));
    cells.push(number(day.direct.and_then(|direct| direct.error_rate_percent)));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{DirectDay, ServiceFigures};
    use std::collections::BTreeMap;
    use time::macros::date;

    #[test]
    fn every_number_of_the_plots_stands_in_the_table() {
        let service = ServiceFigures { requests: 10, mean_ms: Some(12.5), errors_aspsp: 1, errors_tpp: 0, errors_psu: 0 };
        let day = |day, uptime| DayFigures {
            day,
            elapsed_seconds: 86_400,
            down_seconds: 86,
            unobserved_seconds: 0,
            uptime_percent: uptime,
            requests: 10,
            error_rate_percent: Some(10.0),
            services: BTreeMap::from([("ais", service)]),
            direct: Some(DirectDay { down_seconds: 60, mean_ms: None, error_rate_percent: Some(0.25) }),
        };
        let days = vec![day(date!(2026 - 11 - 27), Some(99.9)), day(date!(2026 - 11 - 28), None), day(date!(2026 - 11 - 29), Some(100.0))];
        let report = Report { brand: "<cic>".to_owned(), quarter: "2026-Q4".to_owned(), days };
        let page = Figures { report: &report }.render();
        for text in [
            "2026-Q4",
            "2026-11-27 to 2026-11-29",
            "&#60;cic&#62;",
            "99.900",
            "12.500",
            "10.000",
            "0.250",
            "<svg",
            "<th scope=\"row\">2026-11-27",
        ] {
            assert!(page.contains(text), "{text}\n{page}");
        }
        assert!(!page.contains("<script") && !page.contains("http:") && !page.contains("url("), "{page}");
        // the line has a gap where nothing is known, and one where only some days are
        let uptime = &plots(&report.days)[0].lines[0].path;
        assert_eq!(uptime.matches('M').count(), 2, "{uptime}");
    }
}
