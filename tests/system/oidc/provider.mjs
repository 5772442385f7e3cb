// A real OpenID provider for tests. Its sign-in page takes any password.
//
// Environment: MODULE (the path of oidc-provider), PORT, CLIENT (JSON), JWKS (JSON, private keys),
// PEOPLE (JSON: the claims of each person, by the name to sign in with).

const { default: Provider } = await import(process.env.MODULE);
const people = JSON.parse(process.env.PEOPLE);
const claims = ["email", "email_verified", "name", "groups"];

const provider = new Provider(`http://localhost:${process.env.PORT}`, {
  clients: [JSON.parse(process.env.CLIENT)],
  jwks: JSON.parse(process.env.JWKS),
  cookies: { keys: ["a key for tests"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
  features: { backchannelLogout: { enabled: true } },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256"] },
  findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  // The package's own dispatcher sends nothing to addresses of this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  // Nobody is asked for consent.
  async loadExistingGrant(context) {
    const { client, session, provider: here } = context.oidc;
    const grant = new here.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid email profile");
    grant.addOIDCClaims(claims);
    await grant.save();
    return grant;
  },
});
provider.listen(Number(process.env.PORT), "localhost");
