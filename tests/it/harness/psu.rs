//! A customer with a browser: follows redirects, keeps the cookie, fills in forms.

use super::{
    bank::{Bank, Brand},
    wire::{Reply, Wire},
};
use reqwest::Method;
use std::collections::HashMap;

/// A browser on its way through one journey.
pub struct Psu {
    brand: Brand,
    pub wire: Wire,
    pub cookie: String,
    /// The journey's URL, once there is one.
    pub journey: String,
    pub csrf: String,
    pub page: Reply,
}

/// Where the browser was sent in the end: the TPP's redirect URI.
#[derive(Debug)]
pub struct Landing {
    pub uri: String,
    pub params: HashMap<String, String>,
}

impl Landing {
    pub fn read(location: &str) -> Self {
        let url = url::Url::parse(location).unwrap();
        let params: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(params.len(), url.query_pairs().count(), "a parameter twice: {location}");
        Self { uri: location.split('?').next().unwrap().to_owned(), params }
    }

    #[track_caller]
    pub fn get(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    #[track_caller]
    pub fn code(&self) -> &str {
        self.get("code")
    }
}

impl Psu {
    /// Opens an authorization URL. Whatever came is in `page`; a journey that began was followed to its first page, past the one that
    /// offers the bank's app.
    pub async fn open(bank: &Bank, brand: Brand, url: &str) -> Self {
        Self::open_with(bank, brand, url, &[]).await
    }

    pub async fn open_with(bank: &Bank, brand: Brand, url: &str, headers: &[(&str, &str)]) -> Self {
        let mut psu = Self::arrive_with(bank, brand, url, headers).await;
        if psu.page.body.contains("value=\"continue_here\"") {
            psu.post(&[("decision", "continue_here")]).await;
        }
        psu
    }

    /// Opens an authorization URL and presses nothing.
    pub async fn arrive(bank: &Bank, brand: Brand, url: &str) -> Self {
        Self::arrive_with(bank, brand, url, &[]).await
    }

    pub async fn arrive_with(bank: &Bank, brand: Brand, url: &str, headers: &[(&str, &str)]) -> Self {
        let wire = bank.browser();
        let page = wire.send(Method::GET, url, headers, "").await;
        let cookie = page.header("set-cookie").split(';').next().unwrap_or("").to_owned();
        let mut psu = Self { brand, wire, cookie, journey: String::new(), csrf: String::new(), page };
        let location = psu.page.header("location").to_owned();
        if psu.page.status == 303 && location.starts_with('/') {
            psu.journey = format!("{}{location}", bank.origin(brand.psu_host));
            psu.look().await;
        } else if let Some(action) = psu.page.body.split("method=\"post\" action=\"").nth(1).and_then(|rest| rest.split('"').next()) {
            psu.journey = format!("{}{action}", bank.origin(brand.psu_host));
            psu.read_csrf();
        }
        psu
    }

    /// Where an authorization URL that began no journey sent the browser.
    #[track_caller]
    pub fn landed(&self) -> Landing {
        assert_eq!(self.page.status, 303, "{:?}", self.page);
        Landing::read(self.page.header("location"))
    }

    pub async fn look(&mut self) {
        self.page = self.wire.send(Method::GET, &self.journey, &[("cookie", &self.cookie)], "").await;
        self.read_csrf();
    }

    fn read_csrf(&mut self) {
        let found = self.page.body.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        self.csrf = found.unwrap_or("").to_owned();
    }

    /// Posts a form of the journey and follows to the next page of the bank.
    pub async fn post(&mut self, fields: &[(&str, &str)]) {
        let csrf = self.csrf.clone();
        let fields: Vec<_> = [("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.page = self.wire.form(&self.journey, &[("cookie", &self.cookie)], &fields).await;
        if self.page.status == 303 {
            assert!(self.page.header("location").starts_with('/'), "{:?}", self.page);
            self.look().await;
        } else {
            self.read_csrf();
        }
    }

    /// Posts exactly these fields and follows nothing.
    pub async fn submit(&self, fields: &[(&str, &str)]) -> Reply {
        self.wire.form(&self.journey, &[("cookie", &self.cookie)], fields).await
    }

    /// The same browser at another server of the same bank.
    pub fn over(&self, bank: &Bank) -> Self {
        let path = url::Url::parse(&self.journey).unwrap().path().to_owned();
        let journey = format!("{}{path}", bank.origin(self.brand.psu_host));
        let (cookie, csrf, page) = (self.cookie.clone(), self.csrf.clone(), self.page.clone());
        Self { brand: self.brand, wire: bank.browser(), cookie, journey, csrf, page }
    }

    /// Posts the form that is on the screen and looks no further: a click among many.
    pub async fn click(&self, fields: &[(&str, &str)]) -> Reply {
        let fields: Vec<_> = [("csrf", self.csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.wire.form(&self.journey, &[("cookie", &self.cookie)], &fields).await
    }

    pub async fn sign_in(&mut self, login: &str) {
        self.post(&[("customer", login), ("password", "sandbox"), ("decision", "sign_in")]).await;
    }

    /// Signs in as a customer who gets through, and approves.
    pub async fn approve(mut self) -> Landing {
        self.sign_in("approves").await;
        self.post(&[("decision", "approve")]).await;
        self.go_home().await
    }

    pub async fn cancel(mut self) -> Landing {
        self.post(&[("decision", "cancel")]).await;
        self.go_home().await
    }

    /// The page that takes the browser home, followed as a browser does.
    pub async fn go_home(&self) -> Landing {
        assert!(self.page.body.contains("/return"), "{:?}", self.page);
        self.fetch_answer().await
    }

    pub async fn fetch_answer(&self) -> Landing {
        let reply = self.answer().await;
        assert_eq!(reply.status, 303, "{reply:?}");
        Landing::read(reply.header("location"))
    }

    pub async fn answer(&self) -> Reply {
        self.wire.send(Method::GET, &format!("{}/return", self.journey), &[("cookie", &self.cookie)], "").await
    }
}
