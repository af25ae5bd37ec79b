// The public REST API of the server, as this page uses it. Addresses are relative: the page may stand behind a path.

const LONGEST_MILLISECONDS = 30_000;
const TOKEN_KEY = "token";

export class ApiError extends Error {
  /** @param {number} status HTTP code, 0 where no answer came. */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function setToken(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
}

/** The catalogue: model, version, items (id, title, values of features), users. */
export function fetchCatalogue() {
  return ask("catalogue.json");
}

/** Names of the signatures of a model. */
export async function fetchSignatures(model) {
  const answer = await ask(`${address(model)}/metadata`);
  return new Set(Object.keys(answer.metadata.signature_def.signature_def));
}

/** What is recommended; lists of the request carry one neutral value first, as everywhere in TensorFlow Serving. */
export async function recommend(model, { user, history, exclude, filters, n }, signal) {
  const outputs = await predict(model, "recommend", { ...person(user, history), ...{
    exclude_item_ids: [["", ...exclude]],
    allow_item_ids: [[""]],
    filters: [["", ...filters]],
    user_features: [[""]],
    context: [[""]],
    n: [n],
  } }, signal);
  return { source: outputs.source[0], items: rows(outputs) };
}

/** Items like one. */
export async function similar(model, itemId, signal) {
  return rows(await predict(model, "similar", { item_id: [itemId] }, signal));
}

/** What is known of a user, newest first. */
export async function knownOf(model, user, signal) {
  return rows(await predict(model, "history", { user_id: [user] }, signal));
}

/** For each item, the titles of those of the history that speak most for it, best first. */
export async function explain(model, { user, history }, itemIds, signal) {
  const one = person(user, history);
  const repeated = Object.fromEntries(Object.entries(one).map(([name, [row]]) => [name, itemIds.map(() => row)]));
  const outputs = await predict(model, "explain", { ...repeated, item_id: itemIds }, signal);
  return outputs.titles.map((titles, row) => titles.slice(0, outputs.count[row]));
}

function person(user, history) {
  return {
    user_id: [user],
    history_item_ids: [["", ...history.map((one) => one.id)]],
    history_ratings: [[0, ...history.map((one) => one.stars)]],
  };
}

async function predict(model, signature, inputs, signal) {
  const body = JSON.stringify({ signature_name: signature, inputs });
  const headers = { "Content-Type": "application/json" };
  const answer = await ask(`${address(model)}:predict`, { method: "POST", body, headers, signal });
  return answer.outputs;
}

/** The real items of a padded answer of one row. */
function rows(outputs) {
  return outputs.item_ids[0].slice(0, outputs.count[0]).map((id, at) => ({
    id,
    title: outputs.titles[0][at],
    score: outputs.scores?.[0][at],
    stars: outputs.predicted_ratings?.[0][at] ?? outputs.ratings?.[0][at] ?? 0,
  }));
}

function address(model) {
  return `v1/models/${encodeURIComponent(model)}`;
}

async function ask(url, { signal, headers = {}, ...options } = {}) {
  const token = sessionStorage.getItem(TOKEN_KEY);
  const slow = AbortSignal.timeout(LONGEST_MILLISECONDS);
  let response;
  try {
    response = await fetch(url, {
      ...options,
      headers: token ? { ...headers, Authorization: `Bearer ${token}` } : headers,
      signal: signal ? AbortSignal.any([signal, slow]) : slow,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, slow.aborted ? "The server took longer than 30 seconds." : "The server cannot be reached.");
  }
  const text = await response.text();
  const answer = parsed(text);
  if (!response.ok) throw new ApiError(response.status, answer?.error ?? `The server answered ${response.status}.`);
  if (answer === undefined) throw new ApiError(response.status, "The server's answer cannot be read.");
  return answer;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
