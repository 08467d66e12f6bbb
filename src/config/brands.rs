//! `[[brand]]`: each row over its bank's file, and what of it the judgement need not know.

use super::{
    BrandPlace, Effective, SHIPPED_BANKS, TrustSettings,
    bank::{self, Overrides},
    collisions,
    context::{Context, Opened},
    mistakes::{Source, Writer, suggestion},
    names, rates, read_text,
    reader::{self, Reader, Walk, text},
    sca::{self, DriverSettings},
    segments, statements, trust,
};
use crate::{
    limits::Rates,
    oauth::brand::{Brand, BrandId},
};
use std::{borrow::Cow, collections::BTreeMap, path::Path};

/// So many seconds late a gateway may learn of a revocation, and no more.
const LONGEST_INTROSPECTION_CACHE: u64 = 60;

/// The brands, and what of their rows the judgement need not know.
#[derive(Default)]
pub(super) struct Brands {
    pub brands: Vec<Brand>,
    pub trust: BTreeMap<BrandId, TrustSettings>,
    pub rates: BTreeMap<BrandId, Rates>,
    pub drivers: BTreeMap<BrandId, DriverSettings>,
}

pub(super) fn read(root: &mut Reader<'_>, general: &TrustSettings, rates: &Rates, context: &Context, effective: &mut Effective) -> Brands {
    let mut read = Brands::default();
    let mut places: Vec<String> = Vec::new();
    for mut row in root.all_rows("brand") {
        let (brand, driver) = brand(&mut row, context, effective);
        let sandbox = brand.as_ref().is_none_or(|brand| brand.sandbox);
        let trust = row.optional_table("trust").map(|mut table| trust::of_brand(&mut table, sandbox, general, context));
        let rates = row.optional_table("rate_limits").map(|mut table| rates::of_brand(&mut table, rates));
        row.finish();
        let Some(brand) = brand else { continue };
        if let Some(rates) = rates {
            read.rates.insert(brand.id.clone(), rates);
        }
        if let Some(trust) = trust {
            read.trust.insert(brand.id.clone(), trust);
        }
        if let Some(driver) = driver {
            read.drivers.insert(brand.id.clone(), driver);
        }
        let others = || read.brands.iter().zip(&places);
        let meets = || others().find_map(|(b, place)| Some(format!("{} (the other is at {place})", collisions::between(b, &brand)?)));
        if let Some(why) = collisions::within(&brand).or_else(meets) {
            row.note("", why);
        }
        places.push(row.place());
        read.brands.push(brand);
    }
    read
}

fn brand(row: &mut Reader<'_>, context: &Context, effective: &mut Effective) -> (Option<Brand>, Option<DriverSettings>) {
    let bank = row.need("bank", text);
    let mut place = place(row);
    let sandbox = place.as_ref().is_none_or(|place| place.sandbox);
    let (authentication, driver) = row.optional_table("sca").map(|mut table| sca::read(&mut table, sandbox, context)).unwrap_or_default();
    if let Some(place) = &mut place {
        place.psu_authentication = authentication;
    }
    let introspection_cache = row.optional_number("introspection_cache_seconds", 0..=LONGEST_INTROSPECTION_CACHE).unwrap_or(0);
    let mut brand = described(row, bank, place, context, effective);
    if let Some(brand) = &mut brand {
        brand.introspection_cache = time::Duration::seconds(introspection_cache.cast_signed());
    }
    segments::read(row, brand.as_mut());
    let statements = statements::read(row, sandbox, context);
    if let Some(brand) = &mut brand {
        brand.statements = statements;
    }
    (brand, driver)
}

fn described(
    row: &mut Reader<'_>,
    bank: Option<String>,
    place: Option<BrandPlace>,
    context: &Context,
    effective: &mut Effective,
) -> Option<Brand> {
    let overrides = Overrides {
        authorization: row.optional_table("authorization"),
        scope: row.optional_table("scope"),
        security: row.optional_table("security"),
        theme: row.optional_table("theme"),
    };
    let source = bank_file(&bank?, row)?;
    let table = reader::parse(&source, row.findings())?;
    // A bank file is judged even where its place is not known.
    let mut bank = Reader::new(&source, &table, row.findings());
    let brand = bank::read(&mut bank, overrides, place.clone().unwrap_or_default(), context.opened == Opened::All);
    let brand = place.and(brand)?;
    let mut walk = Walk { base: &context.folder, sandbox: Some(brand.sandbox), into: effective };
    row.clone().over(bank).leaves(&format!("brand.{}", brand.id), &[], &mut walk);
    Some(brand)
}

/// A shipped bank, or a file of the operator's own, relative to the one that names it.
fn bank_file(bank: &str, row: &Reader<'_>) -> Option<Source> {
    if let Some(source) = bank::source(bank) {
        return Some(source);
    }
    if !bank.contains('/') && Path::new(bank).extension().is_none() {
        let near = suggestion(bank, &SHIPPED_BANKS);
        row.note("bank", format!("`brand.bank`: no bank `{bank}` comes with the program, and a file would end in .toml{near}"));
        return None;
    }
    let path = row.source().folder.as_deref().unwrap_or(Path::new("")).join(bank);
    row.findings().reads(&path);
    match read_text(&path) {
        Ok(text) => {
            let folder = path.parent().map(Path::to_path_buf);
            Some(Source { name: path.display().to_string(), text: Cow::Owned(text), folder, writer: Writer::Bank })
        }
        Err(why) => {
            row.note("bank", format!("`brand.bank` names {}, which {why}", path.display()));
            None
        }
    }
}

fn place(row: &mut Reader<'_>) -> Option<BrandPlace> {
    let id = row.may("id", names::id);
    let sandbox = row.may("sandbox", reader::flag).unwrap_or_default();
    let issuer = row.need("issuer", |v| names::issuer(&text(v)?));
    let mut origin = |host, port| {
        let host = row.need(host, names::host);
        let port = row.optional_number(port, 1..=65_535).unwrap_or(443);
        host.map(|h| names::origin_of(&h, port))
    };
    let (tpp, psu) = (origin("tpp_host", "tpp_port"), origin("psu_host", "psu_port"));
    let place = BrandPlace { id, sandbox, issuer: issuer?, tpp_origin: tpp?, psu_origin: psu?, ..Default::default() };
    let on = |origin: &str| place.issuer.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !on(&place.tpp_origin) && !on(&place.psu_origin) {
        let message = format!("`brand.issuer` must begin with {} or {}: its metadata is served there", place.psu_origin, place.tpp_origin);
        row.note("issuer", message);
    }
    Some(place)
}
