// A TPP made of openid-client, from the bank's metadata to the end of its consent.
import * as client from 'openid-client'
import { connection, customer, plan, refusal, thumbprint, told } from './bank.mjs'

const CALLBACK = 'https://tpp.example/callback'
const tpp = { algorithm: 'oauth2', [client.customFetch]: connection(plan.ca, plan.qwac) }
const gateway = { algorithm: 'oauth2', [client.customFetch]: connection(plan.gateway_ca, plan.gateway) }

async function register(method, algorithm, keys) {
  const metadata = {
    redirect_uris: [CALLBACK],
    client_name: 'openid-client',
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: method,
    jwks: { keys: [{ ...(await crypto.subtle.exportKey('jwk', keys.publicKey)), kid: plan.kid }] },
    require_signed_request_object: true,
    authorization_signed_response_alg: 'ES256',
    security_profile: 'fapi2',
  }
  const auth = method === 'private_key_jwt' ? client.PrivateKeyJwt({ key: keys.privateKey, kid: plan.kid }) : client.TlsClientAuth()
  const config = await client.dynamicClientRegistration(new URL(plan.issuer), metadata, auth, tpp)
  client.useJwtResponseMode(config)
  return config
}

/** The bank's resource server, which is called what its certificate's subject says. */
function resourceServer(config) {
  const at = { ...config.serverMetadata(), introspection_endpoint: plan.introspection }
  const own = new client.Configuration(at, 'O=Test bank, CN=gateway', undefined, client.None())
  own[client.customFetch] = gateway[client.customFetch]
  return own
}

async function journey(method, algorithm) {
  const keys = await crypto.subtle.generateKey(kind(algorithm), true, ['sign', 'verify'])
  const config = await register(method, algorithm, keys)
  const introspector = resourceServer(config)
  const active = (token) => client.tokenIntrospection(introspector, token)

  async function push(changes = {}) {
    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const expectedState = client.randomState()
    const parameters = {
      redirect_uri: CALLBACK,
      scope: 'aisp',
      state: expectedState,
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      ...changes,
    }
    const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, { key: keys.privateKey, kid: plan.kid })
    const url = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams)
    return { url, checks: { pkceCodeVerifier, expectedState } }
  }

  const resource = (token) => client.fetchProtectedResource(config, token, new URL(plan.resource), 'GET')

  const first = await push()
  const tokens = await client.authorizationCodeGrant(config, await customer('approves', first.url), first.checks)
  const seen = await active(tokens.access_token)
  const opened = await resource(tokens.access_token)
  const again = await client.refreshTokenGrant(config, tokens.refresh_token)
  const report = {
    method: config.clientMetadata().token_endpoint_auth_method,
    scope: tokens.scope,
    bound: seen.cnf['x5t#S256'] === thumbprint(plan.qwac[0]),
    resource: opened.status,
    refreshed: (await active(again.access_token)).active,
  }

  await client.tokenRevocation(config, tokens.refresh_token)
  report.revoked = !(await active(tokens.access_token)).active && !(await active(again.access_token)).active

  const denied = await push()
  const home = await customer('cancels', denied.url)
  const grant = (landed, checks) => () => client.authorizationCodeGrant(config, landed, checks)
  report.denied = (await refusal(client.AuthorizationResponseError, grant(home, denied.checks))).error
  report.scope_refused = (await refusal(client.ResponseBodyError, () => push({ scope: 'openid' }))).error
  const other = await push()
  const wrong = { ...other.checks, pkceCodeVerifier: client.randomPKCECodeVerifier() }
  report.verifier_refused = (await refusal(client.ResponseBodyError, grant(await customer('approves', other.url), wrong))).error
  const dead = await refusal(client.WWWAuthenticateChallengeError, () => resource(tokens.access_token))
  report.token_refused = dead.cause[0].parameters.error
  return report
}

function kind(algorithm) {
  if (algorithm === 'ES256') return { name: 'ECDSA', namedCurve: 'P-256' }
  return { name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
}

told([await journey('tls_client_auth', 'PS256'), await journey('private_key_jwt', 'ES256')])
