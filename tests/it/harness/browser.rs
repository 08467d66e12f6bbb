//! A customer's real browser: Chromium, driven over WebDriver.

use super::{Landing, chromium::Chromium, tpp::CALLBACK, wire::tls};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Two cores carry two browsers.
static PLACES: Semaphore = Semaphore::const_new(2);
/// Sessions that wait for the next test: a browser takes a second to start.
static IDLE: Mutex<Vec<String>> = Mutex::new(vec![]);

/// How long a page may take to become what a test waits for.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);
/// W3C WebDriver s12.1: how an element's reference is named.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub const TAB: &str = "\u{E004}";
pub const ENTER: &str = "\u{E007}";
pub const SPACE: &str = " ";
pub const DOWN: &str = "\u{E015}";

/// What the customer holds in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
    /// Device pixels to a CSS pixel.
    pub scale: u32,
    pub touch: bool,
}

pub const PHONE: Screen = Screen { name: "phone", width: 360, height: 740, scale: 2, touch: true };
pub const DESKTOP: Screen = Screen { name: "desktop", width: 1280, height: 800, scale: 1, touch: false };
/// WCAG 2.2 SC 1.4.10: 1,280 pixels at 400 %.
pub const NARROW: Screen = Screen { name: "narrow", width: 320, height: 640, scale: 1, touch: false };
/// WCAG 2.2 SC 1.4.4: 1,280 by 800 pixels at 200 %.
pub const ZOOMED: Screen = Screen { name: "zoomed", width: 640, height: 400, scale: 2, touch: false };

/// A browser of one test. Dropped, it waits for the next one; after a panic it is ended.
pub struct Browser {
    http: reqwest::Client,
    session: String,
    _place: SemaphorePermit<'static>,
}

impl Browser {
    /// A browser as new: no cookies, one empty tab, desktop size, scripts on.
    pub async fn open() -> Self {
        let place = PLACES.acquire().await.unwrap();
        tokio::task::spawn_blocking(Chromium::get).await.unwrap();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls("server-ca.pem", None)).no_proxy();
        let http = http.timeout(Duration::from_secs(60)).build().unwrap();
        let idle = IDLE.lock().unwrap().pop();
        let session = match idle {
            Some(session) => session,
            None => begin(&http).await,
        };
        let browser = Self { http, session, _place: place };
        browser.reset().await;
        browser
    }

    pub async fn of_size(screen: Screen) -> Self {
        let browser = Self::open().await;
        browser.resize(screen).await;
        browser
    }

    async fn reset(&self) {
        self.only_one_tab().await;
        self.cdp("Network.enable", json!({})).await;
        self.forget_cookies().await;
        self.languages("fr").await;
        self.scripts(true).await;
        self.media(&[]).await;
        self.resize(DESKTOP).await;
        self.go("about:blank").await;
    }

    async fn only_one_tab(&self) {
        let kept = self.call(Method::POST, "window/new", json!({"type": "tab"})).await["handle"].clone();
        for tab in self.tabs().await.into_iter().filter(|tab| *tab != kept) {
            self.call(Method::POST, "window", json!({"handle": tab})).await;
            self.call(Method::DELETE, "window", Value::Null).await;
        }
        self.call(Method::POST, "window", json!({"handle": kept})).await;
    }

    async fn tabs(&self) -> Vec<Value> {
        self.call(Method::GET, "window/handles", Value::Null).await.as_array().unwrap().clone()
    }

    /// The tab is killed and another one opened; the browser itself, with its cookies, lives on.
    pub async fn lose_tab(&self) {
        self.only_one_tab().await;
    }

    /// The browser is killed, and started again with the cookies it had: "continue where you left off".
    pub async fn restart(&mut self) {
        let cookies = self.cdp("Network.getAllCookies", json!({})).await["cookies"].clone();
        self.replace().await;
        self.cdp("Network.setCookies", json!({"cookies": cookies})).await;
    }

    /// Another browser in place of one that may answer no more.
    pub async fn replace(&mut self) {
        Chromium::get().end(&self.session);
        self.session = begin(&self.http).await;
        self.reset().await;
    }

    pub async fn resize(&self, screen: Screen) {
        let Screen { width, height, scale, touch, .. } = screen;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": touch});
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
        self.cdp("Emulation.setTouchEmulationEnabled", json!({"enabled": touch})).await;
    }

    pub async fn scripts(&self, on: bool) {
        self.cdp("Emulation.setScriptExecutionDisabled", json!({"value": !on})).await;
    }

    /// Media features, such as `prefers-color-scheme: dark`.
    pub async fn media(&self, features: &[(&str, &str)]) {
        let features: Vec<_> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.cdp("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// What `Accept-Language` says.
    pub async fn languages(&self, accepted: &str) {
        self.cdp("Network.setExtraHTTPHeaders", json!({"headers": {"Accept-Language": accepted}})).await;
    }

    pub async fn go(&self, url: &str) {
        self.call(Method::POST, "url", json!({"url": url})).await;
    }

    /// Follows the TPP's link, past the page that offers the bank's app.
    pub async fn begin(&self, link: &str) {
        self.go(link).await;
        if self.has("button[value=continue_here]").await {
            self.decide("continue_here").await;
        }
    }

    pub async fn back(&self) {
        self.call(Method::POST, "back", json!({})).await;
    }

    pub async fn forward(&self) {
        self.call(Method::POST, "forward", json!({})).await;
    }

    pub async fn reload(&self) {
        self.call(Method::POST, "refresh", json!({})).await;
    }

    pub async fn url(&self) -> String {
        self.call(Method::GET, "url", Value::Null).await.as_str().unwrap().to_owned()
    }

    /// The text that is on the screen.
    pub async fn text(&self) -> String {
        self.js("return document.body ? document.body.innerText : ''", json!([])).await.as_str().unwrap().to_owned()
    }

    pub async fn html(&self) -> String {
        self.js("return document.documentElement.outerHTML", json!([])).await.as_str().unwrap().to_owned()
    }

    /// Runs a function's body in the page, with `arguments`, also where the page's own scripts are off.
    pub async fn js(&self, body: &str, arguments: Value) -> Value {
        self.call(Method::POST, "execute/sync", json!({"script": body, "args": arguments})).await
    }

    /// The same for a body that calls its last argument with the result.
    pub async fn js_later(&self, body: &str, arguments: Value) -> Value {
        self.call(Method::POST, "execute/async", json!({"script": body, "args": arguments})).await
    }

    pub async fn has(&self, css: &str) -> bool {
        self.js("return document.querySelector(arguments[0]) !== null", json!([css])).await == true
    }

    async fn find(&self, css: &str) -> String {
        self.until(&format!("an element {css}"), async || self.has(css).await).await;
        let found = self.call(Method::POST, "element", json!({"using": "css selector", "value": css})).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    pub async fn click(&self, css: &str) {
        let element = self.find(css).await;
        self.call(Method::POST, &format!("element/{element}/click"), json!({})).await;
    }

    /// Twice, before the first click's answer can come.
    pub async fn double_click(&self, css: &str) {
        self.find(css).await;
        self.js("const it = document.querySelector(arguments[0]); it.click(); it.click()", json!([css])).await;
    }

    pub async fn fill(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        self.call(Method::POST, &format!("element/{element}/clear"), json!({})).await;
        self.call(Method::POST, &format!("element/{element}/value"), json!({"text": text})).await;
    }

    /// As from the clipboard: at once.
    pub async fn paste(&self, css: &str, text: &str) {
        self.find(css).await;
        self.js("document.querySelector(arguments[0]).value = arguments[1]", json!([css, text])).await;
    }

    /// Presses keys, one after the other, wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let actions: Vec<_> = keys.chars().flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key}))).collect();
        self.call(Method::POST, "actions", json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})).await;
    }

    /// Waits for a condition, and says what the page was instead.
    pub async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition().await {
            assert!(Instant::now() < deadline, "waited for {what}; at {} there is: {}", self.url().await, self.text().await);
            tokio::time::sleep(POLL).await;
        }
    }

    /// Until the browser is at the TPP's redirect URI.
    pub async fn landed(&self) -> Landing {
        self.until("the TPP's redirect URI", async || self.url().await.starts_with(CALLBACK)).await;
        Landing::read(&self.url().await)
    }

    /// The same from a page that explains before it leaves: takes its way out, once it is there.
    pub async fn taken_home(&self) -> Landing {
        let out = "const out = document.querySelector('a[href$=\"/return\"]'); if (out) out.click()";
        self.until("the TPP's redirect URI", async || {
            let home = self.url().await.starts_with(CALLBACK);
            if !home {
                self.js(out, json!([])).await;
            }
            home
        })
        .await;
        Landing::read(&self.url().await)
    }

    pub async fn sign_in(&self, login: &str) {
        self.fill("input[name=customer]", login).await;
        self.fill("input[name=password]", "sandbox").await;
        self.decide("sign_in").await;
    }

    /// Clicks the button of a decision, and waits until what it led to has taken the page's place.
    pub async fn decide(&self, decision: &str) {
        let button = button(decision);
        self.find(&button).await;
        self.js("document.documentElement.dataset.decided = ''", json!([])).await;
        self.click(&button).await;
        let gone = "return !('decided' in document.documentElement.dataset)";
        self.until("the next page", async || self.js(gone, json!([])).await == true).await;
    }

    /// Clicks the button of a decision that the page itself refuses, and so stays.
    pub async fn decide_in_vain(&self, decision: &str) {
        self.click(&button(decision)).await;
    }

    pub async fn forget_cookies(&self) {
        self.cdp("Network.clearBrowserCookies", json!({})).await;
    }

    /// Gives the browser a cookie of `origin`, written `name=value`.
    pub async fn take_cookie(&self, origin: &str, cookie: &str) {
        let (name, value) = cookie.split_once('=').unwrap();
        let cookie = json!({"name": name, "value": value, "url": origin, "path": "/", "secure": true, "httpOnly": true, "sameSite": "Lax"});
        assert_eq!(self.cdp("Network.setCookie", cookie).await["success"], true);
    }

    /// Its cookies for an address, written `name=value`.
    pub async fn cookies(&self, url: &str) -> Vec<String> {
        let cookies = self.cdp("Network.getCookies", json!({"urls": [url]})).await["cookies"].clone();
        let text = |cookie: &Value, part: &str| cookie[part].as_str().unwrap().to_owned();
        cookies.as_array().unwrap().iter().map(|cookie| format!("{}={}", text(cookie, "name"), text(cookie, "value"))).collect()
    }

    /// What the frames of the page hold; of a frame that Chromium shows nothing in, nothing.
    pub async fn in_frames(&self) -> Vec<String> {
        let (count, mut found) = (self.js("return window.length", json!([])).await.as_u64().unwrap(), vec![]);
        for frame in 0..count {
            if self.try_call(Method::POST, "frame", json!({"id": frame})).await.is_ok() {
                found.push(self.html().await);
            }
            self.call(Method::POST, "frame", json!({"id": null})).await;
        }
        found
    }

    /// Shows HTML in place of the page that is there, under its address and its policies.
    pub async fn show(&self, html: &str) {
        let frame = self.cdp("Page.getFrameTree", json!({})).await["frameTree"]["frame"]["id"].clone();
        self.cdp("Page.setDocumentContent", json!({"frameId": frame, "html": html})).await;
        let styled = "return [...document.styleSheets].some(sheet => sheet.cssRules.length > 0)";
        self.until("the stylesheet", async || self.js(styled, json!([])).await == true).await;
    }

    /// The whole page as PNG, not only what is on the screen.
    pub async fn picture(&self) -> Vec<u8> {
        let taken = self.cdp("Page.captureScreenshot", json!({"captureBeyondViewport": true, "optimizeForSpeed": true})).await;
        STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }

    /// A command of the DevTools protocol.
    pub async fn cdp(&self, command: &str, parameters: Value) -> Value {
        self.call(Method::POST, "goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// The driver's answer. A command that failed fails the test.
    async fn call(&self, method: Method, command: &str, body: Value) -> Value {
        self.try_call(method, command, body).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    async fn try_call(&self, method: Method, command: &str, body: Value) -> Result<Value, String> {
        let url = format!("http://{}/session/{}/{command}", Chromium::get().address, self.session);
        call(&self.http, method, &url, body).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if thread::panicking() {
            Chromium::get().end(&self.session);
        } else {
            IDLE.lock().unwrap().push(std::mem::take(&mut self.session));
        }
    }
}

fn button(decision: &str) -> String {
    format!("button[name=decision][value={decision}]")
}

async fn begin(http: &reqwest::Client) -> String {
    let driver = Chromium::get();
    let url = format!("http://{}/session", driver.address);
    let made = call(http, Method::POST, &url, driver.capabilities()).await.unwrap_or_else(|error| panic!("no browser: {error}"));
    made["sessionId"].as_str().unwrap().to_owned()
}

async fn call(http: &reqwest::Client, method: Method, url: &str, body: Value) -> Result<Value, String> {
    let mut request = http.request(method, url);
    if !body.is_null() {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.map_err(|e| format!("{e:?}"))?;
    let fine = response.status().is_success();
    let bytes = response.bytes().await.map_err(|e| format!("{e:?}"))?;
    let mut answer: Value = serde_json::from_slice(&bytes).map_err(|e| e.to_string())?;
    if fine { Ok(answer["value"].take()) } else { Err(format!("{}: {}", answer["value"]["error"], answer["value"]["message"])) }
}
