// One item of a list: rank, a tile coloured by what it is, title, tags, stars, score, reason, and what can be done with it.

import { element } from "./elements.js";

const MOST_STARS = 5;
const LEAST_BAR = 0.04; // a bar that can be seen to be one

/**
 * @param item id, title, tags, colour (hue and dark of its tile, undefined = none), score, stars
 * @param options.rank its place  @param options.range [score of an empty bar, score of a full one]
 * @param options.scoreName what the score is  @param options.scoreMeaning the same in a sentence
 * @param options.digits score => text
 * @param options.actions [{label, run}]
 */
export function itemCard(item, { rank, range, scoreName, scoreMeaning, digits = twoDigits, actions }) {
  return element("li", { class: "card", "data-item-id": item.id }, [
    tile(item, rank),
    element("div", { class: "about" }, [
      element("h3", {}, item.title),
      element("p", { class: "tags" }, item.tags.join(" · ")),
    ]),
    element("div", { class: "figures" }, [...starFigure(item.stars), scoreFigure(item.score, range, scoreName, scoreMeaning, digits)]),
    element("div", { class: "actions" }, actions.map((action) => actionButton(action, item))),
  ]);
}

/** Says on a card which items of the history speak for it: watched, for not all of them need have been liked. */
export function addReason(card, titles) {
  if (titles.length) card.querySelector(".about").append(element("p", { class: "because" }, becauseText(titles)));
}

export function placeholderCards(count) {
  return Array.from({ length: count }, () => element("li", { class: "card placeholder", "aria-hidden": "true" }, [
    element("div", { class: "tile" }),
    element("div", { class: "about" }, [element("span", { class: "bar wide" }), element("span", { class: "bar" })]),
  ]));
}

function tile(item, rank) {
  const made = element("div", { class: "tile", "aria-hidden": "true" }, String(rank));
  if (!item.colour) made.classList.add("plain");
  else made.style.setProperty("--hue", String(item.colour.hue));
  if (item.colour?.dark) made.classList.add("dark");
  return made;
}

function becauseText(titles) {
  const quoted = titles.map((title) => element("cite", {}, title));
  const parts = ["Because you watched "];
  quoted.forEach((title, at) => {
    if (at > 0) parts.push(at === quoted.length - 1 ? " and " : ", ");
    parts.push(title);
  });
  return parts;
}

function actionButton({ label, run }, item) {
  return element("button", { type: "button", class: "link", "aria-label": `${label}: ${item.title}`, onclick: run }, label);
}

function starFigure(stars) {
  if (!stars) return [];
  const text = stars.toFixed(1);
  const meter = element("span", { class: "stars", "aria-hidden": "true" });
  meter.style.setProperty("--share", `${Math.min(stars / MOST_STARS, 1) * 100}%`);
  return [element("p", { class: "predicted", title: "The rating that the model expects" }, [
    element("span", { class: "unseen" }, "Predicted stars: "),
    ...(stars <= MOST_STARS ? [meter] : []),
    element("b", {}, text),
  ])];
}

function scoreFigure(score, [empty, full], name, meaning, digits) {
  const share = full > empty ? Math.max(LEAST_BAR, Math.min((score - empty) / (full - empty), 1)) : 1;
  const bar = element("span", { class: "meter", "aria-hidden": "true" });
  bar.style.setProperty("--share", `${share * 100}%`);
  return element("p", { class: "score", title: meaning }, [element("span", {}, `${name} `), bar, element("b", {}, digits(score))]);
}

function twoDigits(score) {
  return score.toFixed(2);
}

export function asPercent(share) {
  return `${(share * 100).toPrecision(2)} %`;
}
