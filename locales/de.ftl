### Texte der Seiten für Kundinnen und Kunden.

## Shared
sandbox_banner = Testumgebung: keine echten Konten, kein echtes Geld.
cancel = Abbrechen und zurück zu { $tpp }
error_prefix = Fehler:
error_heading = Bitte prüfen Sie Ihre Eingabe
tpp_heading = Wer fragt an
tpp_service = Dienst
tpp_legal_name = Eingetragenes Unternehmen
tpp_authorisation_number = Zulassungsnummer
support_reference = Kennung für den Kundendienst
technical_detail = Technischer Hinweis

## Signing in
sign_in_title = Anmelden
sign_in_lead_aisp = { $tpp } möchte Ihre Kontoinformationen bei { $brand } abrufen.
sign_in_lead_extended = { $tpp } möchte Ihre Kontoinformationen bei { $brand } abrufen, auch ältere Umsätze.
sign_in_lead_cbpii = { $tpp } möchte bei { $brand } nachfragen, ob das Geld auf Ihrem Konto für eine Zahlung ausreicht.
sign_in_lead_pisp = { $tpp } möchte eine Zahlung von Ihrem Konto bei { $brand } auslösen.
sign_in_customer = Kundennummer
sign_in_password = Passwort
sign_in_button = Anmelden
sign_in_wrong = Die Kundennummer oder das Passwort stimmt nicht. Bitte prüfen Sie beides und versuchen Sie es noch einmal.
sign_in_missing = Bitte geben Sie Ihre Kundennummer und Ihr Passwort ein.
sign_in_sandbox_note = Dies ist eine Testumgebung. Melden Sie sich als Testkunde an und geben Sie hier nie das Passwort eines echten Kontos ein.
sign_in_customers_link = Liste der Testkunden

## Consent
consent_aisp_title = Kontoinformationen für { $tpp }
consent_aisp_title_explicit = Darf { $tpp } Ihre Konten einsehen?
consent_aisp_lead = Sie nutzen { $tpp }, um Ihre Konten einzusehen. { $brand } gibt dafür Folgendes weiter:
consent_aisp_lead_explicit = Wenn Sie zustimmen, gibt { $brand } Folgendes an { $tpp } weiter:
data_accounts = Ihre Zahlungskonten mit Kontonummer und Name der Inhaberin oder des Inhabers
data_balances = die Salden dieser Konten
data_transactions = die Umsätze der letzten 90 Tage
data_history = auch ältere Umsätze, aber nur unmittelbar nach dieser Anmeldung
consent_aisp_limits = { $tpp } kann damit nur lesen und keine Zahlungen ausführen.
consent_cbpii_title = Darf { $tpp } prüfen, ob Zahlungen gedeckt sind?
consent_cbpii_lead = Wenn Sie mit einer Karte von { $tpp } bezahlen, darf dieser Anbieter bei { $brand } nachfragen, ob der Betrag auf Ihrem Konto verfügbar ist.
consent_cbpii_answer = { $brand } antwortet nur diesem Kartenherausgeber, und nur mit Ja oder Nein.
consent_cbpii_limits = Ihr Kontostand und Ihre Umsätze werden nicht weitergegeben, und es wird kein Geld reserviert.
consent_pisp_title = Zahlungen mit { $tpp }
consent_pisp_lead = Wenn Sie fortfahren, darf { $tpp } die Zahlung auslösen oder bestätigen, die Sie dort in Auftrag gegeben haben.
consent_pisp_details = Die Angaben zur Zahlung liegen uns noch nicht vor, deshalb können wir sie hier nicht anzeigen. Prüfen Sie Betrag und Empfänger bei { $tpp }, bevor Sie fortfahren.
consent_pisp_limits = Ihren Kontostand und Ihre Umsätze sieht { $tpp } dadurch nicht.
consent_until = Dieser Zugriff endet spätestens am { $date }.
consent_until_withdrawn = Ihre Zustimmung gilt, bis Sie sie widerrufen.
consent_withdraw = Sie können das jederzeit beenden, bei { $tpp } oder bei { $brand }.
continue_button = Weiter
allow_button = Zustimmen
simulate_heading = Simulation (nur Testumgebung)
simulate_label = Ergebnis der Authentifizierung
simulate_hint = Wählen Sie, wie es ausgehen soll, und fahren Sie fort. { $tpp } erhält den Code in Klammern.

## What the simulated authentication can come to
outcome_approved = Der Kunde gibt frei
outcome_cancelled = Der Kunde bricht ab
outcome_timed_out = Der Kunde antwortet nicht rechtzeitig
outcome_blocked_after_failures = Dritte falsche PIN, der Dienst ist jetzt gesperrt
outcome_daily_quota_exceeded = Die Zahl der Authentifizierungen pro Tag ist erreicht
outcome_no_method = Der Kunde hat kein Verfahren zur Authentifizierung
outcome_otp_suspended = Dritter falscher Einmalcode, Codes sind gesperrt
outcome_wrong_device = Die App läuft auf einem nicht registrierten Gerät
outcome_waiting_for_validation = Die Bank hat das Verfahren noch nicht freigeschaltet
outcome_pending_enrollment = Es ist noch kein Gerät registriert
outcome_suspended_enrollment = Gesperrt, bis ein Gerät registriert ist
outcome_disabled = Der Dienst ist abgeschaltet
outcome_terminated = Der Dienst ist gekündigt
outcome_suspended = Der Dienst ist bereits gesperrt
outcome_technical = Vorübergehende technische Störung

## Dates
date = { $day }. { $month } { $year }
first_day = 1
month_1 = Januar
month_2 = Februar
month_3 = März
month_4 = April
month_5 = Mai
month_6 = Juni
month_7 = Juli
month_8 = August
month_9 = September
month_10 = Oktober
month_11 = November
month_12 = Dezember

## Pages without a way back
notice_unknown_client_title = Wir kennen diesen Dienst nicht
notice_unknown_client_text = Der Dienst, von dem Sie kommen, ist bei uns nicht oder nicht mehr registriert. Zu Ihrer Sicherheit haben wir den Vorgang hier angehalten.
notice_unknown_client_advice = Schließen Sie diese Seite. Wenn Sie dem Dienst vertrauen, melden Sie dem Anbieter diese Nachricht.
notice_wrong_redirect_uri_title = Wir können Sie nicht sicher zurückleiten
notice_wrong_redirect_uri_text = Die Rücksprungadresse gehört nicht zu dem Dienst, von dem Sie kommen. Zu Ihrer Sicherheit haben wir den Vorgang hier angehalten.
notice_wrong_redirect_uri_advice = Schließen Sie diese Seite. Wenn Sie dem Dienst vertrauen, melden Sie dem Anbieter diese Nachricht.
notice_malformed_request_title = Diese Anfrage ist ungültig
notice_malformed_request_text = Der Link, über den Sie gekommen sind, ist unvollständig oder fehlerhaft.
notice_malformed_request_advice = Gehen Sie zurück zu dem Dienst, von dem Sie kommen, und beginnen Sie neu. Wenn es wieder passiert, melden Sie es dem Anbieter.
notice_expired_interaction_title = Die Zeit ist abgelaufen
notice_expired_interaction_text = Sie waren zu lange inaktiv, deshalb haben wir den Vorgang beendet. Es wurde nichts freigegeben.
notice_expired_interaction_advice = Gehen Sie zurück zu dem Dienst, von dem Sie kommen, und beginnen Sie neu.
notice_cookie_lost_title = Ihre Sitzung ist verloren gegangen
notice_cookie_lost_text = Ihr Browser hat das Cookie nicht gesendet, an dem wir Sie erkennen. Vielleicht ist es blockiert, oder Sie haben den Link in einem anderen Browser geöffnet.
notice_cookie_lost_advice = Erlauben Sie Cookies für diese Seite und beginnen Sie im selben Browser neu bei dem Dienst, von dem Sie kommen.
notice_already_answered_title = Diese Anfrage ist schon beantwortet
notice_already_answered_text = Ihre Entscheidung ist bereits gespeichert und kann nicht ein zweites Mal abgegeben werden.
notice_already_answered_advice = Gehen Sie zurück zu dem Dienst, von dem Sie kommen. Wenn er noch wartet, beginnen Sie dort neu.
notice_method_not_allowed_title = Diese Seite lässt sich so nicht öffnen
notice_method_not_allowed_text = Ihr Browser hat diese Adresse auf eine Weise aufgerufen, die nicht vorgesehen ist, zum Beispiel durch Neuladen.
notice_method_not_allowed_advice = Gehen Sie zurück zu dem Dienst, von dem Sie kommen, und beginnen Sie neu.
notice_not_found_title = Seite nicht gefunden
notice_not_found_text = Unter dieser Adresse gibt es nichts.
notice_not_found_advice = Prüfen Sie die Adresse oder gehen Sie zurück zu dem Dienst, von dem Sie kommen.
notice_temporarily_unavailable_title = Vorübergehend nicht verfügbar
notice_temporarily_unavailable_text = Wir können Ihre Anfrage im Moment nicht bearbeiten. Der Fehler liegt bei uns.
notice_temporarily_unavailable_advice = Bitte warten Sie ein paar Minuten, gehen Sie dann zurück zu dem Dienst, von dem Sie kommen, und versuchen Sie es noch einmal.
notice_too_large_title = Diese Anfrage ist zu groß
notice_too_large_text = Es wurden mehr Daten gesendet, als diese Seite annimmt.
notice_too_large_advice = Gehen Sie zurück zu dem Dienst, von dem Sie kommen, und beginnen Sie neu. Wenn es wieder passiert, melden Sie es dem Anbieter.

## Test customers
customers_title = Testkunden
customers_lead = Jeder dieser Kunden verhält sich auf eine festgelegte Weise. Melden Sie sich mit einem davon an, um zu sehen, wie Ihre Anwendung mit dem Ergebnis umgeht.
customers_login = Kundennummer
customers_password = Passwort
customers_channel = Antwort auf { $channel }
customers_code = Code
customers_none = Für diese Marke sind keine Testkunden eingerichtet.

## A TPP that is not served
not_served_title = { $tpp } kann hier zurzeit nicht genutzt werden
not_served_text = { $brand } gewährt { $tpp } zurzeit keinen Zugang. Es wurde nichts freigegeben und nichts weitergegeben.
not_served_notice = Mitteilung von { $brand }
not_served_advice = Ihr Konto können Sie wie gewohnt nutzen. Bei Fragen wenden Sie sich an { $brand }.

## Going back
return_title = Zurück zu { $tpp }
return_lead = Sie werden zu { $tpp } zurückgeleitet. Wenn nichts passiert, nutzen Sie diesen Link:
return_link = Weiter zu { $tpp }
