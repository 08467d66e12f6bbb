//! `guichet figures`: what the regulator asks for, by quarter.

use super::{
    ConfigFile, Failure,
    operator::{Author, choose_brand, connect, runtime},
};
use crate::{
    clock::{Clock, System},
    config::LONGEST_FILE,
    figures::{LEAD, Quarter, Report, SECONDS_A_DAY, Span, direct_days},
    pages::Figures,
};
use clap::{Subcommand, ValueEnum};
use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};
use time::OffsetDateTime;

#[derive(Subcommand)]
pub enum FiguresStep {
    /// One quarter of one brand: availability, time to last byte, errors by whose fault, beside the bank's own
    Export {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(long)]
        brand: String,
        /// Such as 2026-Q4; without it, the quarter of today
        #[arg(long)]
        quarter: Option<Quarter>,
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
        /// Without it, standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Take the bank's figures of its interface for customers: CSV with day,down_seconds,mean_ms,error_rate_percent
    Direct {
        #[command(flatten)]
        config: ConfigFile,
        file: PathBuf,
        #[arg(long)]
        brand: String,
        #[command(flatten)]
        author: Author,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    Csv,
    Json,
    /// A page to be published, with plots
    Html,
}

pub fn act(step: FiguresStep) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    match step {
        FiguresStep::Export { config, brand, quarter, format, out } => {
            let now = System::new().now();
            let quarter = quarter.unwrap_or_else(|| Quarter::of(now.date()));
            let report = runtime.block_on(report(&config, &brand, quarter, now))?;
            let text = match format {
                Format::Csv => report.csv(),
                Format::Json => report.json(),
                Format::Html => Figures { report: &report }.render(),
            };
            write(out.as_deref(), &text)?;
        }
        FiguresStep::Direct { config, file, brand, author } => {
            let (by, text) = (author.name()?, read(&file)?);
            let days = direct_days(&text).map_err(|mistakes| Failure(3, format!("{}:\n{}", file.display(), mistakes.join("\n"))))?;
            let settings = config.settings()?;
            let brand = choose_brand(&brand, &settings)?;
            runtime.block_on(async {
                let db = connect(&settings).await?;
                db.put_direct_figures(&brand, &days, System::new().now(), &by).await.map_err(Failure::from)
            })?;
            say!("{} days taken", days.len());
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn report(config: &ConfigFile, brand: &str, quarter: Quarter, now: OffsetDateTime) -> Result<Report, Failure> {
    let settings = config.settings()?;
    let brand = choose_brand(brand, &settings)?;
    let second = |day: time::Date| day.midnight().assume_utc().unix_timestamp();
    let span = Span { start: second(quarter.first_day()) - LEAD, end: second(quarter.end()) + SECONDS_A_DAY };
    let evidence = connect(&settings).await?.figures(&brand, span).await?;
    Ok(Report::of(&brand, quarter, &evidence, now))
}

fn write(out: Option<&Path>, text: &str) -> Result<(), Failure> {
    match out {
        Some(path) => std::fs::write(path, text).map_err(|error| Failure::unexpected(format!("{}: {error}", path.display()))),
        None => std::io::stdout().write_all(text.as_bytes()).map_err(Failure::unexpected),
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let wrong = |why: String| Failure(3, format!("{}: {why}", file.display()));
    let bytes =
        File::open(file).and_then(|f| f.take(LONGEST_FILE + 1).read_to_string(&mut text)).map_err(|error| wrong(error.to_string()))?;
    if bytes as u64 > LONGEST_FILE {
        return Err(wrong(format!("is longer than {LONGEST_FILE} bytes")));
    }
    Ok(text)
}
