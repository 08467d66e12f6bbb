//! The statements that every call of a TPP comes to, executed for real on a [`Mass`], and what PostgreSQL did for each.

use super::{
    mass::{Drawn, Mass, digest},
    sql::{self, execute},
    tpp::{CALLBACK, CHALLENGE},
};
use guichet::{
    oauth::{partition::Partition, secret::HandleKind},
    storage::TokenStatement,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use time::Duration;
use uuid::Uuid;

/// A statement with the values of one execution, and the tables that it may touch.
pub struct Hot {
    pub name: String,
    pub text: String,
    arguments: Vec<String>,
    tables: Vec<String>,
    /// What must be so first, in the same transaction.
    before: String,
    /// It finds what it looks for.
    pub finds: bool,
    /// How many tokens it is about.
    tokens: u32,
    /// What was not executed counts, too.
    whole_plan: bool,
}

/// Tables that are one for all; a statement about tokens touches one more.
const COMMON: [&str; 4] = ["clients", "grants", "payments", "audit_events"];
/// Of a plan. What is not here grows with the data, or nobody thought about it yet; "Append" only through the parent.
const STEPS: [&str; 12] = [
    "Index Scan",
    "Index Only Scan",
    "ModifyTable",
    "LockRows",
    "Limit",
    "Nested Loop",
    "CTE Scan",
    "Function Scan",
    "Memoize",
    "Result",
    "Aggregate",
    "Append",
];
/// Pages that an execution touches, all of them index descents and the rows they lead to, for three or four rows read and as many written.
const MOST_PAGES: u64 = 80;

/// Tokens of a call about several.
const SEVERAL: u32 = 20;

/// A live token and a live grant of two clients.
pub struct Example {
    mass: Mass,
    clients: Vec<Uuid>,
    token: Drawn,
    /// Of all tables.
    several: Vec<Drawn>,
    grant: Drawn,
}

impl Example {
    pub async fn draw(mass: &Mass, db: &mut PgConnection) -> Self {
        let (clients, tokens, grants) = (mass.client_ids(db).await, mass.draw_tokens(db, 1000).await, mass.draw_grants(db, 1).await);
        Self { mass: mass.clone(), clients, token: tokens[0], several: tokens[..SEVERAL as usize].to_vec(), grant: grants[0] }
    }

    fn client(&self, drawn: &Drawn) -> String {
        format!("'{}'", self.clients[drawn.client as usize])
    }

    /// The table of the token.
    pub fn table(&self) -> String {
        Partition::of_id(&self.token.id).table()
    }

    /// A new token's id.
    fn new_id(&self) -> Uuid {
        Partition::of(self.mass.now, Duration::hours(3)).id(self.mass.now + Duration::MINUTE, &[0xff; 10])
    }

    /// The statement about the table of its token, or, through the parent, about whichever it is.
    pub fn of(&self, statement: TokenStatement, through_parent: bool) -> Hot {
        let (id, arguments) = match statement {
            TokenStatement::IssueClientCredentials | TokenStatement::RedeemCode | TokenStatement::Refresh | TokenStatement::Rotate => {
                (self.new_id(), self.issuing(statement))
            }
            TokenStatement::IntrospectEach => {
                let tokens = if through_parent { &self.several[..] } else { std::slice::from_ref(&self.token) };
                let ids: Vec<_> = tokens.iter().map(|token| format!("'{}'", token.id)).collect();
                (self.token.id, vec![format!("array[{}]::uuid[]", ids.join(", "))])
            }
            TokenStatement::Introspect => (self.token.id, vec![format!("'{}'", self.token.id)]),
            TokenStatement::Revoke => (self.token.id, self.revoking()),
        };
        let (grant, code) = (self.grant.id, digest(HandleKind::Code));
        let before = match statement {
            TokenStatement::RedeemCode => format!(
                "update grants set code_digest = {code}, code_expires_at = now() + interval '1 minute', code_consumed_at = null,
                                   redirect_uri = '{CALLBACK}', redirect_uri_sent = true, challenge = '{CHALLENGE}' where id = '{grant}'"
            ),
            TokenStatement::IssueClientCredentials
            | TokenStatement::Refresh
            | TokenStatement::Rotate
            | TokenStatement::Introspect
            | TokenStatement::IntrospectEach
            | TokenStatement::Revoke => String::new(),
        };
        let table = Partition::of_id(&id).table();
        let (named, name) = if through_parent { ("tokens", " through the parent") } else { (table.as_str(), "") };
        let several = through_parent && statement == TokenStatement::IntrospectEach;
        let parent = through_parent.then(|| "tokens".to_owned());
        let others = self.several.iter().filter(|_| several).map(|token| Partition::of_id(&token.id).table());
        let tables = COMMON.iter().map(|table| (*table).to_owned()).chain([table.clone()]).chain(parent).chain(others).collect();
        let tokens = if several { SEVERAL } else { 1 };
        Hot {
            name: format!("{statement:?}{name}"),
            text: statement.text(named),
            arguments,
            tables,
            before,
            finds: true,
            tokens,
            whole_plan: false,
        }
    }

    fn issuing(&self, statement: TokenStatement) -> Vec<String> {
        let (id, brand, event) = (self.new_id(), self.mass.brand, Uuid::max());
        let mut arguments = vec![
            format!("'{id}'"),
            digest(HandleKind::AccessToken),
            format!("'{brand}'"),
            self.client(&self.grant),
            "'aisp'".to_owned(),
            "'web'".to_owned(),
            "now()".to_owned(),
            "now() + interval '3 hours'".to_owned(),
            "null".to_owned(),
            format!("'{event}'"),
            "1".to_owned(),
            "'token_issued'".to_owned(),
        ];
        let granted = [format!("'{}'", self.grant.id), "'aisp'".to_owned()];
        match statement {
            TokenStatement::RedeemCode => {
                arguments.extend(granted);
                let bound = [digest(HandleKind::Code), format!("'{CALLBACK}'"), format!("'{CHALLENGE}'"), digest(HandleKind::RefreshToken)];
                arguments.extend(bound);
            }
            TokenStatement::Refresh => {
                arguments.extend(granted);
                arguments.push(digest(HandleKind::RefreshToken));
            }
            TokenStatement::Rotate => {
                arguments.extend(granted);
                arguments.extend([digest(HandleKind::RefreshToken), digest(HandleKind::Code)]);
            }
            TokenStatement::IssueClientCredentials
            | TokenStatement::Introspect
            | TokenStatement::IntrospectEach
            | TokenStatement::Revoke => {}
        }
        arguments
    }

    fn revoking(&self) -> Vec<String> {
        vec![
            format!("'{}'", self.token.id),
            digest(HandleKind::AccessToken),
            format!("'{}'", self.mass.brand),
            self.client(&self.token),
            "1".to_owned(),
            "now()".to_owned(),
            format!("'{}'", Uuid::max()),
            "'token_revoked'".to_owned(),
            "'{pisp}'".to_owned(),
            "'revoked_by_client'".to_owned(),
            "'grant_ended'".to_owned(),
        ]
    }

    /// The statements of the sqlx cache that look up a grant or a token by its id.
    pub fn cached(&self) -> Vec<Hot> {
        let by_id = |text: &str| {
            // an order to end many of them is no grant
            (text.contains("grants") || text.contains("tokens"))
                && !text.contains("grant_sweeps")
                && ["where id = $1", "g.id = $1", "g.id = asked.id"].iter().any(|id| text.contains(id))
        };
        let hot = |statement: sql::Statement| {
            let (of_tokens, table) = (statement.text.contains("tokens"), self.table());
            let id = if of_tokens { self.token.id } else { self.grant.id };
            let arguments = statement.types.iter().map(|kind| value(kind, id)).collect();
            let of_tokens = of_tokens.then(|| ["tokens".to_owned(), table]);
            let tables = COMMON.iter().map(|table| (*table).to_owned()).chain(of_tokens.into_iter().flatten()).collect();
            let name = statement.text.split_whitespace().take(12).collect::<Vec<_>>().join(" ");
            Hot { name, text: statement.text, arguments, tables, before: String::new(), finds: false, tokens: 1, whole_plan: false }
        };
        sql::statements().into_iter().filter(|statement| by_id(&statement.text)).map(hot).collect()
    }

    /// The statement about a table that is still empty, as each is when sessions plan their statements, for good.
    pub fn of_empty_table(&self, statement: TokenStatement) -> Hot {
        let last = *self.mass.partitions().last().unwrap();
        let (table, id) = (last.table(), last.id(self.mass.now, &[0; 10]).to_string());
        let hot = self.of(statement, false);
        let in_it = |argument: &String| {
            [self.token.id, self.new_id()].iter().fold(argument.clone(), |text, own| text.replace(&own.to_string(), &id))
        };
        let tables = COMMON.iter().map(|table| (*table).to_owned()).chain([table.clone()]).collect();
        let arguments = hot.arguments.iter().map(in_it).collect();
        let name = format!("{statement:?} in {table}");
        Hot { name, text: statement.text(&table), arguments, tables, finds: false, whole_plan: true, ..hot }
    }

    /// A statement of the caller's own.
    pub fn other(&self, text: &str, arguments: &[&str]) -> Hot {
        let tables = COMMON.iter().map(|table| (*table).to_owned()).chain([self.table()]).collect();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Hot {
            name: text.to_owned(),
            text: text.to_owned(),
            arguments,
            tables,
            before: String::new(),
            finds: false,
            tokens: 1,
            whole_plan: false,
        }
    }
}

/// Some value of a type.
fn value(kind: &str, id: Uuid) -> String {
    let value = match kind {
        "uuid" => format!("'{id}'"),
        "bytea" => digest(HandleKind::RefreshToken),
        "uuid[]" => format!("array['{id}']"),
        "bytea[]" => format!("array[{}]", digest(HandleKind::RefreshToken)),
        "timestamptz" => "now()".to_owned(),
        "text" => "'cic'".to_owned(),
        "bigint" | "integer" | "smallint" => "1".to_owned(),
        "boolean" => "true".to_owned(),
        other => format!("null::{other}"),
    };
    format!("{value}::{kind}")
}

/// What PostgreSQL did for one execution, of which nothing stays.
pub struct Done {
    plan: Value,
}

impl Hot {
    pub async fn run(&self, db: &mut PgConnection) -> Done {
        self.run_after(db, "").await
    }

    /// With something else done to the database first.
    pub async fn run_after(&self, db: &mut PgConnection, before: &str) -> Done {
        let (given, text) =
            (if self.arguments.is_empty() { String::new() } else { format!("({})", self.arguments.join(", ")) }, &self.text);
        // as on the program's own connections
        let settings = "set local plan_cache_mode = force_generic_plan; set local enable_seqscan = off";
        execute(db, format!("begin; {settings}; {before}; {}; prepare hot as {text}", self.before)).await;
        let explain = format!("explain (analyze, buffers, timing off, format json) execute hot{given}");
        let plan: Value =
            sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut *db).await.unwrap_or_else(|e| panic!("{}: {e}", self.name));
        execute(db, "rollback; deallocate hot".to_owned()).await;
        Done { plan: plan[0]["Plan"].clone() }
    }

    /// What in it costs more as the bank grows.
    pub fn faults(&self, done: &Done) -> Vec<String> {
        let mut faults = vec![];
        self.faults_below(&done.plan, &mut faults);
        if done.pages() > MOST_PAGES * u64::from(self.tokens) {
            faults.push(format!("{} pages", done.pages()));
        }
        if self.finds && done.plan["Actual Rows"].as_f64() != Some(self.tokens.into()) {
            faults.push(format!("found nothing: {}", done.plan));
        }
        faults
    }

    fn faults_below(&self, node: &Value, faults: &mut Vec<String>) {
        let count = |name: &str| node[name].as_f64().unwrap_or(0.0);
        for below in node["Plans"].as_array().into_iter().flatten() {
            self.faults_below(below, faults);
        }
        let (step, table) = (node["Node Type"].as_str().unwrap(), node["Relation Name"].as_str());
        // what pruning left out at run time is in the plan, and was not executed
        if count("Actual Loops") == 0.0 && !self.whole_plan {
            return;
        }
        let on = table.or(node["Index Name"].as_str()).unwrap_or("");
        if !STEPS.contains(&step) {
            faults.push(format!("{step} {on}"));
        }
        if step.starts_with("Index") && node["Index Cond"].is_null() {
            faults.push(format!("the whole of {on}"));
        }
        if let Some(table) = table.filter(|table| !self.tables.iter().any(|own| own == table)) {
            faults.push(format!("another table: {table}"));
        }
        if step == "Append" && !self.tables.iter().any(|own| own == "tokens") {
            faults.push("through the parent".to_owned());
        }
        let tokens = f64::from(self.tokens);
        for (name, most) in
            [("Rows Removed by Filter", 1.0), ("Rows Removed by Join Filter", 0.0), ("Actual Rows", tokens), ("Actual Loops", tokens)]
        {
            if count(name) > most {
                faults.push(format!("{step} {on}: {name} {}", count(name)));
            }
        }
    }
}

impl Done {
    /// Pages touched.
    pub fn pages(&self) -> u64 {
        ["Shared Hit Blocks", "Shared Read Blocks"].iter().map(|name| self.plan[name].as_u64().unwrap()).sum()
    }
}
