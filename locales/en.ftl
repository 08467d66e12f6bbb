### Texts of the customer's pages. Every language has the same messages with the same arguments; `pages::check` compares them.

## Shared
sandbox_banner = Sandbox: no real accounts and no real money.
cancel = Cancel and return to { $tpp }
error_prefix = Error:
error_heading = Please check your entry
tpp_heading = Who is asking
tpp_legal_name = Registered company
tpp_authorisation_number = Authorisation number
support_reference = Reference for support
technical_detail = Technical detail
new_tab = (opens in a new tab)
language_name = English

## Signing in
sign_in_title = Sign in
sign_in_lead_aisp = { $tpp } would like to see your account information at { $brand }.
sign_in_lead_extended = { $tpp } would like to see your account information at { $brand }, including older transactions.
sign_in_lead_cbpii = { $tpp } would like to ask { $brand } whether a payment is covered by the money in your account.
sign_in_lead_pisp = { $tpp } would like to initiate a payment from your account at { $brand }.
sign_in_customer = Customer number
sign_in_password = Password
sign_in_button = Sign in
sign_in_wrong = The customer number or the password is not correct. Please check both and try again.
sign_in_missing = Please enter your customer number and your password.
sign_in_sandbox_note = This is a test environment. Sign in as one of the test customers and never enter the password of a real account.
sign_in_customers_link = List of test customers

## Consent
consent_aisp_title = Account information for { $tpp }
consent_aisp_title_explicit = Allow { $tpp } to see your accounts?
consent_aisp_lead = You use { $tpp } to look at your accounts. { $brand } will share the following:
consent_aisp_lead_explicit = If you allow it, { $brand } will share the following with { $tpp }:
data_accounts = your payment accounts, with their numbers and the name of the holder
data_balances = the balances of these accounts
data_transactions = the transactions of the last 90 days
data_history = older transactions too, but only right after this sign-in
consent_aisp_limits = { $tpp } can only look: it cannot make payments with this access.
consent_cbpii_title = Let { $tpp } check that payments are covered?
consent_cbpii_lead = When you pay with a card from { $tpp }, it may ask { $brand } whether the amount is available in your account.
consent_cbpii_answer = { $brand } answers this card issuer, and nobody else, with yes or no only.
consent_cbpii_limits = Your balance and your transactions are not shared, and no money is set aside.
consent_pisp_title = Payments with { $tpp }
consent_pisp_lead = If you continue, { $tpp } may initiate or confirm the payment that you have ordered there.
consent_pisp_details = We have not received the payment details yet, so we cannot show them here. Before you continue, check the amount and the payee at { $tpp }.
consent_pisp_limits = { $tpp } does not see your balance or your transactions through this.
consent_payment_title = Confirm your payment
consent_batch_title = Confirm your payments
consent_standing_order_title = Confirm your standing order
consent_cancellation_title = Do you want to cancel this payment?
consent_payment_lead = You gave this order at { $tpp }. Please check that everything is right.
consent_cancellation_lead = { $tpp } asks us to cancel a payment that has already been ordered.
consent_cancellation_effect = If you confirm, this payment will not be made.
payment_heading = Payment
payment_cancelled_heading = Payment to be cancelled
payment_amount = Amount
payment_total = Total amount
payment_count = Number of payments
payment_payee = Payee
payment_payee_account = Payee’s account
payment_date = Execution date
payment_at_once = As soon as possible
payment_frequency = Repeated
payment_from = From your account
payment_from_several = From your accounts
frequency_daily = every day
frequency_weekly = every week
frequency_two_weeks = every two weeks
frequency_monthly = every month
frequency_two_months = every two months
frequency_quarterly = every three months
frequency_half_yearly = every six months
frequency_yearly = every year
accounts_heading = Accounts
consent_until = This access ends on { $date } at the latest.
consent_until_withdrawn = Your consent is valid until you withdraw it.
consent_withdraw = You can end it at any time, either at { $tpp } or at { $brand }.
continue_button = Continue
allow_button = Allow
approve_payment_button = Continue to approval
approve_cancellation_button = Yes, cancel the payment
keep_payment = No, keep it and return to { $tpp }
simulate_heading = Simulate (sandbox only)
simulate_label = Outcome of the authentication
simulate_hint = Choose how it ends, then continue. { $tpp } receives the code shown in brackets.

## What the simulated authentication can come to
outcome_approved = The customer approves
outcome_cancelled = The customer cancels
outcome_timed_out = The customer does not answer in time
outcome_blocked_after_failures = Third wrong PIN, the service is now blocked
outcome_daily_quota_exceeded = The daily number of authentications is used up
outcome_no_method = The customer has no authentication method
outcome_otp_suspended = Third wrong one-time code, codes are suspended
outcome_wrong_device = The app runs on a device that is not enrolled
outcome_waiting_for_validation = The bank has not validated the method yet
outcome_pending_enrollment = No device is enrolled yet
outcome_suspended_enrollment = Blocked until a device is enrolled
outcome_disabled = The service is switched off
outcome_terminated = The service has been terminated
outcome_suspended = The service is already blocked
outcome_technical = Temporary technical failure

## The bank's app
open_app_title = Continue in the { $brand } app
open_app_lead = Your { $brand } app did not open by itself. Open it to go on there.
open_app_button = Open the app
open_app_here = Continue in this browser
open_app_decoupled = If you continue here, you approve in the { $brand } app on the device that you have registered.
open_app_only = You can only go on in the { $brand } app. If you do not have it, cancel here.

## Choosing accounts
accounts_title_some = Which accounts may { $tpp } see?
accounts_title_one = Which account may { $tpp } see?
accounts_title_cbpii = Which account is the card from { $tpp } linked to?
accounts_title_pisp = From which account do you want to pay?
accounts_choose_some = Choose one account or more
accounts_choose_one = Choose one account
accounts_missing = Please choose an account before you continue.
account_currency = Currency: { $currency }

## Authenticating
methods_title = How do you want to approve?
methods_lead = { $brand } has to make sure that it is you.
methods_app = Approve in the app
methods_otp = Enter a one-time code
challenge_hint = Sent to: { $hint }
challenge_compare = Approve only if you see the same details there.
waiting_title = Approve in your app
waiting_lead = Open your { $brand } app and approve there. Then come back: this page goes on by itself.
waiting_status = Waiting for your approval…
waiting_still = Still waiting for your approval…
waiting_moved = There is an answer. One moment, please…
waiting_offline = No connection at the moment. We keep trying…
waiting_check_now = Check now
otp_title = Enter your one-time code
otp_lead = We have sent you a code. Enter it here to approve.
otp_label = One-time code
otp_button = Approve
otp_wrong = We could not accept this code. Please check it and enter it again.
otp_secret = Enter this code only here. { $brand } never asks you for it by phone or message.
other_method_button = Use another method

## Amounts, as CLDR has them for the language
number_group = { $high },{ $low }
number_decimal = { $whole }.{ $fraction }
number_grouped_from = 4
amount_euro = €{ $number }
amount_other = { $currency } { $number }

## Dates
date = { $day } { $month } { $year }
first_day = 1
month_1 = January
month_2 = February
month_3 = March
month_4 = April
month_5 = May
month_6 = June
month_7 = July
month_8 = August
month_9 = September
month_10 = October
month_11 = November
month_12 = December

## Pages without a way back
notice_unknown_client_title = We do not know this service
notice_unknown_client_text = The service that sent you here is not registered with us, or no longer is. For your safety we have stopped here.
notice_unknown_client_advice = Close this page. If you trust the service, tell its provider about this message.
notice_wrong_redirect_uri_title = We cannot send you back safely
notice_wrong_redirect_uri_text = The return address that we were given does not belong to the service that sent you here. For your safety we have stopped here.
notice_wrong_redirect_uri_advice = Close this page. If you trust the service, tell its provider about this message.
notice_malformed_request_title = This request is not valid
notice_malformed_request_text = The link that brought you here is incomplete or contains an error.
notice_malformed_request_advice = Go back to the service you came from and start again. If it happens again, tell its provider.
notice_expired_interaction_title = Your time has run out
notice_expired_interaction_text = You were inactive for too long, so we ended the process. Nothing was approved.
notice_expired_interaction_advice = Go back to the service you came from and start again.
notice_cookie_lost_title = We have lost your session
notice_cookie_lost_text = Your browser did not send the cookie that we need to recognise you. It may be blocked, or you may have opened the link in another browser.
notice_cookie_lost_advice = Allow cookies for this site, then start again from the service you came from, in the same browser.
notice_already_answered_title = This has already been answered
notice_already_answered_text = Your decision was recorded earlier and cannot be given a second time.
notice_already_answered_advice = Go back to the service you came from. If it is still waiting, start again there.
notice_method_not_allowed_title = This page cannot be opened in this way
notice_method_not_allowed_text = Your browser used this address in a way that is not intended, for example after a reload.
notice_method_not_allowed_advice = Go back to the service you came from and start again.
notice_not_found_title = Page not found
notice_not_found_text = There is nothing at this address.
notice_not_found_advice = Check the address, or go back to the service you came from.
notice_temporarily_unavailable_title = Temporarily unavailable
notice_temporarily_unavailable_text = We cannot process your request at the moment. The fault is on our side.
notice_temporarily_unavailable_advice = Please wait a few minutes, then go back to the service you came from and try again.
notice_too_large_title = This request is too large
notice_too_large_text = More data was sent to us than this page accepts.
notice_too_large_advice = Go back to the service you came from and start again. If it happens again, tell its provider.
notice_home = Start again at { $tpp }
notice_home_advice = Go back to { $tpp } and start again there.

## Test customers
customers_title = Test customers
customers_lead = Each of these customers behaves in a fixed way. Sign in with one to see how your application copes with the outcome.
customers_login = Customer number
customers_password = Password
customers_channel = Answer on { $channel }
customers_code = code
customers_none = No test customers are set up for this brand.

## A TPP that is not served
not_served_title = { $tpp } cannot be used here at present
not_served_text = { $brand } does not give { $tpp } access at present. Nothing was approved and nothing was shared.
not_served_notice = Message from { $brand }
not_served_advice = You can use your account as usual. If you have questions, contact { $brand }.

## Going back
return_title = Back to { $tpp }
return_lead = You are being taken back to { $tpp }. If nothing happens, use this link:
return_link = Continue to { $tpp }
return_cancelled = You cancelled.
return_nothing = Nothing was approved and nothing was shared.
expired_title = The time has run out
failure_title = This was not approved
failure_technical_title = This does not work at the moment
failure_timed_out = Your answer did not come in time, so we stopped here for your safety. You can start again at { $tpp }.
failure_not_confirmed = We could not confirm that it is you, so we stopped here for your safety. Your way to approve may be blocked. Contact { $brand } if you need help.
failure_daily_quota = You have used up the number of approvals that are possible in one day. Please try again tomorrow.
failure_no_method = You have not set up a way to approve yet. Please set one up with { $brand } first.
failure_waiting_for_validation = You have asked for a way to approve, but { $brand } has not activated it yet. Please try again when it is ready.
failure_pending_enrollment = You have not registered a device to approve with yet. Please do so in the { $brand } app first.
failure_suspended_enrollment = Your way to approve is blocked until you register a device. Please do so in the { $brand } app first.
failure_disabled = Your way to approve is switched off. You can switch it on again with { $brand }.
failure_terminated = Your way to approve has been ended. Please set up a new one with { $brand } first.
failure_technical = The fault is on our side. Please wait a few minutes and start again at { $tpp }.
leave_soon = In 10 seconds you will be taken back to { $tpp }.
leave_stay = Stay on this page
leave_stays = You stay here until you continue to { $tpp }.

## Certificates, for developers
certificate_title = Check a certificate
certificate_lead = See what { $brand } reads in your QWAC, which rules it keeps, and what to ask your qualified trust service provider (QTSP) for.
certificate_privacy = What you send is neither stored nor logged. A certificate is public; never send a private key.
certificate_paste_label = Paste the certificate
certificate_paste_hint = PEM, your own certificate first, then its issuers. Base64 without the PEM lines works, too.
certificate_file_label = Or choose a file
certificate_file_hint = PEM or DER, at most { $kilobytes } kB.
certificate_button = Check
certificate_again = Check another certificate
certificate_presented_hint = To see the certificate that your software connects with, call this address with it:
certificate_presented_title = The certificate that you present
certificate_languages = Languages
certificate_empty = Paste a certificate or choose a file.
certificate_both = Either paste text or choose a file, not both.
certificate_unreadable = There is no certificate in it. Expected is PEM (from BEGIN CERTIFICATE to END CERTIFICATE), DER or base64.
certificate_private_key = This contains a private key. We have not processed, stored or logged any of it. Pasting a key into a web page gives it away: treat it as compromised, have the certificate revoked and make a new key.
certificate_accepted = { $brand } accepts this certificate
certificate_accepted_text = It keeps every rule that could be judged now. It does not say whether your software is registered.
certificate_refused = { $brand } refuses this certificate
certificate_refused_text = One broken rule is enough for a refusal. This is wrong with it:
certificate_judged = Judged on { $time } with the trust of { $brand }.
certificate_advice = What to do:
certificate_detail = In detail:
certificate_facts = What it says
certificate_absent = not there
certificate_subject = Subject
certificate_organisation = Organisation
certificate_identifier = Organisation identifier
certificate_roles = Roles
certificate_authority = Competent authority
certificate_validity = Valid
certificate_from_to = { $from } to { $to }
certificate_issuer = Issuer
certificate_serial = Serial number
certificate_key = Key
certificate_signature = Signature algorithm
certificate_key_usage = keyUsage
certificate_extended_key_usage = extendedKeyUsage
certificate_thumbprint = SHA-256 thumbprint
certificate_ocsp = Status by OCSP
certificate_crl = Status by revocation list
certificate_ca_issuers = Issuer’s certificate
certificate_chain = The chain that was found
certificate_chain_this = this certificate
certificate_chain_none = No way to an accepted service was found.
certificate_listed = In the trusted list of { $territory }, number { $sequence }: { $service } of { $provider }.
certificate_configured = The last one is in no trusted list: { $brand } trusts it by its own configuration.
certificate_rules = Rule by rule
certificate_pass = pass
certificate_fail = fail
certificate_warning = odd
certificate_not_reached = not judged
