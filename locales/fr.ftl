### Textes des pages présentées aux clients.

## Shared
sandbox_banner = Environnement de test : ni vrais comptes, ni vrai argent.
cancel = Annuler et revenir chez { $tpp }
error_prefix = Erreur :
error_heading = Veuillez vérifier votre saisie
tpp_heading = Qui fait la demande
tpp_service = Service
tpp_legal_name = Raison sociale
tpp_authorisation_number = Numéro d’agrément
support_reference = Référence pour l’assistance
technical_detail = Détail technique

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
consent_until = Cet accès prend fin au plus tard le { $date }.
consent_until_withdrawn = Votre consentement est valable jusqu’à ce que vous le retiriez.
consent_withdraw = Vous pouvez y mettre fin à tout moment, chez { $tpp } ou chez { $brand }.
continue_button = Continuer
allow_button = Autoriser
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

## Dates
date = { $day } { $month } { $year }
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
