// oidc-provider over mutual TLS and PostgreSQL, a process a core, with what the comparison needs and nothing of a
// development set-up. `node index.mjs settings.json`; benches/load/peer.rs writes the settings.

import { X509Certificate, generateKeyPairSync } from 'node:crypto';
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { availableParallelism } from 'node:os';
import Provider from 'oidc-provider';
import pg from 'pg';
import { adapter, schema } from './adapter.mjs';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));

if (cluster.isPrimary) await lead();
else serve(JSON.parse(process.env.JWKS));

async function lead() {
  const connection = new pg.Client(settings.database);
  await connection.connect();
  await connection.query(schema);
  await connection.end();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const JWKS = JSON.stringify({ keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }] });
  for (let worker = 0; worker < availableParallelism(); worker += 1) cluster.fork({ JWKS });
  cluster.on('exit', () => process.exit(1));
}

function serve(jwks) {
  const pool = new pg.Pool({ ...settings.database, max: Math.ceil(settings.connections / availableParallelism()) });
  const provider = new Provider(settings.issuer, {
    adapter: adapter(pool),
    jwks,
    // in memory: found without the database
    clients: [...settings.clients.map(client), gateway(settings.gateway)],
    clientAuthMethods: ['tls_client_auth'],
    scopes: ['aisp', 'pisp'],
    responseTypes: ['code'],
    cookies: { keys: ['none is set here'] },
    routes: settings.routes,
    findAccount: (ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    issueRefreshToken: () => true,
    rotateRefreshToken: false,
    expiresWithSession: () => false,
    ttl: { AccessToken: 10_800, AuthorizationCode: 3600, ClientCredentials: 10_800, Grant: 15_552_000, RefreshToken: 15_552_000 },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: (ctx, asker) => asker.clientId === settings.gateway.id },
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        getCertificate: ({ socket }) => certificate(socket),
        certificateAuthorized: ({ socket }) => socket.authorized,
        certificateSubjectMatches: ({ socket }, property, expected) =>
          property === 'tls_client_auth_subject_dn' && subject(certificate(socket)) === expected,
      },
      resourceIndicators: { enabled: false },
      revocation: { enabled: true, allowedPolicy: (ctx, asker, token) => asker.clientId === token.clientId },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
  });
  const file = (name) => readFileSync(name);
  createServer(
    {
      cert: file(settings.certificate),
      key: file(settings.key),
      ca: settings.authorities.map(file),
      requestCert: true,
      rejectUnauthorized: true,
    },
    provider.callback(),
  ).listen(settings.port, '127.0.0.1');
}

/** Read once for each connection. */
function certificate(socket) {
  socket.shown ??= socket.getPeerX509Certificate();
  return socket.shown;
}

function subject(certificate) {
  return certificate.subject.split('\n').join(', ');
}

function client({ id, certificate: file }) {
  return {
    client_id: id,
    redirect_uris: [settings.redirect_uri],
    response_types: ['code'],
    grant_types: ['authorization_code', 'client_credentials', 'refresh_token'],
    token_endpoint_auth_method: 'tls_client_auth',
    id_token_signed_response_alg: 'ES256',
    tls_client_auth_subject_dn: subject(new X509Certificate(readFileSync(file))),
  };
}

function gateway({ id, certificate: file }) {
  return { ...client({ id, certificate: file }), redirect_uris: [], response_types: [], grant_types: ['client_credentials'] };
}
