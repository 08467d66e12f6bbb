//! Each operation of each machine endpoint, with each certificate that is not the client's own: who learns what.

use crate::harness::{Bank, Brand, Client, Reply, Tpp, bank::BRANDS, wire::Wire};
use guichet::oauth::tpp::PspRole::{AccountInformation, AccountServicing, PaymentInitiation};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;

/// What a TPP's software does, in an order in which nothing ends what a later one needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    Explain,
    Register,
    Read,
    Update,
    ClientCredentials,
    Code,
    Refresh,
    Revoke,
    Delete,
}

use Operation::{ClientCredentials, Code, Delete, Explain, Read, Refresh, Register, Revoke, Update};

const OPERATIONS: [Operation; 9] = [Explain, Register, Read, Update, ClientCredentials, Code, Refresh, Revoke, Delete];

/// Who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    NoCertificate,
    Flawed(&'static str),
    OtherOrganisation,
    LostTheRole,
    Itself,
}

use Who::{Flawed, Itself, LostTheRole, NoCertificate, OtherOrganisation};

const EVERYBODY: [Who; 8] =
    [NoCertificate, Flawed("expired"), Flawed("untrusted"), Flawed("revoked"), Flawed("qsealc"), OtherOrganisation, LostTheRole, Itself];

/// Status, `error`, and how the description begins.
type Expected = (u16, &'static str, &'static str);

fn expected(operation: Operation, who: Who) -> Expected {
    let done = match operation {
        Register => (201, "", ""),
        Delete => (204, "", ""),
        Explain | Read | Update | ClientCredentials | Code | Refresh | Revoke => (200, "", ""),
    };
    match (who, operation) {
        // everybody learns what is wrong with their own certificate
        (_, Explain) => done,
        (NoCertificate, _) => (401, "invalid_client", "CERTIFICATE_MISSING"),
        (Flawed("expired"), _) => (401, "invalid_client", "CERTIFICATE_EXPIRED"),
        (Flawed("untrusted"), _) => (401, "invalid_client", "ISSUER_NOT_TRUSTED"),
        (Flawed("revoked"), _) => (401, "invalid_client", "CERTIFICATE_REVOKED"),
        (Flawed(_), _) => (401, "invalid_client", "KEY_USAGE_NO_DIGITAL_SIGNATURE, EKU_MISSING, QSEAL_CERTIFICATE"),
        // a client of its own
        (OtherOrganisation, Register) => done,
        (OtherOrganisation, Read | Update | Delete) => (401, "invalid_token", "no such client, or not yours"),
        (OtherOrganisation, ClientCredentials | Code | Refresh | Revoke) => (401, "invalid_client", "client authentication failed"),
        (LostTheRole, Register | Update) => (400, "invalid_client_metadata", "scope: ROLE_INVALID"),
        (LostTheRole, ClientCredentials | Code | Refresh) => (400, "invalid_scope", "ROLE_INVALID"),
        // giving something up needs no role
        (LostTheRole, Read | Revoke | Delete) | (Itself, _) => done,
    }
}

/// What the operations need: made anew for each round, because some spend it.
struct Stock<'a> {
    client: Client<'a>,
    channel: &'static str,
    code: String,
    refresh: Option<String>,
    access: String,
}

async fn stock<'a>(tpp: &Tpp<'a>, brand: Brand, channel: &'static str, round: usize) -> Stock<'a> {
    let mut metadata = Tpp::metadata(brand);
    metadata["client_name"] = json!(format!("Round {round}"));
    let client = tpp.register_as(brand, &metadata).await;
    let tokens = client.tokens(channel, "aisp").await;
    let code = client.approved(channel, "aisp").await.code().to_owned();
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    Stock { refresh: tokens["refresh_token"].as_str().map(str::to_owned), client, channel, code, access }
}

/// `None`: the bank does not have it.
async fn perform(stock: &Stock<'_>, operation: Operation, wire: &Wire, fresh_name: &str) -> Option<Reply> {
    let client = &stock.client;
    let client = client.over(&Tpp { wire: wire.clone(), ..client.tpp.clone() });
    let mut metadata = Tpp::metadata(client.brand);
    Some(match operation {
        Explain => wire.get(&format!("{}/{}/certificate", client.tpp.bank.origin(client.brand.tpp_host), client.brand.id)).await,
        Register => {
            metadata["client_name"] = json!(fresh_name);
            client.tpp.try_register(client.brand, &metadata).await
        }
        Read => client.tpp.wire.get(client.registration_uri()).await,
        Update if !client.brand.update => return None,
        Update => {
            metadata["client_id"] = json!(client.id);
            client.manage(Method::PUT, &metadata).await
        }
        ClientCredentials => client.client_credentials().await,
        Code => client.redeem(stock.channel, "aisp", &stock.code).await,
        Refresh => client.refresh(stock.refresh.as_ref()?).await,
        Revoke => client.revoke(&stock.access).await,
        Delete => client.delete().await,
    })
}

async fn every_cell(brand: Brand) {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation, PaymentInitiation]);
    let mut seen = BTreeSet::new();
    for (round, who) in EVERYBODY.into_iter().enumerate() {
        let channel = brand.channels[round % brand.channels.len()].0;
        let stock = stock(&tpp, brand, channel, round).await;
        let wire = match who {
            NoCertificate => bank.browser(),
            Flawed(name) => Wire::with_file(&bank, name),
            OtherOrganisation => bank.tpp([AccountInformation, PaymentInitiation]).wire,
            LostTheRole => bank.tpp_named(&tpp.organisation, [AccountServicing]).wire,
            Itself => tpp.wire.clone(),
        };
        for operation in OPERATIONS {
            let Some(reply) = perform(&stock, operation, &wire, &format!("{who:?}")).await else { continue };
            let (status, error, description) = expected(operation, who);
            let case = format!("{} {operation:?} {who:?}", brand.id);
            assert_eq!(reply.status, status, "{case}: {reply:?}");
            assert!(reply.header("cache-control").contains("no-store"), "{case}: {reply:?}");
            if status >= 400 {
                assert_eq!(reply.error(), error, "{case}: {reply:?}");
                assert!(reply.description().starts_with(description), "{case}: {reply:?}");
            }
            if status == 401 {
                assert!(!reply.header("www-authenticate").is_empty(), "{case}");
            }
            seen.insert((operation, who));
        }
        // whoever was turned away left no trace
        if !matches!(who, LostTheRole | Itself) {
            assert!(stock.client.is_active(&stock.access).await, "{who:?}");
            stock.client.redeem(channel, "aisp", &stock.code).await.ok(200);
        }
    }
    let missing = usize::from(!brand.update) + usize::from(!brand.refresh);
    assert_eq!(seen.len(), (OPERATIONS.len() - missing) * EVERYBODY.len(), "every cell of the table");
}

#[tokio::test]
async fn b39_cic() {
    every_cell(BRANDS[0]).await;
}

#[tokio::test]
async fn b39_labanquepostale() {
    every_cell(BRANDS[1]).await;
}
