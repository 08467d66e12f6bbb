//! Whom to try, and with which certificates: what `guichet dev` wrote down, or the files that were named.

use super::{
    TryArgs,
    wire::{Identity, Wire},
};
use crate::{config, oauth::brand::Brand};
use std::path::Path;

/// One brand of a running server, as its TPPs and the bank's own gateway reach it.
pub struct Target {
    pub issuer: String,
    /// With the QWAC.
    pub tpp: Wire,
    /// The customer's: without certificate.
    pub browser: Wire,
    pub gateway: Option<Gateway>,
}

/// The bank's own side.
pub struct Gateway {
    pub wire: Wire,
    pub introspection_endpoint: String,
    /// Where the bank's payment API lodges payments; `None`: not beside the introspection endpoint.
    pub payments_endpoint: Option<String>,
}

impl Gateway {
    fn new(wire: Wire, introspection_endpoint: String) -> Self {
        let beside = introspection_endpoint.strip_suffix("/introspect").and_then(|brand| brand.rsplit_once("/brands/"));
        let payments_endpoint = beside.map(|(origin, brand)| format!("{origin}/v1/brands/{brand}/payments"));
        Self { wire, introspection_endpoint, payments_endpoint }
    }
}

impl Target {
    pub fn of(args: &TryArgs, dev_dir: &Path) -> Result<Vec<Self>, String> {
        match (&args.issuer, &args.ca) {
            (Some(issuer), Some(ca)) => Ok(vec![Self::own(args, issuer, ca)?]),
            (Some(_), None) | (None, _) => Self::of_dev(args, dev_dir),
        }
    }

    fn own(args: &TryArgs, issuer: &str, ca: &Path) -> Result<Self, String> {
        let qwac = qwac(args).ok_or("--issuer needs --cert and --key")?;
        let gateway = match (&args.internal, &args.gateway_ca, &args.gateway_cert, &args.gateway_key) {
            (Some(url), Some(ca), Some(certificate), Some(key)) => {
                let identity = Identity { certificate: certificate.clone(), key: key.clone() };
                Some(Gateway::new(Wire::new(ca, Some(&identity))?, url.clone()))
            }
            _ => None,
        };
        Ok(Self {
            issuer: issuer.trim_end_matches('/').to_owned(),
            tpp: Wire::new(ca, Some(&qwac))?,
            browser: Wire::new(ca, None)?,
            gateway,
        })
    }

    fn of_dev(args: &TryArgs, dir: &Path) -> Result<Vec<Self>, String> {
        let file = dir.join("dev.toml");
        if !file.exists() {
            return Err(format!("no {}: run `guichet dev` first, or say --issuer, --ca, --cert and --key", file.display()));
        }
        let settings = config::load(&file, &config::Environment::default()).map_err(|mistakes| mistakes.to_string())?;
        let meant = |brand: &&Brand| args.brand.as_deref().is_none_or(|name| name == brand.id.as_str());
        let brands: Vec<_> = settings.brands.iter().filter(meant).collect();
        if brands.is_empty() {
            let names: Vec<_> = settings.brands.iter().map(|brand| brand.id.as_str()).collect();
            return Err(format!("no brand {}; there are: {}", args.brand.as_deref().unwrap_or(""), names.join(", ")));
        }
        let pki = dir.join("pki");
        let identity = |name: &str| Identity { certificate: pki.join(format!("{name}.pem")), key: pki.join(format!("{name}.key")) };
        let (ca, qwac) = (pki.join("server-ca.pem"), qwac(args).unwrap_or_else(|| identity("all")));
        let gateway = |brand: &Brand| {
            let Some(internal) = &settings.internal else { return Ok(None) };
            let wire = Wire::new(&pki.join("bank-ca.pem"), Some(&identity("gateway")))?;
            let port = internal.listener.address.port();
            let introspection_endpoint = format!("https://localhost:{port}/brands/{}/introspect", brand.id);
            Ok::<_, String>(Some(Gateway::new(wire, introspection_endpoint)))
        };
        let target = |brand: &Brand| {
            let (tpp, browser) = (Wire::new(&ca, Some(&qwac))?, Wire::new(&ca, None)?);
            Ok(Self { issuer: brand.issuer.clone(), tpp, browser, gateway: gateway(brand)? })
        };
        brands.into_iter().map(target).collect()
    }
}

fn qwac(args: &TryArgs) -> Option<Identity> {
    Some(Identity { certificate: args.cert.clone()?, key: args.key.clone()? })
}
