//! Requests of a client without a certificate: metadata, endpoints, errors, and headers that should count for nothing.

use super::{PATIENCE, names::Place, spoof, tls};
use crate::{
    doctor::outside::{Answer, Got, Http, Side, Spoofed, endpoints},
    oauth::brand::Brand,
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use url::Url;

/// Of an answer's body.
const LONGEST: usize = 1 << 20;
/// Where nothing is.
const NOWHERE: &str = "/guichet-doctor-looks-for-nothing";
/// RFC 2606: nobody's.
const NOBODY: &str = "nobody.invalid";

pub async fn look<'b>(brand: &'b Brand, tpp: &Place, psu: &Place) -> Http<'b> {
    let metadata = get(psu, &brand.metadata_path(), None, None).await;
    let document = metadata.as_ref().ok().and_then(|answer| serde_json::from_str(&answer.body).ok()).unwrap_or_default();
    let at = |url: &Url| {
        [(&brand.tpp_origin, tpp), (&brand.psu_origin, psu)].into_iter().find(|(origin, _)| url.as_str().starts_with(origin.as_str()))
    };
    let ask = async |url: &str| {
        let parsed = Url::parse(url).map_err(|error| error.to_string())?;
        let (_, place) = at(&parsed).ok_or("it is at another host")?;
        get(place, &parsed[url::Position::BeforePath..], None, None).await
    };
    let mut answered = vec![];
    for url in endpoints(brand, &document) {
        let got = ask(&url).await;
        answered.push((url, got));
    }
    let keys = match document["jwks_uri"].as_str() {
        Some(url) => Some(ask(url).await),
        None => None,
    };
    let errors = vec![(Side::Tpp, get(tpp, NOWHERE, None, None).await), (Side::Psu, get(psu, NOWHERE, None, None).await)];
    let foreign = get(psu, NOWHERE, Some(NOBODY), None).await;
    Http { brand, metadata, keys, endpoints: answered, errors, foreign, spoofed: spoofed(brand, tpp).await }
}

/// Asks what is thought of the certificate presented, when none is, with each header in turn.
async fn spoofed(brand: &Brand, tpp: &Place) -> Option<Spoofed> {
    let path = format!("/{}/certificate", brand.id);
    let plain = get(tpp, &path, None, None).await.ok().filter(|answer| answer.status == 200)?;
    let forged = spoof::forge()?;
    let mut answers = vec![];
    for (header, value) in spoof::headers(&forged) {
        let got = get(tpp, &path, None, Some((header, &value))).await;
        // shed or limited: it says nothing of the header
        answers
            .push((header, got.and_then(|answer| if [429, 503].contains(&answer.status) { Err("busy".to_owned()) } else { Ok(answer) })));
    }
    Some(Spoofed { plain, marker: spoof::MARKER, answers })
}

/// One request on a connection of its own.
async fn get(place: &Place, path: &str, host: Option<&str>, header: Option<(&str, &str)>) -> Got {
    let exchange = async {
        let stream = tls::open(place).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let own = if place.port == 443 { place.host.clone() } else { format!("{}:{}", place.host, place.port) };
        let mut request = Request::get(path).header("host", host.unwrap_or(&own)).header("accept", "application/json");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(|error| error.to_string())?;
        let answering = async {
            let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), LONGEST).collect().await.map_err(|error| error.to_string())?;
            Ok::<_, String>(Answer { status, headers, body: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
        };
        // the connection must be driven while the answer comes, and is dropped after it
        tokio::pin!(connection);
        tokio::pin!(answering);
        tokio::select! {
            answer = &mut answering => answer,
            ended = &mut connection => match ended {
                Ok(()) => answering.await,
                Err(error) => Err(error.to_string()),
            },
        }
    };
    timeout(PATIENCE * 2, exchange).await.unwrap_or_else(|_| Err("no whole answer in time".to_owned()))
}
