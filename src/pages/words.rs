//! What a scope asks for, in words, for pages that are not ours: the bank's portal and its app.

use super::{Texts, consent::Request};
use crate::oauth::{brand::Lang, scope::Scope};

/// One sentence or phrase each, as our own consent page tells it.
pub fn scope_in_words(lang: Lang, brand: &str, tpp: &str, scope: &Scope) -> Vec<String> {
    let t = Texts::of(lang);
    match Request::of(scope) {
        Request::AccountInformation { extended } => {
            let history = extended.then(|| t.data_history());
            [t.data_accounts(), t.data_balances(), t.data_transactions()].into_iter().chain(history).collect()
        }
        Request::FundsConfirmation => vec![t.consent_cbpii_lead(brand, tpp), t.consent_cbpii_answer(brand), t.consent_cbpii_limits()],
        Request::Payment => vec![t.consent_pisp_lead(tpp)],
    }
}
