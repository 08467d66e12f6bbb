//! Guichet: an OAuth 2.0 authorization server for PSD2 interfaces.
//!
//! Each module is a floor, and names only the floors that its row in `tests/it/architecture.rs` allows: judgement does not
//! wait or look outside, SQL, time and chance have one door each, and a bank's ways are data (`config/banks`).
//!
//! ```text
//! main  cli     arguments, verbs, exit codes
//! dev  trial    `guichet dev`: database, certificates, banks of one's own; `guichet try`: a TPP. Only cli names them
//! doctor        what is wrong with an installation, from inside and from outside: facts -> findings. Only cli names it
//! server        settings -> files read, sockets bound, listeners served; reload, stop
//! http          THIN: bytes <-> types. Routes, bodies, answers. Asks flows; never storage or pki
//! pages         HTML, texts of every language, themes
//! flows         THE SHELL: read the clock, load, ask oauth, write, audit, commit
//! admin         PURE: acts of the bank's own people, whether a second one must approve, what they are shown; a signing key's life
//! standing      PURE: blocks, register and merges + a TPP + a time -> what it may do, beside its certificate
//! storage       THE ONLY SQL. One function a question; an outage is never "not found"
//! oauth         PURE CORE: what the RFCs judge. Values and a time in, a verdict out; no waiting, no I/O, no clock
//! pki           PURE: certificate bytes + trust + time -> a verdict with every reason
//! trusted_lists PURE: XML of the EU trusted lists -> verified values or a refusal. Only cli names it, no serving process
//! sca           how a customer is authenticated on our pages: the bank's SCA back end, or the sandbox's scripted customers
//! audit         what the bank must be able to prove later
//! tasks         what a server does beside answering: watches for changes, asks about revocation, keeps tables, tells what expires
//! figures       the regulator's: what is seen of requests, and what days and quarters make of it
//! uses          when grants were last used, until a task writes it down
//! practices     what clients were seen to do, until a task writes it down
//! limits        how much of this process one address, organisation or client may take; in memory, never a statement
//! trust         each brand's trust of today, the verdicts that rest on it, what is known of revocation, clients' keys
//! outbound      the one door to strangers' servers: public addresses alone, bounded in time and size
//! register_file a register's export -> rows, or every mistake with its line. Only cli names it
//! tls           bounded handshakes and connections; proof of the key's possession, no trust in TPPs
//! config        TOML -> checked values, every mistake at once
//! clock         the only doors for time and chance
//! jose          PURE: what others signed -> claims, or why they count for nothing
//! signing       the bank's signing keys: wrapped, published, the one that signs, and what they signed
//! telemetry     log, metrics, traces; the sheet on which a request is noted
//! ```

pub mod admin;
pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dev;
pub mod doctor;
pub mod figures;
pub mod flows;
pub mod http;
pub mod jose;
pub mod limits;
pub mod oauth;
pub mod outbound;
pub mod pages;
pub mod pki;
pub mod practices;
pub mod register_file;
pub mod sca;
pub mod server;
pub mod signing;
pub mod standing;
pub mod storage;
pub mod tasks;
pub mod telemetry;
pub mod tls;
pub mod trial;
pub mod trust;
pub mod trusted_lists;
pub mod uses;
