### Textos de las páginas para clientes.

## Shared
sandbox_banner = Entorno de pruebas: sin cuentas reales ni dinero real.
cancel = Cancelar y volver a { $tpp }
error_prefix = Error:
error_heading = Revise los datos introducidos
tpp_heading = Quién lo solicita
tpp_legal_name = Razón social
tpp_authorisation_number = Número de autorización
support_reference = Referencia para el servicio de atención
technical_detail = Detalle técnico
new_tab = (se abre en una pestaña nueva)
language_name = Español

## Signing in
sign_in_title = Iniciar sesión
sign_in_lead_aisp = { $tpp } desea consultar la información de sus cuentas en { $brand }.
sign_in_lead_extended = { $tpp } desea consultar la información de sus cuentas en { $brand }, incluidos los movimientos más antiguos.
sign_in_lead_cbpii = { $tpp } desea preguntar a { $brand } si el dinero de su cuenta alcanza para un pago.
sign_in_lead_pisp = { $tpp } desea iniciar un pago desde su cuenta en { $brand }.
sign_in_customer = Número de cliente
sign_in_password = Contraseña
sign_in_button = Entrar
sign_in_wrong = El número de cliente o la contraseña no son correctos. Compruebe ambos e inténtelo de nuevo.
sign_in_missing = Introduzca su número de cliente y su contraseña.
sign_in_sandbox_note = Este es un entorno de pruebas. Entre como uno de los clientes de prueba y no escriba nunca la contraseña de una cuenta real.
sign_in_customers_link = Lista de clientes de prueba

## Consent
consent_aisp_title = Información de cuentas para { $tpp }
consent_aisp_title_explicit = ¿Permite que { $tpp } consulte sus cuentas?
consent_aisp_lead = Usted utiliza { $tpp } para consultar sus cuentas. { $brand } compartirá lo siguiente:
consent_aisp_lead_explicit = Si lo permite, { $brand } compartirá lo siguiente con { $tpp }:
data_accounts = sus cuentas de pago, con su número y el nombre del titular
data_balances = los saldos de estas cuentas
data_transactions = los movimientos de los últimos 90 días
data_history = también los movimientos más antiguos, pero solo justo después de este inicio de sesión
consent_aisp_limits = { $tpp } solo puede consultar: este acceso no permite hacer pagos.
consent_cbpii_title = ¿Permite que { $tpp } compruebe si hay fondos?
consent_cbpii_lead = Cuando pague con una tarjeta de { $tpp }, esta entidad podrá preguntar a { $brand } si el importe está disponible en su cuenta.
consent_cbpii_answer = { $brand } responde únicamente a este emisor de tarjetas, y solo con un sí o un no.
consent_cbpii_limits = No se comparten su saldo ni sus movimientos, y no se retiene dinero.
consent_pisp_title = Pagos con { $tpp }
consent_pisp_lead = Si continúa, { $tpp } podrá iniciar o confirmar el pago que usted ha ordenado allí.
consent_pisp_details = Todavía no hemos recibido los datos del pago y por eso no podemos mostrarlos aquí. Antes de continuar, compruebe el importe y el beneficiario en { $tpp }.
consent_pisp_limits = Con ello, { $tpp } no ve su saldo ni sus movimientos.
consent_payment_title = Confirmar su pago
consent_batch_title = Confirmar sus pagos
consent_standing_order_title = Confirmar su orden permanente
consent_cancellation_title = ¿Quiere anular este pago?
consent_payment_lead = Usted dio esta orden en { $tpp }. Compruebe que todo es correcto.
consent_cancellation_lead = { $tpp } nos pide anular un pago que ya estaba ordenado.
consent_cancellation_effect = Si confirma, este pago no se hará.
payment_heading = Pago
payment_cancelled_heading = Pago que se anula
payment_amount = Importe
payment_total = Importe total
payment_count = Número de pagos
payment_payee = Beneficiario
payment_payee_account = Cuenta del beneficiario
payment_date = Fecha de ejecución
payment_at_once = Lo antes posible
payment_frequency = Periodicidad
payment_from = Desde su cuenta
payment_from_several = Desde sus cuentas
frequency_daily = cada día
frequency_weekly = cada semana
frequency_two_weeks = cada dos semanas
frequency_monthly = cada mes
frequency_two_months = cada dos meses
frequency_quarterly = cada tres meses
frequency_half_yearly = cada seis meses
frequency_yearly = cada año
accounts_heading = Cuentas
consent_until = Este acceso termina como máximo el { $date }.
consent_until_withdrawn = Su consentimiento es válido hasta que lo retire.
consent_withdraw = Puede ponerle fin en cualquier momento, en { $tpp } o en { $brand }.
continue_button = Continuar
allow_button = Permitir
approve_payment_button = Continuar para autorizar
approve_cancellation_button = Sí, anular el pago
keep_payment = No, mantenerlo y volver a { $tpp }
simulate_heading = Simulación (solo en el entorno de pruebas)
simulate_label = Resultado de la autenticación
simulate_hint = Elija cómo termina y continúe. { $tpp } recibe el código indicado entre paréntesis.

## What the simulated authentication can come to
outcome_approved = El cliente lo aprueba
outcome_cancelled = El cliente cancela
outcome_timed_out = El cliente no responde a tiempo
outcome_blocked_after_failures = Tercer PIN erróneo, el servicio queda bloqueado
outcome_daily_quota_exceeded = Se ha agotado el número diario de autenticaciones
outcome_no_method = El cliente no tiene ningún método de autenticación
outcome_otp_suspended = Tercer código de un solo uso erróneo, códigos suspendidos
outcome_wrong_device = La aplicación se usa en un dispositivo no registrado
outcome_waiting_for_validation = El banco aún no ha validado el método
outcome_pending_enrollment = Aún no hay ningún dispositivo registrado
outcome_suspended_enrollment = Bloqueado hasta que se registre un dispositivo
outcome_disabled = El servicio está desactivado
outcome_terminated = El servicio se ha dado de baja
outcome_suspended = El servicio ya está bloqueado
outcome_technical = Fallo técnico temporal

## The bank's app
open_app_title = Continuar en la aplicación de { $brand }
open_app_lead = Su aplicación de { $brand } no se ha abierto sola. Ábrala para continuar en ella.
open_app_button = Abrir la aplicación
open_app_here = Continuar en este navegador
open_app_decoupled = Si continúa aquí, autorizará en la aplicación de { $brand }, en el dispositivo que tiene registrado.
open_app_only = Solo puede seguir en la aplicación de { $brand }. Si no la tiene, cancele aquí.

## Choosing accounts
accounts_title_some = ¿Qué cuentas puede ver { $tpp }?
accounts_title_one = ¿Qué cuenta puede ver { $tpp }?
accounts_title_cbpii = ¿A qué cuenta está vinculada la tarjeta de { $tpp }?
accounts_title_pisp = ¿Desde qué cuenta quiere pagar?
accounts_choose_some = Elija una cuenta o varias
accounts_choose_one = Elija una cuenta
accounts_missing = Elija una cuenta antes de continuar.
account_currency = Moneda: { $currency }

## Authenticating
methods_title = ¿Cómo quiere autorizar?
methods_lead = { $brand } tiene que asegurarse de que es usted.
methods_app = Autorizar en la aplicación
methods_otp = Introducir un código de un solo uso
challenge_hint = Enviado a: { $hint }
challenge_compare = Autorice solo si allí ve los mismos datos.
waiting_title = Autorice en su aplicación
waiting_lead = Abra su aplicación de { $brand } y autorice allí. Después vuelva: esta página continúa sola.
waiting_status = Esperando su autorización…
waiting_still = Seguimos esperando su autorización…
waiting_moved = Hay una respuesta. Un momento…
waiting_offline = Sin conexión en este momento. Seguimos intentándolo…
waiting_check_now = Comprobar ahora
otp_title = Introduzca su código de un solo uso
otp_lead = Le hemos enviado un código. Introdúzcalo aquí para autorizar.
otp_label = Código de un solo uso
otp_button = Autorizar
otp_wrong = No hemos podido aceptar este código. Compruébelo e introdúzcalo de nuevo.
otp_secret = Introduzca este código solo aquí. { $brand } nunca se lo pide por teléfono ni por mensaje.
other_method_button = Usar otro método

## Amounts, as CLDR has them for the language
number_group = { $high }.{ $low }
number_decimal = { $whole },{ $fraction }
number_grouped_from = 5
amount_euro = { $number } €
amount_other = { $number } { $currency }

## Dates
date = { $day } de { $month } de { $year }
first_day = 1
month_1 = enero
month_2 = febrero
month_3 = marzo
month_4 = abril
month_5 = mayo
month_6 = junio
month_7 = julio
month_8 = agosto
month_9 = septiembre
month_10 = octubre
month_11 = noviembre
month_12 = diciembre

## Pages without a way back
notice_unknown_client_title = No conocemos este servicio
notice_unknown_client_text = El servicio que le ha enviado aquí no está registrado en nuestra entidad o ha dejado de estarlo. Por su seguridad, hemos detenido el proceso.
notice_unknown_client_advice = Cierre esta página. Si confía en el servicio, informe a su proveedor de este mensaje.
notice_wrong_redirect_uri_title = No podemos devolverle de forma segura
notice_wrong_redirect_uri_text = La dirección de retorno que hemos recibido no pertenece al servicio que le ha enviado aquí. Por su seguridad, hemos detenido el proceso.
notice_wrong_redirect_uri_advice = Cierre esta página. Si confía en el servicio, informe a su proveedor de este mensaje.
notice_malformed_request_title = Esta solicitud no es válida
notice_malformed_request_text = El enlace que le ha traído aquí está incompleto o contiene un error.
notice_malformed_request_advice = Vuelva al servicio del que viene y empiece de nuevo. Si se repite, informe a su proveedor.
notice_expired_interaction_title = El tiempo se ha agotado
notice_expired_interaction_text = Ha pasado demasiado tiempo sin actividad y hemos cerrado el proceso. No se ha aprobado nada.
notice_expired_interaction_advice = Vuelva al servicio del que viene y empiece de nuevo.
notice_cookie_lost_title = Hemos perdido su sesión
notice_cookie_lost_text = Su navegador no ha enviado la cookie que necesitamos para reconocerle. Puede que esté bloqueada o que haya abierto el enlace en otro navegador.
notice_cookie_lost_advice = Permita las cookies en este sitio y empiece de nuevo desde el servicio del que viene, en el mismo navegador.
notice_already_answered_title = Esta solicitud ya está respondida
notice_already_answered_text = Su decisión ya quedó registrada y no se puede dar por segunda vez.
notice_already_answered_advice = Vuelva al servicio del que viene. Si sigue esperando, empiece allí de nuevo.
notice_method_not_allowed_title = Esta página no se puede abrir así
notice_method_not_allowed_text = Su navegador ha usado esta dirección de una forma no prevista, por ejemplo al recargar la página.
notice_method_not_allowed_advice = Vuelva al servicio del que viene y empiece de nuevo.
notice_not_found_title = Página no encontrada
notice_not_found_text = No hay nada en esta dirección.
notice_not_found_advice = Compruebe la dirección o vuelva al servicio del que viene.
notice_temporarily_unavailable_title = No disponible temporalmente
notice_temporarily_unavailable_text = En este momento no podemos tramitar su solicitud. El fallo es nuestro.
notice_temporarily_unavailable_advice = Espere unos minutos, vuelva al servicio del que viene e inténtelo de nuevo.
notice_too_large_title = Esta solicitud es demasiado grande
notice_too_large_text = Se han enviado más datos de los que acepta esta página.
notice_too_large_advice = Vuelva al servicio del que viene y empiece de nuevo. Si se repite, informe a su proveedor.
notice_home = Empezar de nuevo en { $tpp }
notice_home_advice = Vuelva a { $tpp } y empiece de nuevo allí.

## Test customers
customers_title = Clientes de prueba
customers_lead = Cada uno de estos clientes se comporta de una manera fija. Entre con uno de ellos para ver cómo reacciona su aplicación ante el resultado.
customers_login = Número de cliente
customers_password = Contraseña
customers_channel = Respuesta en { $channel }
customers_code = código
customers_none = No hay clientes de prueba para esta marca.

## A TPP that is not served
not_served_title = { $tpp } no se puede utilizar aquí por el momento
not_served_text = Por el momento, { $brand } no da acceso a { $tpp }. No se ha autorizado ni comunicado nada.
not_served_notice = Mensaje de { $brand }
not_served_advice = Puede utilizar su cuenta como siempre. Si tiene preguntas, póngase en contacto con { $brand }.

## Going back
return_title = De vuelta a { $tpp }
return_lead = Le llevamos de vuelta a { $tpp }. Si no ocurre nada, utilice este enlace:
return_link = Continuar a { $tpp }
return_cancelled = Usted ha cancelado.
return_nothing = No se ha autorizado ni se ha compartido nada.
expired_title = Se ha agotado el tiempo
failure_title = No se ha autorizado
failure_technical_title = No es posible en este momento
failure_timed_out = Su respuesta no ha llegado a tiempo y, por su seguridad, nos hemos detenido aquí. Puede empezar de nuevo en { $tpp }.
failure_not_confirmed = No hemos podido confirmar que es usted y, por su seguridad, nos hemos detenido aquí. Puede que su método de autorización esté bloqueado. Si necesita ayuda, contacte con { $brand }.
failure_daily_quota = Ha alcanzado el número de autorizaciones posibles en un día. Inténtelo de nuevo mañana.
failure_no_method = Todavía no tiene ningún método de autorización. Configure primero uno con { $brand }.
failure_waiting_for_validation = Ha solicitado un método de autorización, pero { $brand } todavía no lo ha activado. Inténtelo de nuevo cuando esté listo.
failure_pending_enrollment = Todavía no ha registrado ningún dispositivo para autorizar. Hágalo primero en la aplicación de { $brand }.
failure_suspended_enrollment = Su método de autorización está bloqueado hasta que registre un dispositivo. Hágalo primero en la aplicación de { $brand }.
failure_disabled = Su método de autorización está desactivado. Puede volver a activarlo con { $brand }.
failure_terminated = Su método de autorización se ha dado de baja. Configure primero uno nuevo con { $brand }.
failure_technical = El fallo es nuestro. Espere unos minutos y empiece de nuevo en { $tpp }.
leave_soon = Dentro de 10 segundos volverá a { $tpp }.
leave_stay = Quedarse en esta página
leave_stays = Se queda aquí hasta que continúe hacia { $tpp }.

## Certificates, for developers
certificate_title = Comprobar un certificado
certificate_lead = Vea qué lee { $brand } en su QWAC, qué reglas cumple y qué pedir a su prestador cualificado de servicios de confianza (QTSP).
certificate_privacy = Lo que envía no se guarda ni se registra. Un certificado es público; no envíe nunca una clave privada.
certificate_paste_label = Pegue el certificado
certificate_paste_hint = PEM, primero su propio certificado y después sus emisores. También vale base64 sin las líneas de PEM.
certificate_file_label = O elija un archivo
certificate_file_hint = PEM o DER, como máximo { $kilobytes } kB.
certificate_button = Comprobar
certificate_again = Comprobar otro certificado
certificate_presented_hint = Para ver el certificado con el que se conecta su software, llame con él a esta dirección:
certificate_presented_title = El certificado que usted presenta
certificate_languages = Idiomas
certificate_empty = Pegue un certificado o elija un archivo.
certificate_both = Pegue un texto o elija un archivo, no ambas cosas.
certificate_unreadable = No contiene ningún certificado. Se espera PEM (desde BEGIN CERTIFICATE hasta END CERTIFICATE), DER o base64.
certificate_private_key = Esto contiene una clave privada. No hemos procesado, guardado ni registrado nada. Pegar una clave en una página web es entregarla: considérela comprometida, pida que se revoque el certificado y genere una clave nueva.
certificate_accepted = { $brand } acepta este certificado
certificate_accepted_text = Cumple todas las reglas que se han podido juzgar ahora. Esto no dice si su software está registrado.
certificate_refused = { $brand } rechaza este certificado
certificate_refused_text = Basta una regla incumplida para rechazarlo. Esto es lo que falla:
certificate_judged = Juzgado el { $time } con la confianza de { $brand }.
certificate_advice = Qué hacer:
certificate_detail = En detalle:
certificate_facts = Qué dice
certificate_absent = no consta
certificate_subject = Sujeto
certificate_organisation = Organización
certificate_identifier = Identificador de la organización
certificate_roles = Roles
certificate_authority = Autoridad competente
certificate_validity = Válido
certificate_from_to = { $from } a { $to }
certificate_issuer = Emisor
certificate_serial = Número de serie
certificate_key = Clave
certificate_signature = Algoritmo de firma
certificate_key_usage = keyUsage
certificate_extended_key_usage = extendedKeyUsage
certificate_thumbprint = Huella SHA-256
certificate_ocsp = Estado por OCSP
certificate_crl = Estado por lista de revocación
certificate_ca_issuers = Certificado del emisor
certificate_chain = La cadena encontrada
certificate_chain_this = este certificado
certificate_chain_none = No se ha encontrado ningún camino hasta un servicio aceptado.
certificate_listed = En la lista de confianza de { $territory }, número { $sequence }: { $service } de { $provider }.
certificate_configured = El último no está en ninguna lista de confianza: { $brand } confía en él por su propia configuración.
certificate_rules = Regla por regla
certificate_pass = cumple
certificate_fail = no cumple
certificate_warning = llamativo
certificate_not_reached = no juzgado
