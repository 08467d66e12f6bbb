### Texte der Seiten für Kundinnen und Kunden.

## Shared
sandbox_banner = Testumgebung: keine echten Konten, kein echtes Geld.
cancel = Abbrechen und zurück zu { $tpp }
error_prefix = Fehler:
error_heading = Bitte prüfen Sie Ihre Eingabe
tpp_heading = Wer fragt an
tpp_legal_name = Eingetragenes Unternehmen
tpp_authorisation_number = Zulassungsnummer
support_reference = Kennung für den Kundendienst
technical_detail = Technischer Hinweis
new_tab = (öffnet sich in einem neuen Tab)
language_name = Deutsch

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
consent_payment_title = Ihre Zahlung bestätigen
consent_batch_title = Ihre Zahlungen bestätigen
consent_standing_order_title = Ihren Dauerauftrag bestätigen
consent_cancellation_title = Möchten Sie diese Zahlung stornieren?
consent_payment_lead = Sie haben den Auftrag bei { $tpp } erteilt. Bitte prüfen Sie, ob alles stimmt.
consent_cancellation_lead = { $tpp } bittet uns, eine bereits beauftragte Zahlung zu stornieren.
consent_cancellation_effect = Wenn Sie bestätigen, wird diese Zahlung nicht ausgeführt.
payment_heading = Zahlung
payment_cancelled_heading = Zu stornierende Zahlung
payment_amount = Betrag
payment_total = Gesamtbetrag
payment_count = Anzahl der Zahlungen
payment_payee = Empfänger
payment_payee_account = Konto des Empfängers
payment_date = Ausführung am
payment_at_once = So bald wie möglich
payment_frequency = Wiederholung
payment_from = Von Ihrem Konto
payment_from_several = Von Ihren Konten
frequency_daily = täglich
frequency_weekly = wöchentlich
frequency_two_weeks = alle zwei Wochen
frequency_monthly = monatlich
frequency_two_months = alle zwei Monate
frequency_quarterly = alle drei Monate
frequency_half_yearly = alle sechs Monate
frequency_yearly = jährlich
accounts_heading = Konten
consent_until = Dieser Zugriff endet spätestens am { $date }.
consent_until_withdrawn = Ihre Zustimmung gilt, bis Sie sie widerrufen.
consent_withdraw = Sie können das jederzeit beenden, bei { $tpp } oder bei { $brand }.
continue_button = Weiter
allow_button = Zustimmen
approve_payment_button = Weiter zur Freigabe
approve_cancellation_button = Ja, Zahlung stornieren
keep_payment = Nein, behalten und zurück zu { $tpp }
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

## The bank's app
open_app_title = Weiter in der App von { $brand }
open_app_lead = Ihre App von { $brand } hat sich nicht von selbst geöffnet. Öffnen Sie sie, um dort weiterzumachen.
open_app_button = App öffnen
open_app_here = In diesem Browser weitermachen
open_app_decoupled = Wenn Sie hier weitermachen, geben Sie in der App von { $brand } auf Ihrem registrierten Gerät frei.
open_app_only = Weiter geht es nur in der App von { $brand }. Wenn Sie sie nicht haben, brechen Sie hier ab.

## Choosing accounts
accounts_title_some = Welche Konten darf { $tpp } sehen?
accounts_title_one = Welches Konto darf { $tpp } sehen?
accounts_title_cbpii = Zu welchem Konto gehört die Karte von { $tpp }?
accounts_title_pisp = Von welchem Konto möchten Sie zahlen?
accounts_choose_some = Wählen Sie ein Konto oder mehrere
accounts_choose_one = Wählen Sie ein Konto
accounts_missing = Bitte wählen Sie ein Konto, bevor Sie fortfahren.
account_currency = Währung: { $currency }

## Authenticating
methods_title = Wie möchten Sie freigeben?
methods_lead = { $brand } muss sicher sein, dass Sie es sind.
methods_app = In der App freigeben
methods_otp = Einmalcode eingeben
challenge_hint = Gesendet an: { $hint }
challenge_compare = Geben Sie nur frei, wenn dort dieselben Angaben stehen.
waiting_title = In Ihrer App freigeben
waiting_lead = Öffnen Sie Ihre App von { $brand } und geben Sie dort frei. Kommen Sie dann zurück: Diese Seite geht von selbst weiter.
waiting_status = Wir warten auf Ihre Freigabe…
waiting_still = Wir warten noch auf Ihre Freigabe…
waiting_moved = Es gibt eine Antwort. Einen Moment bitte…
waiting_offline = Zurzeit keine Verbindung. Wir versuchen es weiter…
waiting_check_now = Jetzt prüfen
otp_title = Geben Sie Ihren Einmalcode ein
otp_lead = Wir haben Ihnen einen Code gesendet. Geben Sie ihn hier ein, um freizugeben.
otp_label = Einmalcode
otp_button = Freigeben
otp_wrong = Wir konnten diesen Code nicht annehmen. Bitte prüfen Sie ihn und geben Sie ihn noch einmal ein.
otp_secret = Geben Sie diesen Code nur hier ein. { $brand } fragt Sie nie am Telefon oder per Nachricht danach.
other_method_button = Anderes Verfahren wählen

## Amounts, as CLDR has them for the language
number_group = { $high }.{ $low }
number_decimal = { $whole },{ $fraction }
number_grouped_from = 4
amount_euro = { $number } €
amount_other = { $number } { $currency }

## Dates
date = { $day }. { $month } { $year }
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
notice_home = Bei { $tpp } neu beginnen
notice_home_advice = Gehen Sie zurück zu { $tpp } und beginnen Sie dort neu.

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
return_cancelled = Sie haben abgebrochen.
return_nothing = Es wurde nichts freigegeben und nichts weitergegeben.
expired_title = Die Zeit ist abgelaufen
failure_title = Es wurde nicht freigegeben
failure_technical_title = Das ist im Moment nicht möglich
failure_timed_out = Ihre Antwort kam nicht rechtzeitig, deshalb haben wir zu Ihrer Sicherheit hier angehalten. Sie können bei { $tpp } neu beginnen.
failure_not_confirmed = Wir konnten nicht bestätigen, dass Sie es sind, deshalb haben wir zu Ihrer Sicherheit hier angehalten. Vielleicht ist Ihr Freigabeverfahren gesperrt. Wenn Sie Hilfe brauchen, wenden Sie sich an { $brand }.
failure_daily_quota = Sie haben die Zahl der Freigaben erreicht, die an einem Tag möglich sind. Bitte versuchen Sie es morgen wieder.
failure_no_method = Sie haben noch kein Freigabeverfahren eingerichtet. Bitte richten Sie zuerst eines bei { $brand } ein.
failure_waiting_for_validation = Sie haben ein Freigabeverfahren beantragt, aber { $brand } hat es noch nicht freigeschaltet. Bitte versuchen Sie es wieder, wenn es bereit ist.
failure_pending_enrollment = Sie haben noch kein Gerät für Freigaben registriert. Bitte tun Sie das zuerst in der App von { $brand }.
failure_suspended_enrollment = Ihr Freigabeverfahren ist gesperrt, bis Sie ein Gerät registrieren. Bitte tun Sie das zuerst in der App von { $brand }.
failure_disabled = Ihr Freigabeverfahren ist ausgeschaltet. Sie können es bei { $brand } wieder einschalten.
failure_terminated = Ihr Freigabeverfahren wurde beendet. Bitte richten Sie zuerst ein neues bei { $brand } ein.
failure_technical = Der Fehler liegt bei uns. Bitte warten Sie ein paar Minuten und beginnen Sie bei { $tpp } neu.
leave_soon = In 10 Sekunden werden Sie zu { $tpp } zurückgeleitet.
leave_stay = Auf dieser Seite bleiben
leave_stays = Sie bleiben hier, bis Sie zu { $tpp } weitergehen.

## Certificates, for developers
certificate_title = Zertifikat prüfen
certificate_lead = Sehen Sie, was { $brand } in Ihrem QWAC liest, welche Regeln es erfüllt und worum Sie Ihren qualifizierten Vertrauensdiensteanbieter (QTSP) bitten können.
certificate_privacy = Was Sie senden, wird weder gespeichert noch protokolliert. Ein Zertifikat ist öffentlich. Senden Sie nie einen privaten Schlüssel.
certificate_paste_label = Zertifikat einfügen
certificate_paste_hint = PEM, Ihr eigenes Zertifikat zuerst, danach seine Aussteller. Base64 ohne PEM-Zeilen geht auch.
certificate_file_label = Oder eine Datei wählen
certificate_file_hint = PEM oder DER, höchstens { $kilobytes } kB.
certificate_button = Prüfen
certificate_again = Ein anderes Zertifikat prüfen
certificate_presented_hint = Um das Zertifikat zu sehen, mit dem sich Ihre Software verbindet, rufen Sie damit diese Adresse auf:
certificate_presented_title = Ihr vorgelegtes Zertifikat
certificate_languages = Sprachen
certificate_empty = Fügen Sie ein Zertifikat ein oder wählen Sie eine Datei.
certificate_both = Fügen Sie entweder Text ein oder wählen Sie eine Datei, nicht beides.
certificate_unreadable = Darin ist kein Zertifikat zu finden. Erwartet wird PEM (von BEGIN CERTIFICATE bis END CERTIFICATE), DER oder Base64.
certificate_private_key = Das enthält einen privaten Schlüssel. Wir haben nichts davon verarbeitet, gespeichert oder protokolliert. Wer einen Schlüssel in eine Webseite einfügt, gibt ihn aus der Hand: Behandeln Sie ihn als kompromittiert, lassen Sie das Zertifikat widerrufen und erzeugen Sie einen neuen Schlüssel.
certificate_accepted = { $brand } akzeptiert dieses Zertifikat
certificate_accepted_text = Es erfüllt alle Regeln, die jetzt geprüft werden konnten. Ob Ihre Software registriert ist, sagt das nicht.
certificate_refused = { $brand } lehnt dieses Zertifikat ab
certificate_refused_text = Eine Regel reicht, damit es abgelehnt wird. Das ist nicht in Ordnung:
certificate_judged = Geprüft am { $time } mit dem Vertrauen von { $brand }.
certificate_advice = Was Sie tun können:
certificate_detail = Genauer:
certificate_facts = Was darin steht
certificate_absent = nicht vorhanden
certificate_subject = Subjekt
certificate_organisation = Organisation
certificate_identifier = Kennung der Organisation
certificate_roles = Rollen
certificate_authority = Zuständige Behörde
certificate_validity = Gültig
certificate_from_to = { $from } bis { $to }
certificate_issuer = Aussteller
certificate_serial = Seriennummer
certificate_key = Schlüssel
certificate_signature = Signaturverfahren
certificate_key_usage = keyUsage
certificate_extended_key_usage = extendedKeyUsage
certificate_thumbprint = SHA-256-Fingerabdruck
certificate_ocsp = Status über OCSP
certificate_crl = Status über Sperrliste
certificate_ca_issuers = Zertifikat des Ausstellers
certificate_chain = Gefundene Kette
certificate_chain_this = dieses Zertifikat
certificate_chain_none = Es wurde kein Weg zu einem anerkannten Dienst gefunden.
certificate_listed = In der Vertrauensliste { $territory }, Nummer { $sequence }: { $service } von { $provider }.
certificate_configured = Das oberste steht in keiner Vertrauensliste: { $brand } vertraut ihm durch eigene Einstellung.
certificate_rules = Regel für Regel
certificate_pass = erfüllt
certificate_fail = nicht erfüllt
certificate_warning = auffällig
certificate_not_reached = nicht geprüft
