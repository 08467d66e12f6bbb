// A TPP made of oauth4webapi, from the bank's metadata to the end of its client.
import * as oauth from 'oauth4webapi'
import { connection, customer, plan, refusal, thumbprint, told } from './bank.mjs'

const CALLBACK = 'https://tpp.example/callback'
const tpp = { [oauth.customFetch]: connection(plan.ca, plan.qwac) }
const gateway = { [oauth.customFetch]: connection(plan.gateway_ca, plan.gateway) }

const issuer = new URL(plan.issuer)
const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...tpp })
const bank = await oauth.processDiscoveryResponse(issuer, discovered)

async function register(method, key, algorithm) {
  const metadata = {
    redirect_uris: [CALLBACK],
    client_name: 'oauth4webapi',
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: method,
    token_endpoint_auth_signing_alg: method === 'private_key_jwt' ? algorithm : undefined,
    jwks: { keys: [{ ...(await crypto.subtle.exportKey('jwk', key.publicKey)), kid: plan.kid }] },
    request_object_signing_alg: algorithm,
    authorization_signed_response_alg: 'ES256',
    security_profile: 'fapi2',
  }
  const answer = await oauth.dynamicClientRegistrationRequest(bank, metadata, tpp)
  return { ...(await oauth.processDynamicClientRegistrationResponse(answer)), use_mtls_endpoint_aliases: true }
}

async function active(token, jwt = false) {
  const at = { ...bank, introspection_endpoint: plan.introspection }
  // for the bank a resource server is called what its certificate's subject says
  const caller = { client_id: 'O=Test bank, CN=gateway', introspection_signed_response_alg: jwt ? 'ES256' : undefined }
  const answer = await oauth.introspectionRequest(at, caller, oauth.None(), token, gateway)
  const claims = await oauth.processIntrospectionResponse(at, caller, answer)
  if (jwt) await oauth.validateApplicationLevelSignature(at, answer, tpp)
  return claims
}

async function journey(method, algorithm) {
  const key = await oauth.generateKeyPair(algorithm, { extractable: true })
  const signing = { key: key.privateKey, kid: plan.kid }
  const client = await register(method, key, algorithm)
  const auth = method === 'private_key_jwt' ? oauth.PrivateKeyJwt(signing) : oauth.TlsClientAuth()

  async function push(changes = {}) {
    const verifier = oauth.generateRandomCodeVerifier()
    const state = oauth.generateRandomState()
    const parameters = {
      response_type: 'code',
      response_mode: 'jwt',
      redirect_uri: CALLBACK,
      scope: 'aisp',
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...changes,
    }
    const request = await oauth.issueRequestObject(bank, client, parameters, signing)
    const answer = await oauth.pushedAuthorizationRequest(bank, client, auth, { request }, tpp)
    const { request_uri } = await oauth.processPushedAuthorizationResponse(bank, client, answer)
    const url = new URL(bank.authorization_endpoint)
    url.searchParams.set('client_id', client.client_id)
    url.searchParams.set('request_uri', request_uri)
    return { url, verifier, state }
  }

  async function redeem(landed, state, verifier) {
    const answer = await oauth.validateJwtAuthResponse(bank, client, landed, state, tpp)
    const response = await oauth.authorizationCodeGrantRequest(bank, client, auth, answer, CALLBACK, verifier, tpp)
    return oauth.processAuthorizationCodeResponse(bank, client, response)
  }

  const resource = (token) => oauth.protectedResourceRequest(token, 'GET', new URL(plan.resource), undefined, undefined, tpp)

  const first = await push()
  const tokens = await redeem(await customer('approves', first.url), first.state, first.verifier)
  const seen = await active(tokens.access_token, true)
  const opened = await resource(tokens.access_token)
  const refresh = await oauth.refreshTokenGrantRequest(bank, client, auth, tokens.refresh_token, tpp)
  const again = await oauth.processRefreshTokenResponse(bank, client, refresh)
  const report = {
    method: client.token_endpoint_auth_method,
    scope: tokens.scope,
    bound: seen.cnf['x5t#S256'] === thumbprint(plan.qwac[0]),
    resource: opened.status,
    refreshed: (await active(again.access_token)).active,
  }

  await oauth.processRevocationResponse(await oauth.revocationRequest(bank, client, auth, tokens.refresh_token, tpp))
  report.revoked = !(await active(tokens.access_token)).active && !(await active(again.access_token)).active

  const denied = await push()
  const home = await customer('cancels', denied.url)
  const validate = () => oauth.validateJwtAuthResponse(bank, client, home, denied.state, tpp)
  report.denied = (await refusal(oauth.AuthorizationResponseError, validate)).error
  report.scope_refused = (await refusal(oauth.ResponseBodyError, () => push({ scope: 'openid' }))).error
  const other = await push()
  const landed = await customer('approves', other.url)
  const wrong = () => redeem(landed, other.state, oauth.generateRandomCodeVerifier())
  report.verifier_refused = (await refusal(oauth.ResponseBodyError, wrong)).error
  const dead = await refusal(oauth.WWWAuthenticateChallengeError, () => resource(tokens.access_token))
  report.token_refused = dead.cause[0].parameters.error
  return report
}

const journeys = [
  ['tls_client_auth', 'ES256'],
  ['private_key_jwt', 'PS256'],
  // which it calls so and not EdDSA (RFC 9864)
  ['private_key_jwt', 'Ed25519'],
]
const reports = []
for (const [method, algorithm] of journeys) reports.push(await journey(method, algorithm))
told(reports)
