### Textes des pages présentées aux clients.

## Shared
sandbox_banner = Environnement de test : ni vrais comptes, ni vrai argent.
cancel = Annuler et revenir chez { $tpp }
error_prefix = Erreur :
error_heading = Veuillez vérifier votre saisie
tpp_heading = Qui fait la demande
tpp_legal_name = Raison sociale
tpp_authorisation_number = Numéro d’agrément
support_reference = Référence pour l’assistance
technical_detail = Détail technique
new_tab = (s’ouvre dans un nouvel onglet)
language_name = Français

## Signing in
sign_in_title = Se connecter
sign_in_lead_aisp = { $tpp } souhaite consulter les informations de vos comptes chez { $brand }.
sign_in_lead_extended = { $tpp } souhaite consulter les informations de vos comptes chez { $brand }, y compris les opérations plus anciennes.
sign_in_lead_cbpii = { $tpp } souhaite demander à { $brand } si l’argent disponible sur votre compte suffit pour un paiement.
sign_in_lead_pisp = { $tpp } souhaite initier un paiement depuis votre compte chez { $brand }.
sign_in_customer = Numéro client
sign_in_password = Mot de passe
sign_in_button = Se connecter
sign_in_wrong = Le numéro client ou le mot de passe est incorrect. Vérifiez les deux, puis réessayez.
sign_in_missing = Saisissez votre numéro client et votre mot de passe.
sign_in_sandbox_note = Ceci est un environnement de test. Connectez-vous avec l’un des clients de test et ne saisissez jamais le mot de passe d’un vrai compte.
sign_in_customers_link = Liste des clients de test

## Consent
consent_aisp_title = Informations de compte pour { $tpp }
consent_aisp_title_explicit = Autoriser { $tpp } à consulter vos comptes ?
consent_aisp_lead = Vous utilisez { $tpp } pour consulter vos comptes. { $brand } lui communiquera :
consent_aisp_lead_explicit = Si vous l’autorisez, { $brand } communiquera à { $tpp } :
data_accounts = vos comptes de paiement, avec leur numéro et le nom du titulaire
data_balances = les soldes de ces comptes
data_transactions = les opérations des 90 derniers jours
data_history = les opérations plus anciennes également, mais seulement juste après cette connexion
consent_aisp_limits = { $tpp } peut seulement consulter ; cet accès ne lui permet pas d’effectuer de paiement.
consent_cbpii_title = Autoriser { $tpp } à vérifier que vos paiements sont couverts ?
consent_cbpii_lead = Lorsque vous payez avec une carte de { $tpp }, cet émetteur pourra demander à { $brand } si le montant est disponible sur votre compte.
consent_cbpii_answer = { $brand } répond à ce seul émetteur de cartes, et uniquement par oui ou par non.
consent_cbpii_limits = Votre solde et vos opérations ne sont pas communiqués, et aucune somme n’est bloquée.
consent_pisp_title = Paiements avec { $tpp }
consent_pisp_lead = Si vous continuez, { $tpp } pourra initier ou confirmer le paiement que vous y avez demandé.
consent_pisp_details = Nous n’avons pas encore reçu le détail du paiement et ne pouvons donc pas l’afficher ici. Avant de continuer, vérifiez le montant et le bénéficiaire chez { $tpp }.
consent_pisp_limits = { $tpp } ne voit pour autant ni votre solde ni vos opérations.
consent_payment_title = Confirmer votre paiement
consent_batch_title = Confirmer vos paiements
consent_standing_order_title = Confirmer votre virement permanent
consent_cancellation_title = Voulez-vous annuler ce paiement ?
consent_payment_lead = Vous avez passé cet ordre chez { $tpp }. Vérifiez que tout est exact.
consent_cancellation_lead = { $tpp } nous demande d’annuler un paiement déjà ordonné.
consent_cancellation_effect = Si vous confirmez, ce paiement ne sera pas exécuté.
payment_heading = Paiement
payment_cancelled_heading = Paiement à annuler
payment_amount = Montant
payment_total = Montant total
payment_count = Nombre de paiements
payment_payee = Bénéficiaire
payment_payee_account = Compte du bénéficiaire
payment_date = Date d’exécution
payment_at_once = Dès que possible
payment_frequency = Périodicité
payment_from = Depuis votre compte
payment_from_several = Depuis vos comptes
frequency_daily = tous les jours
frequency_weekly = toutes les semaines
frequency_two_weeks = toutes les deux semaines
frequency_monthly = tous les mois
frequency_two_months = tous les deux mois
frequency_quarterly = tous les trois mois
frequency_half_yearly = tous les six mois
frequency_yearly = tous les ans
accounts_heading = Comptes
consent_until = Cet accès prend fin au plus tard le { $date }.
consent_until_withdrawn = Votre consentement est valable jusqu’à ce que vous le retiriez.
consent_withdraw = Vous pouvez y mettre fin à tout moment, chez { $tpp } ou chez { $brand }.
continue_button = Continuer
allow_button = Autoriser
approve_payment_button = Continuer vers la validation
approve_cancellation_button = Oui, annuler le paiement
keep_payment = Non, le maintenir et revenir à { $tpp }
simulate_heading = Simulation (environnement de test uniquement)
simulate_label = Résultat de l’authentification
simulate_hint = Choisissez l’issue, puis continuez. { $tpp } reçoit le code indiqué entre parenthèses.

## What the simulated authentication can come to
outcome_approved = Le client valide
outcome_cancelled = Le client annule
outcome_timed_out = Le client ne répond pas à temps
outcome_blocked_after_failures = Troisième code PIN erroné, le service est désormais bloqué
outcome_daily_quota_exceeded = Le nombre quotidien d’authentifications est atteint
outcome_no_method = Le client n’a aucun moyen d’authentification
outcome_otp_suspended = Troisième code à usage unique erroné, codes suspendus
outcome_wrong_device = L’application est ouverte sur un appareil non enregistré
outcome_waiting_for_validation = La banque n’a pas encore validé le moyen d’authentification
outcome_pending_enrollment = Aucun appareil n’est encore enregistré
outcome_suspended_enrollment = Bloqué jusqu’à l’enregistrement d’un appareil
outcome_disabled = Le service est désactivé
outcome_terminated = Le service est résilié
outcome_suspended = Le service est déjà bloqué
outcome_technical = Incident technique temporaire

## The bank's app
open_app_title = Continuer dans l’application { $brand }
open_app_lead = Votre application { $brand } ne s’est pas ouverte toute seule. Ouvrez-la pour y continuer.
open_app_button = Ouvrir l’application
open_app_here = Continuer dans ce navigateur
open_app_decoupled = Si vous continuez ici, vous validerez dans l’application { $brand }, sur l’appareil que vous avez enregistré.
open_app_only = La suite n’est possible que dans l’application { $brand }. Si vous ne l’avez pas, annulez ici.

## Choosing accounts
accounts_title_some = Quels comptes { $tpp } peut-il consulter ?
accounts_title_one = Quel compte { $tpp } peut-il consulter ?
accounts_title_cbpii = À quel compte la carte de { $tpp } est-elle liée ?
accounts_title_pisp = Depuis quel compte voulez-vous payer ?
accounts_choose_some = Choisissez un ou plusieurs comptes
accounts_choose_one = Choisissez un compte
accounts_missing = Choisissez un compte avant de continuer.
account_currency = Devise : { $currency }

## Authenticating
methods_title = Comment voulez-vous valider ?
methods_lead = { $brand } doit s’assurer que c’est bien vous.
methods_app = Valider dans l’application
methods_otp = Saisir un code à usage unique
challenge_hint = Envoyé à : { $hint }
challenge_compare = Ne validez que si vous y voyez les mêmes informations.
waiting_title = Validez dans votre application
waiting_lead = Ouvrez votre application { $brand } et validez. Revenez ensuite : cette page continue toute seule.
waiting_status = En attente de votre validation…
waiting_still = Toujours en attente de votre validation…
waiting_moved = Nous avons une réponse. Un instant…
waiting_offline = Pas de connexion pour le moment. Nous réessayons…
waiting_check_now = Vérifier maintenant
otp_title = Saisissez votre code à usage unique
otp_lead = Nous vous avons envoyé un code. Saisissez-le ici pour valider.
otp_label = Code à usage unique
otp_button = Valider
otp_wrong = Nous n’avons pas pu accepter ce code. Vérifiez-le et saisissez-le à nouveau.
otp_secret = Ne saisissez ce code qu’ici. { $brand } ne vous le demande jamais par téléphone ni par message.
other_method_button = Choisir un autre moyen

## Amounts, as CLDR has them for the language
number_group = { $high } { $low }
number_decimal = { $whole },{ $fraction }
number_grouped_from = 4
amount_euro = { $number } €
amount_other = { $number } { $currency }

## Dates
date = { $day } { $month } { $year }
first_day = 1er
month_1 = janvier
month_2 = février
month_3 = mars
month_4 = avril
month_5 = mai
month_6 = juin
month_7 = juillet
month_8 = août
month_9 = septembre
month_10 = octobre
month_11 = novembre
month_12 = décembre

## Pages without a way back
notice_unknown_client_title = Nous ne connaissons pas ce service
notice_unknown_client_text = Le service qui vous a envoyé ici n’est pas enregistré chez nous, ou ne l’est plus. Pour votre sécurité, nous avons arrêté l’opération.
notice_unknown_client_advice = Fermez cette page. Si vous faites confiance à ce service, signalez ce message à son fournisseur.
notice_wrong_redirect_uri_title = Nous ne pouvons pas vous renvoyer en toute sécurité
notice_wrong_redirect_uri_text = L’adresse de retour qui nous a été transmise n’appartient pas au service qui vous a envoyé ici. Pour votre sécurité, nous avons arrêté l’opération.
notice_wrong_redirect_uri_advice = Fermez cette page. Si vous faites confiance à ce service, signalez ce message à son fournisseur.
notice_malformed_request_title = Cette demande n’est pas valide
notice_malformed_request_text = Le lien qui vous a conduit ici est incomplet ou contient une erreur.
notice_malformed_request_advice = Retournez au service d’où vous venez et recommencez. Si cela se reproduit, signalez-le à son fournisseur.
notice_expired_interaction_title = Le délai est écoulé
notice_expired_interaction_text = Vous êtes resté inactif trop longtemps et nous avons mis fin à l’opération. Rien n’a été validé.
notice_expired_interaction_advice = Retournez au service d’où vous venez et recommencez.
notice_cookie_lost_title = Votre session est perdue
notice_cookie_lost_text = Votre navigateur n’a pas envoyé le cookie qui nous permet de vous reconnaître. Il est peut-être bloqué, ou vous avez ouvert le lien dans un autre navigateur.
notice_cookie_lost_advice = Autorisez les cookies pour ce site, puis recommencez depuis le service d’où vous venez, dans le même navigateur.
notice_already_answered_title = Cette demande a déjà reçu une réponse
notice_already_answered_text = Votre décision a déjà été enregistrée et ne peut pas être donnée une seconde fois.
notice_already_answered_advice = Retournez au service d’où vous venez. S’il attend toujours, recommencez là-bas.
notice_method_not_allowed_title = Cette page ne peut pas être ouverte ainsi
notice_method_not_allowed_text = Votre navigateur a utilisé cette adresse d’une manière imprévue, par exemple après une actualisation.
notice_method_not_allowed_advice = Retournez au service d’où vous venez et recommencez.
notice_not_found_title = Page introuvable
notice_not_found_text = Il n’y a rien à cette adresse.
notice_not_found_advice = Vérifiez l’adresse ou retournez au service d’où vous venez.
notice_temporarily_unavailable_title = Temporairement indisponible
notice_temporarily_unavailable_text = Nous ne pouvons pas traiter votre demande pour le moment. L’incident vient de chez nous.
notice_temporarily_unavailable_advice = Patientez quelques minutes, puis retournez au service d’où vous venez et réessayez.
notice_too_large_title = Cette demande est trop volumineuse
notice_too_large_text = Nous avons reçu plus de données que cette page n’en accepte.
notice_too_large_advice = Retournez au service d’où vous venez et recommencez. Si cela se reproduit, signalez-le à son fournisseur.
notice_home = Recommencer chez { $tpp }
notice_home_advice = Revenez chez { $tpp } et recommencez.

## Test customers
customers_title = Clients de test
customers_lead = Chacun de ces clients se comporte d’une façon déterminée. Connectez-vous avec l’un d’eux pour voir comment votre application réagit au résultat.
customers_login = Numéro client
customers_password = Mot de passe
customers_channel = Réponse sur { $channel }
customers_code = code
customers_none = Aucun client de test n’est prévu pour cette marque.

## A TPP that is not served
not_served_title = { $tpp } ne peut pas être utilisé ici pour le moment
not_served_text = Pour le moment, { $brand } ne donne pas accès à { $tpp }. Rien n’a été autorisé ni communiqué.
not_served_notice = Message de { $brand }
not_served_advice = Vous pouvez utiliser votre compte comme d’habitude. Pour toute question, contactez { $brand }.

## Going back
return_title = Retour chez { $tpp }
return_lead = Vous allez être redirigé vers { $tpp }. S’il ne se passe rien, utilisez ce lien :
return_link = Continuer vers { $tpp }
return_cancelled = Vous avez annulé.
return_nothing = Rien n’a été validé et rien n’a été transmis.
expired_title = Le temps est écoulé
failure_title = La validation n’a pas abouti
failure_technical_title = Ce n’est pas possible pour le moment
failure_timed_out = Votre réponse n’est pas arrivée à temps, nous nous sommes donc arrêtés ici pour votre sécurité. Vous pouvez recommencer chez { $tpp }.
failure_not_confirmed = Nous n’avons pas pu confirmer que c’est bien vous et nous nous sommes arrêtés ici pour votre sécurité. Votre moyen de validation est peut-être bloqué. Si vous avez besoin d’aide, contactez { $brand }.
failure_daily_quota = Vous avez atteint le nombre de validations possibles par jour. Réessayez demain.
failure_no_method = Vous n’avez pas encore de moyen de validation. Mettez-en d’abord un en place auprès de { $brand }.
failure_waiting_for_validation = Vous avez demandé un moyen de validation, mais { $brand } ne l’a pas encore activé. Réessayez quand il sera prêt.
failure_pending_enrollment = Vous n’avez pas encore enregistré d’appareil pour valider. Faites-le d’abord dans l’application { $brand }.
failure_suspended_enrollment = Votre moyen de validation est bloqué jusqu’à ce que vous enregistriez un appareil. Faites-le d’abord dans l’application { $brand }.
failure_disabled = Votre moyen de validation est désactivé. Vous pouvez le réactiver auprès de { $brand }.
failure_terminated = Votre moyen de validation a été résilié. Mettez-en d’abord un nouveau en place auprès de { $brand }.
failure_technical = L’erreur vient de nous. Attendez quelques minutes et recommencez chez { $tpp }.
leave_soon = Dans 10 secondes, vous serez redirigé vers { $tpp }.
leave_stay = Rester sur cette page
leave_stays = Vous restez ici jusqu’à ce que vous continuiez vers { $tpp }.

## Certificates, for developers
certificate_title = Vérifier un certificat
certificate_lead = Voyez ce que { $brand } lit dans votre QWAC, quelles règles il respecte et que demander à votre prestataire de services de confiance qualifié (QTSP).
certificate_privacy = Ce que vous envoyez n’est ni conservé ni journalisé. Un certificat est public ; n’envoyez jamais de clé privée.
certificate_paste_label = Collez le certificat
certificate_paste_hint = PEM, d’abord votre propre certificat, puis ses émetteurs. Le base64 sans les lignes PEM convient aussi.
certificate_file_label = Ou choisissez un fichier
certificate_file_hint = PEM ou DER, { $kilobytes } ko au plus.
certificate_button = Vérifier
certificate_again = Vérifier un autre certificat
certificate_presented_hint = Pour voir le certificat avec lequel votre logiciel se connecte, appelez cette adresse avec lui :
certificate_presented_title = Le certificat que vous présentez
certificate_languages = Langues
certificate_empty = Collez un certificat ou choisissez un fichier.
certificate_both = Collez un texte ou choisissez un fichier, pas les deux.
certificate_unreadable = Aucun certificat ne s’y trouve. Le format attendu est PEM (de BEGIN CERTIFICATE à END CERTIFICATE), DER ou base64.
certificate_private_key = Ceci contient une clé privée. Nous n’en avons rien traité, conservé ni journalisé. Coller une clé dans une page internet, c’est la livrer : considérez-la comme compromise, faites révoquer le certificat et générez une nouvelle clé.
certificate_accepted = { $brand } accepte ce certificat
certificate_accepted_text = Il respecte toutes les règles qui ont pu être vérifiées maintenant. Cela ne dit pas si votre logiciel est enregistré.
certificate_refused = { $brand } refuse ce certificat
certificate_refused_text = Une seule règle non respectée suffit au refus. Voici ce qui ne va pas :
certificate_judged = Vérifié le { $time } avec la confiance de { $brand }.
certificate_advice = Que faire :
certificate_detail = En détail :
certificate_facts = Ce qu’il contient
certificate_absent = absent
certificate_subject = Sujet
certificate_organisation = Organisation
certificate_identifier = Identifiant de l’organisation
certificate_roles = Rôles
certificate_authority = Autorité compétente
certificate_validity = Valable
certificate_from_to = { $from } au { $to }
certificate_issuer = Émetteur
certificate_serial = Numéro de série
certificate_key = Clé
certificate_signature = Algorithme de signature
certificate_key_usage = keyUsage
certificate_extended_key_usage = extendedKeyUsage
certificate_thumbprint = Empreinte SHA-256
certificate_ocsp = Statut par OCSP
certificate_crl = Statut par liste de révocation
certificate_ca_issuers = Certificat de l’émetteur
certificate_chain = La chaîne trouvée
certificate_chain_this = ce certificat
certificate_chain_none = Aucun chemin vers un service accepté n’a été trouvé.
certificate_listed = Dans la liste de confiance { $territory }, numéro { $sequence } : { $service } de { $provider }.
certificate_configured = Le dernier n’est dans aucune liste de confiance : { $brand } lui fait confiance par sa propre configuration.
certificate_rules = Règle par règle
certificate_pass = respectée
certificate_fail = non respectée
certificate_warning = à noter
certificate_not_reached = non vérifiée
