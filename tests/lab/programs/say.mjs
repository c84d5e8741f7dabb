// Says a secret as header, body and path over HTTP/1.1 and HTTP/2, and prints what was answered.
// Arguments: address, port, host, secret, path. The authority's file is in NODE_EXTRA_CA_CERTS.
import http2 from "node:http2";
import https from "node:https";

const [address, port, host, secret, path] = process.argv.slice(-5);
const headers = { authorization: `Bearer ${secret}` };
const body = secret.repeat(30);

function lookup(_name, { all }, found) {
  return all ? found(null, [{ address, family: 4 }]) : found(null, address, 4);
}

function overHttp1() {
  return new Promise((resolve, reject) => {
    const request = https.request({ host, port, path, method: "POST", headers, agent: false, lookup }, resolve);
    request.on("error", reject);
    request.end(body);
  });
}

async function overHttp2(session) {
  const request = session.request({ ":path": path, ":method": "POST", ...headers });
  request.end(body);
  return request;
}

async function print(answer) {
  for await (const piece of answer) process.stdout.write(piece);
}

await print(await overHttp1());
const session = http2.connect(`https://${host}:${port}`, { lookup });
await print(await overHttp2(session));
session.close();
