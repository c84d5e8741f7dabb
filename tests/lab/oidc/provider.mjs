// An OpenID provider for the tests of sign-in: node provider.mjs SETTINGS.json
// The settings name port, client and the file of accounts, which is read anew at every sign-in, so that a test can
// change what the provider says of somebody. Signing in is the package's own form: any password does.
import { readFileSync } from "node:fs";
import { Provider } from "oidc-provider";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const accounts = () => JSON.parse(readFileSync(settings.accounts, "utf8"));

const provider = new Provider(settings.issuer, {
  clients: [settings.client],
  scopes: ["openid", "email", "profile", "groups"],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
  ttl: { Interaction: 600, Session: 3600, Grant: 3600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts()[id] }) }),
  // Nobody has to agree to anything: the organisation has done so for its people.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid email profile groups");
    await grant.save();
    return grant;
  },
});

provider.listen(settings.port, "127.0.0.1", () => console.log("ready"));
