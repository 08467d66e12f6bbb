//! A quarter's figures of one brand, as they are published.

use super::{
    Quarter, SECONDS_A_DAY, Service,
    availability::{Alive, Marks, Span, downtime, mark, unobserved},
    book::DaySum,
};
use crate::oauth::brand::BrandId;
use serde::Serialize;
use std::collections::BTreeMap;
use time::{Date, OffsetDateTime, format_description::well_known::Iso8601, macros::format_description};

/// What is kept of a quarter and some time before it.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub marks: Marks,
    pub alive: Alive,
    /// By day since the epoch.
    pub sums: BTreeMap<(i64, Service), DaySum>,
    /// Down and unobserved seconds of days whose marks are forgotten.
    pub kept: BTreeMap<i64, (i64, i64)>,
    pub direct: BTreeMap<i64, DirectDay>,
    /// When any process ran for the first time: nothing is asked about before.
    pub since: Option<i64>,
}

/// The bank's interface for its own customers on the same day, as the bank measured it (RTS art. 32(1)).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DirectDay {
    pub down_seconds: i64,
    pub mean_ms: Option<f64>,
    pub error_rate_percent: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ServiceFigures {
    pub requests: i64,
    /// From the request's receipt to the last byte of its answer.
    pub mean_ms: Option<f64>,
    pub errors_aspsp: i64,
    pub errors_tpp: i64,
    pub errors_psu: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayFigures {
    #[serde(serialize_with = "iso")]
    pub day: Date,
    /// Seconds of the day that are over.
    pub elapsed_seconds: i64,
    /// Down by guideline 2.4(b).
    pub down_seconds: i64,
    /// Beside these: nobody ran who could have seen a request. Counted as down.
    pub unobserved_seconds: i64,
    pub uptime_percent: Option<f64>,
    pub requests: i64,
    /// Errors of the bank's side by requests (guideline 2.3(d)).
    pub error_rate_percent: Option<f64>,
    pub services: BTreeMap<&'static str, ServiceFigures>,
    pub direct: Option<DirectDay>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub brand: String,
    pub quarter: String,
    pub days: Vec<DayFigures>,
}

fn iso<S: serde::Serializer>(day: &Date, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&written(*day))
}

fn written(day: Date) -> String {
    day.format(&Iso8601::DATE).unwrap_or_else(|_| day.to_string())
}

/// Days from the epoch.
fn number(day: Date) -> i64 {
    day.midnight().assume_utc().unix_timestamp().div_euclid(SECONDS_A_DAY)
}

fn percent(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}

impl Report {
    /// Days of the quarter that have begun, from the first on which anything ran.
    pub fn of(brand: &BrandId, quarter: Quarter, evidence: &Evidence, now: OffsetDateTime) -> Self {
        let now = now.unix_timestamp();
        let spans = downtime(&evidence.marks, now);
        let seen = seen(evidence, &spans);
        let begun = |day: Date| Some((day, part(number(day), evidence, now)?));
        let days = quarter.days().filter_map(begun).map(|(day, part)| figures(day, part, evidence, &spans, &seen)).collect();
        Self { brand: brand.as_str().to_owned(), quarter: quarter.to_string(), days }
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// RFC 4180, a day a line. Empty where there is nothing to divide by.
    pub fn csv(&self) -> String {
        let mut lines = vec![COLUMNS.join(",")];
        lines.extend(self.days.iter().map(|day| line(&self.brand, day)));
        lines.join("\r\n") + "\r\n"
    }
}

const COLUMNS: [&str; 18] = [
    "brand",
    "day",
    "elapsed_seconds",
    "down_seconds",
    "unobserved_seconds",
    "uptime_percent",
    "requests",
    "errors_aspsp",
    "errors_tpp",
    "errors_psu",
    "error_rate_percent",
    "ais_mean_ms",
    "pis_mean_ms",
    "cbpii_mean_ms",
    "other_mean_ms",
    "direct_down_seconds",
    "direct_mean_ms",
    "direct_error_rate_percent",
];

fn line(brand: &str, day: &DayFigures) -> String {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    let sum = |of: fn(&ServiceFigures) -> i64| day.services.values().map(of).sum::<i64>().to_string();
    let mut fields = vec![
        brand.to_owned(),
        written(day.day),
        day.elapsed_seconds.to_string(),
        day.down_seconds.to_string(),
        day.unobserved_seconds.to_string(),
        number(day.uptime_percent),
        day.requests.to_string(),
        sum(|service| service.errors_aspsp),
        sum(|service| service.errors_tpp),
        sum(|service| service.errors_psu),
        number(day.error_rate_percent),
    ];
    fields.extend(Service::ALL.map(|service| number(day.services.get(service.name()).and_then(|figures| figures.mean_ms))));
    fields.push(day.direct.map_or_else(String::new, |direct| direct.down_seconds.to_string()));
    fields.push(number(day.direct.and_then(|direct| direct.mean_ms)));
    fields.push(number(day.direct.and_then(|direct| direct.error_rate_percent)));
    fields.join(",")
}

/// Down and unobserved seconds of each of these days, counted from the epoch, which are over.
pub fn availability(evidence: &Evidence, days: std::ops::Range<i64>) -> BTreeMap<i64, (i64, i64)> {
    let spans = downtime(&evidence.marks, days.end * SECONDS_A_DAY);
    let seen = seen(evidence, &spans);
    days.filter_map(|day| {
        let part = part(day, evidence, i64::MAX)?;
        Some((day, (spans.iter().map(|span| span.within(part)).sum(), unobserved(&seen, part))))
    })
    .collect()
}

/// Seconds about which something is known: somebody ran, or it was down.
fn seen(evidence: &Evidence, spans: &[Span]) -> Alive {
    let mut seen = evidence.alive.clone();
    spans.iter().for_each(|span| (span.start..span.end).for_each(|second| mark(&mut seen, second)));
    seen
}

/// What of the day is over and was asked about. `None`: nothing.
fn part(day: i64, evidence: &Evidence, now: i64) -> Option<Span> {
    let (start, end) = (day * SECONDS_A_DAY, (day + 1) * SECONDS_A_DAY);
    let part = Span { start: start.max(evidence.since?), end: end.min(now) };
    (part.start < part.end).then_some(part)
}

fn figures(day: Date, part: Span, evidence: &Evidence, spans: &[Span], seen: &Alive) -> DayFigures {
    let (at, elapsed) = (number(day), part.end - part.start);
    let (down, unseen) = match evidence.kept.get(&at) {
        Some(kept) => *kept,
        None => (spans.iter().map(|span| span.within(part)).sum(), unobserved(seen, part)),
    };
    let sums: Vec<_> = Service::ALL.into_iter().filter_map(|service| Some((service, *evidence.sums.get(&(at, service))?))).collect();
    let requests = sums.iter().map(|(_, sum)| sum.requests).sum();
    let errors = sums.iter().map(|(_, sum)| sum.aspsp).sum();
    DayFigures {
        day,
        elapsed_seconds: elapsed,
        down_seconds: down,
        unobserved_seconds: unseen,
        uptime_percent: percent(elapsed - down - unseen, elapsed),
        requests,
        error_rate_percent: percent(errors, requests),
        services: sums.into_iter().map(|(service, sum)| (service.name(), of_service(&sum))).collect(),
        direct: evidence.direct.get(&at).copied(),
    }
}

fn of_service(sum: &DaySum) -> ServiceFigures {
    ServiceFigures {
        requests: sum.requests,
        mean_ms: (sum.requests > 0).then(|| sum.micros as f64 / 1_000.0 / sum.requests as f64),
        errors_aspsp: sum.aspsp,
        errors_tpp: sum.tpp,
        errors_psu: sum.psu,
    }
}

/// Lines of a file with the bank's own figures: `day,down_seconds,mean_ms,error_rate_percent`, the last two may be empty. Every mistake
/// with its line, or all days.
pub fn direct_days(text: &str) -> Result<Vec<(Date, DirectDay)>, Vec<String>> {
    const HEAD: &str = "day,down_seconds,mean_ms,error_rate_percent";
    /// Twenty years.
    const MOST: usize = 7_305;
    let mut lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    if lines.next().is_none_or(|(_, line)| line != HEAD) {
        return Err(vec![format!("line 1: must be {HEAD}")]);
    }
    let (mut days, mut mistakes) = (BTreeMap::new(), vec![]);
    for (index, line) in lines {
        match direct_day(line) {
            Ok((day, _)) if days.contains_key(&day) => mistakes.push(format!("line {}: {day} is there twice", index + 1)),
            Ok((day, figures)) => drop(days.insert(day, figures)),
            Err(why) => mistakes.push(format!("line {}: {why}", index + 1)),
        }
        if days.len() + mistakes.len() > MOST {
            mistakes.push(format!("more than {MOST} days"));
            break;
        }
    }
    if mistakes.is_empty() { Ok(days.into_iter().collect()) } else { Err(mistakes) }
}

fn direct_day(line: &str) -> Result<(Date, DirectDay), String> {
    let fields: Vec<_> = line.split(',').map(str::trim).collect();
    let [day, down, mean, errors] = fields.as_slice() else { return Err("must have four fields".to_owned()) };
    let day = Date::parse(day, format_description!("[year]-[month]-[day]")).map_err(|_| "a day is written 2026-11-27".to_owned())?;
    let down_seconds = down.parse().ok().filter(|seconds| (0..=SECONDS_A_DAY).contains(seconds));
    let number = |text: &str, most: f64, name: &str| match text {
        "" => Ok(None),
        text => match text.parse::<f64>() {
            Ok(value) if (0.0..=most).contains(&value) => Ok(Some(value)),
            Ok(_) | Err(_) => Err(format!("{name} must be a number from 0 to {most}")),
        },
    };
    Ok((
        day,
        DirectDay {
            down_seconds: down_seconds.ok_or_else(|| format!("down_seconds must be from 0 to {SECONDS_A_DAY}"))?,
            mean_ms: number(mean, 86_400_000.0, "mean_ms")?,
            error_rate_percent: number(errors, 100.0, "error_rate_percent")?,
        },
    ))
}

/// Seconds before a span from which its marks are read: a downtime that began earlier counts.
pub const LEAD: i64 = 7 * SECONDS_A_DAY;

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    fn evidence() -> Evidence {
        let noon = datetime!(2026-11-28 12:00 UTC).unix_timestamp();
        let mut evidence = Evidence { since: Some(noon - 3_600), ..Evidence::default() };
        (noon - 3_600..noon + 3_600).for_each(|second| mark(&mut evidence.alive, second));
        evidence.marks.failed.insert(noon, 5);
        mark(&mut evidence.marks.replied, noon + 900);
        let sum = DaySum { requests: 1_000, micros: 4_000_000, not_replied: 5, aspsp: 5, tpp: 20, psu: 3 };
        evidence.sums.insert((number(date!(2026 - 11 - 28)), Service::AccountInformation), sum);
        evidence
            .direct
            .insert(number(date!(2026 - 11 - 28)), DirectDay { down_seconds: 60, mean_ms: Some(120.0), error_rate_percent: None });
        evidence
    }

    #[test]
    fn a_day_has_its_figures() {
        // an hour observed before noon, an hour after it, a third one in which nobody ran
        let report = Report::of(&BrandId::new("cic"), "2026-Q4".parse().unwrap(), &evidence(), datetime!(2026-11-28 14:00 UTC));
        let [day] = report.days.as_slice() else { panic!("{report:?}") };
        assert_eq!((day.elapsed_seconds, day.down_seconds, day.unobserved_seconds), (3 * 3_600, 900, 3_600));
        assert_eq!(day.uptime_percent.map(f64::round), Some(58.0));
        assert_eq!(day.error_rate_percent, Some(0.5));
        assert_eq!(day.services["ais"].mean_ms, Some(4.0));
        let csv = report.csv();
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!(lines[1], "cic,2026-11-28,10800,900,3600,58.333,1000,5,20,3,0.500,4.000,,,,60,120.000,");
        assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["days"][0]["day"], "2026-11-28");
        assert_eq!(json["days"][0]["services"]["ais"]["errors_tpp"], 20);
    }

    #[test]
    fn the_day_after_counts_from_midnight_and_kept_days_stay() {
        let mut evidence = evidence();
        let report =
            |evidence: &Evidence| Report::of(&BrandId::new("cic"), "2026-Q4".parse().unwrap(), evidence, datetime!(2026-11-30 00:00 UTC));
        let days = report(&evidence).days;
        assert_eq!(days.len(), 2);
        assert_eq!((days[1].elapsed_seconds, days[1].unobserved_seconds), (86_400, 86_400));
        evidence.kept.insert(number(date!(2026 - 11 - 29)), (7, 8));
        let days = report(&evidence).days;
        assert_eq!((days[1].down_seconds, days[1].unobserved_seconds), (7, 8));
        let other = Report::of(&BrandId::new("cic"), "2027-Q1".parse().unwrap(), &evidence, datetime!(2026-11-30 00:00 UTC));
        assert!(other.days.is_empty());
    }

    #[test]
    fn the_banks_own_figures_are_read_whole_or_not_at_all() {
        let text = "day,down_seconds,mean_ms,error_rate_percent\n2026-11-27,0,95.5,0.02\n\n2026-11-28,60,,\n";
        let days = direct_days(text).unwrap();
        assert_eq!(days[0], (date!(2026 - 11 - 27), DirectDay { down_seconds: 0, mean_ms: Some(95.5), error_rate_percent: Some(0.02) }));
        assert_eq!(days[1].1.mean_ms, None);
        let wrong = "day,down_seconds,mean_ms,error_rate_percent\n27.11.2026,0,1,1\n2026-11-27,90000,1,1\n2026-11-27,1,x,1\n2026-11-27,1,1\n\
                     2026-11-27,1,1,NaN\n2026-11-28,1,1,1\n2026-11-28,1,1,1\n";
        let mistakes = direct_days(wrong).unwrap_err();
        assert_eq!(mistakes.len(), 6, "{mistakes:?}");
        assert_eq!(mistakes[0], "line 2: a day is written 2026-11-27");
        assert!(direct_days("").is_err() && direct_days("day;x\n").is_err());
    }
}
