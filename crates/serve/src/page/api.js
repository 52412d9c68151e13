// What the server is asked. Every answer is data; an error is a sentence.

const TOKEN = "onedge-token";
let token = null;

/** The token that stands behind the address goes out of sight, and is kept while the window is open. */
export function takeToken() {
  const given = /^#token=([0-9a-f]+)/.exec(location.hash);
  if (given) {
    sessionStorage.setItem(TOKEN, given[1]);
    history.replaceState(null, "", location.pathname + "#/runs");
  }
  token = sessionStorage.getItem(TOKEN);
}

/** The one that the server hands to pages of this machine. */
export function useToken(handed) {
  if (handed) token = handed;
}

const headers = () => (token ? { "x-onedge-token": token } : {});

/** A server that cannot be reached. */
export class Gone extends Error {}

/** Parameters in an address: a list becomes several of one name. */
export function query(parameters) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) if (one !== undefined && one !== null && one !== "") search.append(name, one);
  }
  return search.toString();
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Gone("the server cannot be reached");
  }
  return response;
}

async function read(response) {
  const answer = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
  if (!response.ok) throw new Error(answer.error || `the server answered ${response.status}`);
  return answer;
}

export async function get(name, parameters = {}, signal = undefined) {
  return read(await ask(`/api/${name}?${query(parameters)}`, { headers: headers(), signal }));
}

/** A change: never by an address alone, always with the token. */
export async function post(name, change) {
  return read(await ask(`/api/${name}`, { method: "POST", headers: { ...headers(), "content-type": "application/json" }, body: JSON.stringify(change) }));
}

/** Events of the server, one after the other, until `signal` ends it: `see(event, data)`. Throws when it is cut off. */
export async function stream(name, parameters, signal, see) {
  const response = await ask(`/api/${name}?${query(parameters)}`, { headers: headers(), signal });
  if (!response.ok) await read(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    // A server that says nothing for so long is gone: it says something every five seconds.
    const silence = new Promise((_, fail) => setTimeout(() => fail(new Gone("the server is silent")), 15000));
    const { done, value } = await Promise.race([reader.read(), silence]);
    if (done) throw new Gone("the server ended the stream");
    rest += value;
    const parts = rest.split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const event = /^event: (.*)$/m.exec(part);
      const data = /^data: (.*)$/m.exec(part);
      see(event ? event[1] : "begin", data ? JSON.parse(data[1]) : null);
    }
  }
}
