// A certified OAuth2 server (oidc-provider) and an API behind it, on loopback.
// The API accepts a call only if the server's introspection endpoint says that its token is active.
import http from 'node:http';
import Provider from 'oidc-provider';

const SECRETS = ['plain', 'a:b', 'a+b', '100%', '%41', 'til~de', 'sl/ash', 'eq=ual', 'amp&er', 'with space', ': + % ~ / = & '];
const API = { client_id: 'api', client_secret: 'api-secret' };
const SHORT = 'short-lived';

const client = (client_id, client_secret) => ({
  client_id, client_secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
});
const server = http.createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [...SECRETS.map((secret, i) => client(`key-${i}`, secret)), client(SHORT, SHORT), client(API.client_id, API.client_secret)],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    devInteractions: { enabled: false },
  },
  ttl: { ClientCredentials: (ctx, token, client) => (client.clientId === SHORT ? 1 : 600) },
});
const oauth = provider.callback();

async function active(token) {
  const basic = Buffer.from(`${API.client_id}:${API.client_secret}`).toString('base64');
  const answer = await fetch(`${issuer}/token/introspection`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams({ token }),
  });
  return (await answer.json()).active === true;
}

server.on('request', async (request, response) => {
  if (!request.url.startsWith('/v1/')) return oauth(request, response);
  request.resume();
  const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (token && await active(token)) {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
  } else {
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
  }
});

console.log(`listening ${issuer}`);
