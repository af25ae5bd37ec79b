// The page: what is asked (kept in the address, so that it can be shared and survives a reload), and what is shown.

import { ApiError, explain, fetchCatalogue, fetchSignatures, knownOf, recommend, setToken, similar } from "./api.js";
import { Catalogue } from "./catalogue.js";
import { byId, element } from "./elements.js";
import { addReason, asPercent, itemCard, placeholderCards } from "./item_card.js";
import { itemPicker } from "./picker.js";

const PAUSE_MILLISECONDS = 150; // between a change and the question, so that three quick clicks ask once
const FIRST_MOMENT = 1e9; // 2001, in Unix seconds
const LAST_MOMENT = 1e10; // 2286
const MOST_KNOWN = 100;
const MOST_REASONS = 2;
const ORDER = "Most relevant first";
const MEANING_OF_STARS = "; the stars are the rating the model expects";
const STARS = [0, 5, 4.5, 4, 3.5, 3, 2.5, 2, 1.5, 1, 0.5];

let catalogue;
let signatures = new Set();
let question = emptyQuestion();
let asking = new AbortController();
let waiting;
let lead = false; // whether the reader is to be led to the next answer

// What is asked.

function emptyQuestion() {
  return { mode: "items", user: "", picks: [], filters: [], hidden: [], n: 10 };
}

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const n = Number(given.get("n"));
  return {
    mode: given.has("user") ? "user" : "items",
    user: given.get("user") ?? "",
    picks: given.getAll("like").map(readPick).filter((pick) => catalogue.items.has(pick.id)),
    filters: given.getAll("filter").filter((filter) => catalogue.filters.has(filter)),
    hidden: given.getAll("hide").filter((id) => catalogue.items.has(id)),
    n: [...byId("n").options].some((option) => Number(option.value) === n) ? n : 10,
  };
}

/** `id@stars`, or an id alone for an item that is liked without stars. */
function readPick(text) {
  const at = text.lastIndexOf("@");
  const stars = at < 0 ? 0 : Number(text.slice(at + 1));
  return STARS.includes(stars) && at >= 0 ? { id: text.slice(0, at), stars } : { id: text, stars: 0 };
}

/** The part of the address that says what is asked: "" or "#…". */
function addressOf(question) {
  const kept = new URLSearchParams();
  if (question.mode === "user") kept.set("user", question.user);
  else for (const { id, stars } of question.picks) kept.append("like", stars || id.includes("@") ? `${id}@${stars}` : id);
  for (const filter of question.filters) kept.append("filter", filter);
  for (const id of question.hidden) kept.append("hide", id);
  if (question.n !== 10) kept.set("n", String(question.n));
  return kept.size ? `#${kept}` : "";
}

/** Changes the question, shows the change at once, and asks a moment later; the browser's Back takes the change back. */
function change(parts) {
  question = { ...question, ...parts };
  const address = addressOf(question);
  if (address !== location.hash) history.pushState(null, "", address || location.pathname + location.search);
  showQuestion();
  askSoon();
}

function askSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(ask, PAUSE_MILLISECONDS);
}

// The form.

function showQuestion() {
  const byUser = question.mode === "user";
  byId(`mode-${question.mode}`).checked = true;
  byId("items-panel").hidden = byUser;
  byId("user-panel").hidden = !byUser;
  if (byId("user").value !== question.user) byId("user").value = question.user;
  byId("n").value = String(question.n);
  byId("picks").replaceChildren(...question.picks.map(pickItem));
  for (const chip of byId("filters").querySelectorAll("button"))
    chip.setAttribute("aria-pressed", String(question.filters.includes(chip.dataset.filter)));
  const hidden = question.hidden.length;
  byId("hidden-items").hidden = !hidden;
  byId("hidden-items").firstElementChild.textContent = `${hidden} ${hidden === 1 ? "item is" : "items are"} left out.`;
}

function pickItem(pick) {
  const { title } = catalogue.items.get(pick.id);
  const others = question.picks.filter((one) => one.id !== pick.id);
  const stars = element("select", { "aria-label": `Your stars for ${title}` }, STARS.map((value) =>
    element("option", { value, selected: value === pick.stars ? "" : false }, value ? `${value} ★` : "liked")));
  stars.addEventListener("change", () => change({
    picks: question.picks.map((one) => (one.id === pick.id ? { ...one, stars: Number(stars.value) } : one)),
  }));
  const remove = element("button", { type: "button", class: "icon", "aria-label": `Remove ${title}` }, "×");
  remove.addEventListener("click", () => {
    change({ picks: others });
    byId("search").focus();
  });
  return element("li", {}, [element("span", {}, title), stars, remove]);
}

function like(item) {
  if (question.picks.some((one) => one.id === item.id)) return;
  change({ mode: "items", picks: [...question.picks, { id: item.id, stars: 0 }] });
  announce(`${item.title} is among the items you like.`);
}

function fillForm() {
  byId("model").textContent = `${catalogue.model}, ${versionInWords(catalogue.version)} · ${catalogue.items.size.toLocaleString("en")} items`;
  byId("model").title = `version ${catalogue.version}`;
  byId("users").replaceChildren(...catalogue.users.map((user) => element("option", { value: user })));
  byId("filters").replaceChildren(...[...catalogue.features].map(([name, values]) => element("fieldset", {}, [
    element("legend", {}, `Only these ${name}`),
    element("div", { class: "chips" }, values.map((value) => filterChip(name, value))),
  ])));
  for (const id of ["search", "user", "ask"]) byId(id).disabled = false;
  byId("any-user").disabled = !catalogue.users.length;
}

/** A pipeline's versions are moments in Unix seconds; other people's are numbers. */
function versionInWords(version) {
  const seconds = Number(version);
  if (!(seconds >= FIRST_MOMENT && seconds < LAST_MOMENT)) return `version ${version}`;
  return `pushed ${new Date(seconds * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}`;
}

function filterChip(name, value) {
  const filter = `${name}=${value}`;
  const chip = element("button", { type: "button", class: "chip", "aria-pressed": "false", "data-filter": filter }, value);
  chip.addEventListener("click", () => change({
    filters: question.filters.includes(filter) ? question.filters.filter((one) => one !== filter) : [...question.filters, filter],
  }));
  return chip;
}

function listen() {
  byId("question").addEventListener("submit", (event) => {
    event.preventDefault();
    lead = true;
    change({ user: byId("user").value.trim() });
  });
  for (const radio of document.querySelectorAll("input[name=mode]"))
    radio.addEventListener("change", () => change({ mode: radio.value, hidden: [] }));
  byId("user").addEventListener("change", () => change({ user: byId("user").value.trim(), hidden: [] }));
  byId("any-user").addEventListener("click", () => {
    const { users } = catalogue;
    change({ user: users[Math.floor(Math.random() * users.length)], hidden: [] });
  });
  byId("n").addEventListener("change", () => change({ n: Number(byId("n").value) }));
  byId("hidden-items").querySelector("button").addEventListener("click", () => change({ hidden: [] }));
  itemPicker(byId("search"), byId("matches"), {
    search: (text) => catalogue.search(text, new Set(question.picks.map((pick) => pick.id))),
    choose: like,
  });
  addEventListener("hashchange", () => {
    if (!catalogue) return;
    question = readAddress();
    showQuestion();
    ask();
  });
  byId("similar-close").addEventListener("click", () => byId("similar").close());
  byId("similar").addEventListener("click", (event) => event.target === byId("similar") && byId("similar").close());
  byId("similar-back").addEventListener("click", () => {
    path.pop();
    showSimilar(path.at(-1));
  });
}

// The recommendations.

async function ask() {
  clearTimeout(waiting);
  if (!catalogue) return; // start() asks as soon as it is there
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const asked = question;
  const user = asked.mode === "user" ? asked.user : "";
  const picks = asked.mode === "user" ? [] : asked.picks;
  busy(true);
  showKnown(user, signal);
  try {
    const answer = await recommend(catalogue.model, {
      user, history: picks, exclude: asked.hidden, filters: asked.filters, n: asked.n,
    }, signal);
    showAnswer(answer, user, asked.filters);
    leadToAnswer();
    explainAnswer(answer, { user, history: picks }, signal);
  } catch (error) {
    if (signal.aborted) return;
    showFailure(error, ask);
    leadToAnswer();
  } finally {
    if (!signal.aborted) busy(false);
  }
}

function busy(yes) {
  byId("results").setAttribute("aria-busy", String(yes));
  if (yes && !byId("list").children.length && byId("notice").hidden) byId("list").replaceChildren(...placeholderCards(5));
}

/** What the button does beyond asking: the list comes into view, has the focus and lights up. */
function leadToAnswer() {
  if (!lead) return;
  lead = false;
  const results = byId("results");
  results.focus({ preventScroll: true });
  results.scrollIntoView({ block: "start" });
  results.classList.remove("fresh");
  void results.offsetWidth; // the animation begins anew
  results.classList.add("fresh");
}

function showAnswer({ source, items }, user, filters) {
  const { heading, explained } = inWords(source, user);
  byId("heading").textContent = heading;
  const filter = filters.length ? ` Only ${inOneLine(filters)}.` : "";
  const stars = items.some((item) => item.stars) ? MEANING_OF_STARS : "";
  const order = source === "popularity" || !items.length ? "" : ` ${ORDER}${stars}.`;
  byId("source").textContent = explained + filter + order;
  byId("notice").hidden = items.length > 0;
  if (!items.length) byId("notice").replaceChildren(nothingLeft());
  byId("list").replaceChildren(...recommendedCards(items, source));
  announce(`${items.length} ${items.length === 1 ? "recommendation" : "recommendations"}. ${heading}.`);
}

/** "Because you watched …" comes a moment later than the list; without it the list is whole, too. */
async function explainAnswer({ source, items }, asked, signal) {
  if (source === "popularity" || !items.length || !signatures.has("explain")) return;
  try {
    const reasons = await explain(catalogue.model, asked, items.map((item) => item.id), signal);
    if (signal.aborted) return;
    const cards = byId("list").querySelectorAll(".card");
    reasons.forEach((titles, at) => addReason(cards[at], titles.slice(0, MOST_REASONS)));
  } catch (error) {
    if (!signal.aborted) console.warn("the recommendations could not be explained:", error.message);
  }
}

/** Filters in words: of one feature any, of several all. */
function inOneLine(filters) {
  const byFeature = new Map();
  for (const filter of filters) {
    const at = filter.indexOf("=");
    const name = filter.slice(0, at);
    byFeature.set(name, [...(byFeature.get(name) ?? []), filter.slice(at + 1)]);
  }
  const any = new Intl.ListFormat("en", { type: "disjunction" });
  return new Intl.ListFormat("en", { type: "conjunction" }).format([...byFeature.values()].map((values) => any.format(values)));
}

function inWords(source, user) {
  if (source === "model") return { heading: `For user ${user}`, explained: "From what the model knows of this user." };
  if (source === "features") return { heading: `For user ${user}`, explained: "From what is known of this user; there is no history." };
  if (source === "history") return { heading: "For you", explained: "From the items you like." };
  if (user) return { heading: "Popular items", explained: `The model knows nothing of user ${user}: these are the most popular.` };
  return { heading: "Popular items", explained: "Choose some items you like, or a user, and the list becomes personal." };
}

function recommendedCards(items, source) {
  const scores = items.map((item) => item.score);
  const shown = source === "popularity"
    ? { scoreName: "Share of ratings", scoreMeaning: "The share of all ratings", digits: asPercent, range: [0, Math.max(...scores)] }
    : { scoreName: "Relevance", scoreMeaning: "The model's score; the bar goes from the last item of the list to the first",
      range: [Math.min(...scores), Math.max(...scores)] };
  return items.map((item, at) => itemCard(withTags(item), {
    rank: at + 1,
    ...shown,
    actions: [
      similarAction(item),
      ...likeAction(item),
      { label: "Hide", run: () => hide(item) },
    ],
  }));
}

function similarAction(item) {
  return { label: "Similar", run: () => openSimilar(item) };
}

/** Only who is described by items can like one more: what is known of a user is the model's. */
function likeAction(item) {
  if (question.mode === "user" || question.picks.some((pick) => pick.id === item.id)) return [];
  const run = () => {
    byId("similar").close();
    like(item);
  };
  return [{ label: "I like it", run }];
}

function hide(item) {
  change({ hidden: [...question.hidden, item.id] });
  byId("results").focus();
}

function withTags(item) {
  const features = catalogue.items.get(item.id)?.features ?? {};
  return { ...item, tags: Object.values(features).flat(), colour: catalogue.colours.get(features[catalogue.coloured]?.[0]) };
}

function nothingLeft() {
  const wide = element("button", { type: "button", class: "quiet" }, "No filter, nothing left out");
  wide.addEventListener("click", () => change({ filters: [], hidden: [] }));
  return element("div", { class: "notice" }, [
    element("p", {}, "No item is left: every one is known, left out, or not what the filters let through."), wide,
  ]);
}

// What is known of the user.

async function showKnown(user, signal) {
  const details = byId("known");
  if (!user || !signatures.has("history")) {
    details.hidden = true;
    return;
  }
  try {
    const items = await knownOf(catalogue.model, user, signal);
    details.hidden = !items.length;
    details.firstElementChild.textContent = `${items.length.toLocaleString("en")} items known of user ${user}`;
    const more = items.length - MOST_KNOWN;
    details.querySelector("ol").replaceChildren(
      ...items.slice(0, MOST_KNOWN).map((item) => element("li", {}, [
        element("span", {}, item.title), element("b", {}, item.stars ? `${item.stars} ★` : ""),
      ])),
      ...(more > 0 ? [element("li", {}, `and ${more.toLocaleString("en")} older ones`)] : []),
    );
  } catch {
    details.hidden = true; // the recommendations say what is wrong
  }
}

// Similar items, with the way back.

let path = [];
let looking = new AbortController();

function openSimilar(item) {
  if (!byId("similar").open) {
    path = [];
    byId("similar").showModal();
  }
  path.push(item);
  showSimilar(item);
}

async function showSimilar(item) {
  looking.abort();
  looking = new AbortController();
  const { signal } = looking;
  byId("similar-heading").textContent = `Like ${item.title}`;
  byId("similar-back").hidden = path.length < 2;
  byId("similar-notice").replaceChildren();
  byId("similar-list").replaceChildren(...placeholderCards(3));
  try {
    const items = await similar(catalogue.model, item.id, signal);
    byId("similar-list").replaceChildren(...similarCards(items));
    byId("similar-notice").textContent = items.length ? "" : "Nothing is like this item.";
    byId("similar").scrollTo(0, 0);
  } catch (error) {
    if (signal.aborted) return;
    byId("similar-list").replaceChildren();
    byId("similar-notice").replaceChildren(failure(error, () => showSimilar(item)));
  }
}

function similarCards(items) {
  return items.map((item, at) => itemCard(withTags(item), {
    rank: at + 1,
    range: [0, 1],
    scoreName: "Similarity",
    scoreMeaning: "1 is an item just like it",
    actions: [similarAction(item), ...likeAction(item)],
  }));
}

// When something goes wrong.

function showFailure(error, again) {
  byId("heading").textContent = "That did not work";
  byId("source").textContent = "";
  byId("list").replaceChildren();
  byId("notice").hidden = false;
  byId("notice").replaceChildren(error.status === 401 ? tokenForm(again) : failure(error, again));
  announce(error.message);
}

function failure(error, again) {
  if (!(error instanceof ApiError)) console.error(error);
  const retry = element("button", { type: "button", class: "quiet", onclick: again }, "Try again");
  const message = error instanceof ApiError ? error.message : "The server's answer cannot be read.";
  return element("div", { class: "notice bad" }, [element("p", {}, message), retry]);
}

function tokenForm(again) {
  const input = element("input", { id: "token", type: "password", autocomplete: "off", required: "" });
  const form = element("form", { class: "notice" }, [
    element("label", { for: "token" }, "This server asks for a token"),
    element("div", { class: "row" }, [input, element("button", { class: "primary" }, "Go on")]),
  ]);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    setToken(input.value.trim());
    again();
  });
  return form;
}

function announce(text) {
  byId("announcement").textContent = text;
}

async function start() {
  busy(true);
  byId("heading").textContent = "Loading the catalogue";
  byId("notice").hidden = true;
  try {
    catalogue = new Catalogue(await fetchCatalogue());
    signatures = await fetchSignatures(catalogue.model);
  } catch (error) {
    showFailure(error, start);
    busy(false);
    return;
  }
  fillForm();
  question = readAddress();
  showQuestion();
  await ask();
}

listen();
start();
