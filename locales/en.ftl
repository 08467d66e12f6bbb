### Texts of the customer's pages. Every language has the same messages with the same arguments; `pages::check` compares them.

## Shared
sandbox_banner = Sandbox: no real accounts and no real money.
cancel = Cancel and return to { $tpp }
error_prefix = Error:
error_heading = Please check your entry
tpp_heading = Who is asking
tpp_service = Service
tpp_legal_name = Registered company
tpp_authorisation_number = Authorisation number
support_reference = Reference for support
technical_detail = Technical detail

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
consent_until = This access ends on { $date } at the latest.
consent_until_withdrawn = Your consent is valid until you withdraw it.
consent_withdraw = You can end it at any time, either at { $tpp } or at { $brand }.
continue_button = Continue
allow_button = Allow
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

## Dates
date = { $day } { $month } { $year }
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
