//! Reading an OpenAPI 3 document for display. Whatever is absent or of another shape is left out; nothing is fetched.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Hops of `$ref`, and levels of schemas within schemas, that are followed.
const MAX_DEPTH: usize = 8;

const METHODS: [&str; 8] = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];

pub(super) struct Api {
    pub title: String,
    pub version: String,
    pub description: Vec<Paragraph>,
    pub servers: Vec<String>,
    pub operations: Vec<Operation>,
    pub schemas: Vec<Schema>,
}

/// Text with the parts in backticks told apart.
pub(super) type Paragraph = Vec<Span>;

pub(super) struct Span {
    pub text: String,
    pub code: bool,
}

pub(super) struct Operation {
    pub anchor: String,
    pub method: String,
    pub path: String,
    pub summary: String,
    pub description: Vec<Paragraph>,
    pub deprecated: bool,
    pub parameters: Vec<Field>,
    pub bodies: Vec<Body>,
    pub responses: Vec<Answer>,
    pub errors: Vec<ErrorRow>,
}

/// A parameter, a header or a member of an object.
pub(super) struct Field {
    pub name: String,
    /// `query`, `path`, `header`, `cookie`; empty for members.
    pub place: String,
    pub required: bool,
    pub kind: Kind,
    pub description: Vec<Paragraph>,
}

/// A type in words, and the anchor of the named schema in it, if any.
#[derive(Default)]
pub(super) struct Kind {
    pub text: String,
    pub anchor: Option<String>,
}

pub(super) struct Body {
    pub media_type: String,
    pub required: bool,
    pub kind: Kind,
    pub fields: Vec<Field>,
}

pub(super) struct Answer {
    pub status: String,
    pub description: Vec<Paragraph>,
    pub headers: Vec<Field>,
    pub bodies: Vec<Body>,
}

/// One `error` a response may carry, from the document's examples; without examples, the status alone.
pub(super) struct ErrorRow {
    pub status: String,
    pub code: String,
    pub description: Vec<Paragraph>,
}

pub(super) struct Schema {
    pub anchor: String,
    pub name: String,
    pub kind: Kind,
    pub description: Vec<Paragraph>,
    pub fields: Vec<Field>,
}

impl Api {
    pub fn read(document: &Value) -> Self {
        let reader = Reader { document };
        let info = &document["info"];
        Self {
            title: text(&info["title"]),
            version: text(&info["version"]),
            description: prose(&info["description"]),
            servers: items(&document["servers"]).map(|s| text(&s["url"])).filter(|u| !u.is_empty()).collect(),
            operations: reader.operations(),
            schemas: members(&document["components"]["schemas"]).map(|(name, schema)| reader.schema(name, schema)).collect(),
        }
    }
}

struct Reader<'a> {
    document: &'a Value,
}

impl<'a> Reader<'a> {
    fn operations(&self) -> Vec<Operation> {
        let mut anchors = BTreeMap::new();
        let mut operations = vec![];
        for (path, item) in members(&self.document["paths"]) {
            let item = self.resolve(item);
            for method in METHODS {
                if let Some(operation) = item.get(method).filter(|o| o.is_object()) {
                    let anchor = unique(&mut anchors, &format!("{method}-{path}"));
                    operations.push(self.operation(anchor, method, path, &item["parameters"], operation));
                }
            }
        }
        operations
    }

    fn operation(&self, anchor: String, method: &str, path: &str, shared: &'a Value, operation: &'a Value) -> Operation {
        let responses: Vec<_> = members(&operation["responses"]).map(|(status, r)| (status, self.resolve(r))).collect();
        let (errors, answers): (Vec<_>, Vec<_>) = responses.into_iter().partition(|(status, _)| status.starts_with(['4', '5']));
        Operation {
            anchor,
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: prose(&operation["description"]),
            deprecated: operation["deprecated"] == true,
            parameters: self.parameters(shared, &operation["parameters"]),
            bodies: self.request_bodies(&operation["requestBody"]),
            responses: answers.into_iter().map(|(status, response)| self.answer(status, response)).collect(),
            errors: errors.into_iter().flat_map(|(status, response)| self.error_rows(status, response)).collect(),
        }
    }

    /// The operation's own parameters win over the path's of the same name and place (OpenAPI 3.1 s4.8.9).
    fn parameters(&self, shared: &'a Value, own: &'a Value) -> Vec<Field> {
        let mut seen = BTreeSet::new();
        let all = items(own).chain(items(shared)).map(|p| self.resolve(p));
        all.filter(|p| seen.insert((text(&p["in"]), text(&p["name"])))).map(|p| self.parameter(&text(&p["name"]), p)).collect()
    }

    /// A parameter object, or a header object, which has its name outside.
    fn parameter(&self, name: &str, parameter: &'a Value) -> Field {
        let schema = &parameter["schema"];
        let own = prose(&parameter["description"]);
        let description = if own.is_empty() { prose(&self.resolve(schema)["description"]) } else { own };
        Field {
            name: name.to_owned(),
            place: text(&parameter["in"]),
            required: parameter["required"] == true,
            kind: self.kind(schema, 0),
            description: with_limits(description, schema),
        }
    }

    fn request_bodies(&self, body: &'a Value) -> Vec<Body> {
        let body = self.resolve(body);
        self.bodies(&body["content"], body["required"] == true)
    }

    fn bodies(&self, content: &'a Value, required: bool) -> Vec<Body> {
        let body = |(media_type, media): (&str, &'a Value)| Body {
            media_type: media_type.to_owned(),
            required,
            kind: self.kind(&media["schema"], 0),
            fields: self.fields(&media["schema"]),
        };
        members(content).map(body).collect()
    }

    fn answer(&self, status: &str, response: &'a Value) -> Answer {
        Answer {
            status: status.to_owned(),
            description: prose(&response["description"]),
            headers: members(&response["headers"]).map(|(name, header)| self.parameter(name, self.resolve(header))).collect(),
            bodies: self.bodies(&response["content"], false),
        }
    }

    fn error_rows(&self, status: &str, response: &'a Value) -> Vec<ErrorRow> {
        let examples = members(&response["content"]).flat_map(|(_, media)| {
            let many = members(&media["examples"]).map(|(_, example)| &self.resolve(example)["value"]);
            many.chain(media.get("example"))
        });
        let told: Vec<_> = examples.filter_map(|example| error_row(status, example)).collect();
        if !told.is_empty() {
            return told;
        }
        vec![ErrorRow { status: status.to_owned(), code: String::new(), description: prose(&response["description"]) }]
    }

    fn schema(&self, name: &str, schema: &'a Value) -> Schema {
        Schema {
            anchor: schema_anchor(name),
            name: name.to_owned(),
            kind: self.kind(schema, 0),
            description: with_limits(prose(&schema["description"]), schema),
            fields: self.fields(schema),
        }
    }

    /// The members of an object, those of its `allOf` parts included; each named schema is entered once.
    fn fields(&self, schema: &'a Value) -> Vec<Field> {
        let (mut fields, mut entered, mut open) = (vec![], BTreeSet::new(), vec![schema]);
        while let Some(next) = open.pop() {
            if let Some(name) = next["$ref"].as_str()
                && !entered.insert(name)
            {
                continue;
            }
            let schema = self.resolve(next);
            let required: BTreeSet<_> = items(&schema["required"]).filter_map(Value::as_str).collect();
            fields.extend(members(&schema["properties"]).map(|(name, property)| self.member(name, property, required.contains(name))));
            open.extend(items(&schema["allOf"]));
        }
        fields
    }

    fn member(&self, name: &str, property: &'a Value, required: bool) -> Field {
        let own = prose(&property["description"]);
        let description = if own.is_empty() { prose(&self.resolve(property)["description"]) } else { own };
        let kind = self.kind(property, 0);
        Field { name: name.to_owned(), place: String::new(), required, kind, description: with_limits(description, property) }
    }

    fn kind(&self, schema: &Value, depth: usize) -> Kind {
        if depth > MAX_DEPTH {
            return Kind { text: "any".to_owned(), anchor: None };
        }
        if let Some(name) = schema["$ref"].as_str().map(last_segment) {
            let known = self.document["components"]["schemas"].get(&name).is_some();
            return Kind { anchor: known.then(|| schema_anchor(&name)), text: name };
        }
        for (key, glue) in [("allOf", " and "), ("oneOf", " or "), ("anyOf", " or ")] {
            if let Some(parts) = schema[key].as_array().filter(|p| !p.is_empty()) {
                return joined(parts.iter().map(|part| self.kind(part, depth + 1)), glue);
            }
        }
        if schema["type"] == "array" {
            let of = self.kind(&schema["items"], depth + 1);
            return Kind { text: format!("array of {}", of.text), anchor: of.anchor };
        }
        Kind { text: simple_kind(schema), anchor: None }
    }

    /// Follows `$ref` within the document; a dangling or circular one is left as it stands.
    fn resolve(&self, value: &'a Value) -> &'a Value {
        let mut value = value;
        for _ in 0..MAX_DEPTH {
            let target = value["$ref"].as_str().and_then(|r| self.document.pointer(r.strip_prefix('#')?));
            let Some(target) = target else { break };
            value = target;
        }
        value
    }
}

fn error_row(status: &str, example: &Value) -> Option<ErrorRow> {
    let code = example["error"].as_str()?.to_owned();
    Some(ErrorRow { status: status.to_owned(), code, description: prose(&example["error_description"]) })
}

fn joined(kinds: impl Iterator<Item = Kind>, glue: &str) -> Kind {
    let mut whole = Kind::default();
    for kind in kinds {
        if !whole.text.is_empty() {
            whole.text.push_str(glue);
        }
        whole.text.push_str(&kind.text);
        whole.anchor = whole.anchor.or(kind.anchor);
    }
    whole
}

/// `string (uri)`, `"a" or "b"`, `string or null`.
fn simple_kind(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array().filter(|v| !v.is_empty()) {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    let name = match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "any".to_owned(),
    };
    schema["format"].as_str().map_or_else(|| name.clone(), |format| format!("{name} ({format})"))
}

/// The limits of a value, said after its description.
fn with_limits(mut description: Vec<Paragraph>, schema: &Value) -> Vec<Paragraph> {
    let limits = [
        ("default", "Default"),
        ("minimum", "At least"),
        ("maximum", "At most"),
        ("minLength", "Shortest"),
        ("maxLength", "Longest"),
        ("maxItems", "Items at most"),
        ("pattern", "Pattern"),
        ("example", "Example"),
    ];
    let told = limits.into_iter().filter_map(|(key, word)| {
        let value = schema.get(key)?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some([
            Span { text: format!("{word}: "), code: false },
            Span { text: value, code: true },
            Span { text: ". ".to_owned(), code: false },
        ])
    });
    let told: Paragraph = told.flatten().collect();
    if !told.is_empty() {
        description.push(told);
    }
    description
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

/// Paragraphs end at an empty line; text between backticks is code.
fn prose(value: &Value) -> Vec<Paragraph> {
    let text = value.as_str().unwrap_or_default().replace("\r\n", "\n");
    text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).map(spans).collect()
}

fn spans(paragraph: &str) -> Paragraph {
    let parts = paragraph.split('`').enumerate().filter(|(_, text)| !text.is_empty());
    parts.map(|(i, text)| Span { text: text.to_owned(), code: i % 2 == 1 }).collect()
}

fn last_segment(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or(reference).replace("~1", "/").replace("~0", "~")
}

fn schema_anchor(name: &str) -> String {
    format!("schema-{}", slug(name))
}

/// Letters and digits of ASCII, the rest as single hyphens.
fn slug(name: &str) -> String {
    let kept: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { ' ' }).collect();
    kept.split_whitespace().collect::<Vec<_>>().join("-")
}

/// The name's slug, numbered from its second use on.
fn unique(taken: &mut BTreeMap<String, usize>, name: &str) -> String {
    let slug = slug(name);
    let uses = taken.entry(slug.clone()).or_insert(0);
    *uses += 1;
    if *uses == 1 { slug } else { format!("{slug}--{uses}") }
}
