//! What can be seen of a page: what axe-core finds, what does not fit, and a picture for a person to look at.

use super::browser::{Browser, NARROW, Screen, ZOOMED};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// axe-core 4.14.1 as released (MPL-2.0, unchanged): see the folder's licences.
const AXE: &str = include_str!("../fixtures/axe/axe.min.js");

/// Violations of WCAG 2.0 to 2.2, A and AA, and of axe's best practices. A contrast that axe cannot tell is a violation, too,
/// but for what is scrolled out of a table's box: on a wide screen it is seen.
const RUN: &str = r"
const [only, done] = arguments;
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];
const runOnly = only ? {type: 'rule', values: only} : {type: 'tag', values: tags};
const scrolls = box => box !== null && (box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX === 'auto' || scrolls(box.parentElement));
axe.run(document, {runOnly, elementRef: true, resultTypes: ['violations', 'incomplete']}).then(found => {
  const unknown = found.incomplete.filter(rule => rule.id === 'color-contrast');
  unknown.forEach(rule => { rule.nodes = rule.nodes.filter(node => !scrolls(node.element)) });
  done(found.violations.concat(unknown).flatMap(rule => rule.nodes.map(
    node => `${rule.id} at ${node.target.join(' ')}: ${[...node.any, ...node.all, ...node.none].map(check => check.message).join('; ')}`)));
}, error => done([`axe failed: ${error}`]));
";

/// What is wider than the screen or cut off. What scrolls in a box of its own (`overflow-x: auto`: tables of the developers' page) may.
const MISFITS: &str = r"
const width = arguments[0];
const found = [];
if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
for (const element of document.body.querySelectorAll('*')) {
  const style = getComputedStyle(element);
  if (style.position === 'absolute' && style.clipPath !== 'none') continue; // for screen readers only
  const box = element.getBoundingClientRect();
  if (box.width === 0 || box.height === 0) continue;
  let scroller = element.parentElement;
  while (scroller && !['auto', 'scroll'].includes(getComputedStyle(scroller).overflowX)) scroller = scroller.parentElement;
  const name = `${element.tagName.toLowerCase()}${element.id ? '#' + element.id : ''}.${element.className}`;
  if (!scroller && (box.right > width + 1 || box.left < -1)) found.push(`${name} reaches from ${box.left} to ${box.right}`);
  const clips = overflow => ['hidden', 'clip'].includes(overflow);
  const fields = ['INPUT', 'SELECT', 'TEXTAREA', 'OPTION'].includes(element.tagName);
  if (!fields && clips(style.overflowX) && element.scrollWidth > element.clientWidth + 1) found.push(`${name} is cut off at the side`);
  if (!fields && clips(style.overflowY) && element.scrollHeight > element.clientHeight + 1) found.push(`${name} is cut off below`);
}
return found;
";

/// WCAG 2.2 SC 1.4.12, as a reader's own style sheet sets it.
const SPACING: &str = r"
const sheet = new CSSStyleSheet();
sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }');
document.adoptedStyleSheets = arguments[0] ? [sheet] : [];
";

/// How the element with the focus shows that it has it: the outline's width, colour included, in CSS pixels; none: 0.
const FOCUS: &str = r"
const focused = document.activeElement;
if (!focused || focused === document.body) return null;
const style = getComputedStyle(focused);
const box = focused.getBoundingClientRect();
const seen = style.outlineStyle !== 'none' ? parseFloat(style.outlineWidth) : 0;
return {
  name: (focused.tagName === 'BUTTON' && focused.value) || focused.name || focused.getAttribute('href') || focused.id || focused.tagName,
  outline: seen,
  on_screen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
};
";

/// The element that has the focus.
#[derive(Debug)]
pub struct Focus {
    pub name: String,
    pub outline: f64,
    pub on_screen: bool,
}

impl Browser {
    /// What axe-core finds: rule, element and why.
    pub async fn axe(&self) -> Vec<String> {
        self.run_axe(Value::Null).await
    }

    /// Contrast alone, where nothing but the colours changed.
    pub async fn contrast(&self) -> Vec<String> {
        self.run_axe(json!(["color-contrast"])).await
    }

    async fn run_axe(&self, only: Value) -> Vec<String> {
        if self.js("return typeof axe", json!([])).await != "object" {
            self.js(AXE, json!([])).await;
        }
        lines(self.js_later(RUN, json!([only])).await)
    }

    /// What does not fit on a screen of this width.
    pub async fn misfits(&self, screen: Screen) -> Vec<String> {
        lines(self.js(MISFITS, json!([screen.width])).await)
    }

    /// What does not fit at 320 pixels, at 200 %, and with the text spaced.
    pub async fn misfits_when_enlarged(&self) -> Vec<String> {
        let mut found = vec![];
        for (screen, spaced) in [(ZOOMED, false), (NARROW, false), (NARROW, true)] {
            self.resize(screen).await;
            self.js(SPACING, json!([spaced])).await;
            let how = if spaced { "spaced" } else { screen.name };
            found.extend(self.misfits(screen).await.into_iter().map(|misfit| format!("{how}: {misfit}")));
        }
        self.js(SPACING, json!([false])).await;
        found
    }

    pub async fn focus(&self) -> Option<Focus> {
        let focus = self.js(FOCUS, json!([])).await;
        let name = focus["name"].as_str()?.to_owned();
        Some(Focus { name, outline: focus["outline"].as_f64()?, on_screen: focus["on_screen"] == true })
    }

    /// Keeps a picture in `target/screenshots/{bank}/{lang}/`.
    pub async fn keep_picture(&self, bank: &str, lang: &str, page: &str, screen: &str) {
        let folder = screenshots().join(bank).join(lang);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{page}.{screen}.png")), self.picture().await).unwrap();
    }
}

/// As strings; of very many, the first.
fn lines(found: Value) -> Vec<String> {
    found.as_array().unwrap().iter().take(20).map(|line| line.as_str().unwrap().to_owned()).collect()
}

pub fn screenshots() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots")
}

/// Takes away the pictures of an earlier run.
pub fn forget_pictures(bank: &str) {
    let _ = fs::remove_dir_all(screenshots().join(bank));
}

/// Writes `target/screenshots/index.html`: a row for each page, a column for each language.
pub fn write_index() {
    let names = |dir: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let root = screenshots();
    let mut html = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Every page</title><style>\
        body{font:1rem/1.4 system-ui,sans-serif;margin:1rem}td{vertical-align:top;padding:.25rem}th{text-align:start}\
        img{display:block;width:100%;border:1px solid #999}.phone img{width:15rem}.desktop img{width:30rem}.dark img{width:15rem}</style>"
        .to_owned();
    let banks = names(&root).into_iter().filter(|bank| root.join(bank).is_dir());
    for bank in banks {
        let langs = names(&root.join(&bank));
        let mut rows = BTreeMap::<String, BTreeMap<&str, ()>>::new();
        for lang in &langs {
            for file in names(&root.join(&bank).join(lang)) {
                rows.entry(file).or_default().insert(lang, ());
            }
        }
        write!(html, "<h1>{bank}</h1><table>").unwrap();
        for (file, langs) in rows {
            let page = file.trim_end_matches(".png");
            let screen = page.rsplit('.').next().unwrap();
            write!(html, "<tr><th colspan=\"4\">{page}<tr class=\"{screen}\">").unwrap();
            for lang in langs.keys() {
                let src = format!("{bank}/{lang}/{file}");
                write!(html, "<td>{lang} <a href=\"{src}\"><img loading=\"lazy\" src=\"{src}\" alt=\"{page} in {lang}\"></a>").unwrap();
            }
        }
        html.push_str("</table>");
    }
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("index.html"), html).unwrap();
}
