// One movie of a list: rank, a tile coloured by genre, title, genres, stars, score, reason, and what can be done with it.

import { element } from "./elements.js";

const MOST_STARS = 5;

/**
 * @param movie id, title, genres, score, stars
 * @param options.rank its place  @param options.highest score of the best  @param options.scoreName what the score is
 * @param options.digits score => text
 * @param options.actions [{label, run}]
 */
export function movieCard(movie, { rank, highest, scoreName, digits = twoDigits, actions }) {
  return element("li", { class: "card", "data-movie-id": movie.id }, [
    tile(movie, rank),
    element("div", { class: "about" }, [
      element("h3", {}, movie.title),
      element("p", { class: "tags" }, movie.genres.join(" · ")),
    ]),
    element("div", { class: "figures" }, [...starFigure(movie.stars), scoreFigure(movie.score, highest, scoreName, digits)]),
    element("div", { class: "actions" }, actions.map((action) => actionButton(action, movie))),
  ]);
}

/** Says on a card which liked movies speak for it. */
export function addReason(card, titles) {
  if (titles.length) card.querySelector(".about").append(element("p", { class: "because" }, becauseText(titles)));
}

export function placeholderCards(count) {
  return Array.from({ length: count }, () => element("li", { class: "card placeholder", "aria-hidden": "true" }, [
    element("div", { class: "tile" }),
    element("div", { class: "about" }, [element("span", { class: "bar wide" }), element("span", { class: "bar" })]),
  ]));
}

function tile(movie, rank) {
  const made = element("div", { class: "tile", "aria-hidden": "true" }, String(rank));
  made.style.setProperty("--hue", String(hue(movie.genres[0] ?? movie.title)));
  return made;
}

/** The same genre has the same colour everywhere. */
function hue(text) {
  let hash = 2166136261; // FNV-1a
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0), 16777619);
  return (hash >>> 0) % 360;
}

function becauseText(titles) {
  const quoted = titles.map((title) => element("cite", {}, title));
  const parts = ["Because you liked "];
  quoted.forEach((title, at) => {
    if (at > 0) parts.push(at === quoted.length - 1 ? " and " : ", ");
    parts.push(title);
  });
  return parts;
}

function actionButton({ label, run }, movie) {
  return element("button", { type: "button", class: "link", "aria-label": `${label}: ${movie.title}`, onclick: run }, label);
}

function starFigure(stars) {
  if (!stars) return [];
  const text = stars.toFixed(1);
  const meter = element("span", { class: "stars", "aria-hidden": "true" });
  meter.style.setProperty("--share", `${Math.min(stars / MOST_STARS, 1) * 100}%`);
  return [element("p", { class: "predicted", title: "Predicted rating" }, [
    element("span", { class: "unseen" }, "Predicted stars: "),
    ...(stars <= MOST_STARS ? [meter] : []),
    element("b", {}, text),
  ])];
}

function scoreFigure(score, highest, name, digits) {
  const share = highest > 0 ? Math.max(0, Math.min(score / highest, 1)) : 0;
  const bar = element("span", { class: "meter", "aria-hidden": "true" });
  bar.style.setProperty("--share", `${share * 100}%`);
  return element("p", { class: "score", title: name }, [element("span", {}, `${name} `), bar, element("b", {}, digits(score))]);
}

function twoDigits(score) {
  return score.toFixed(2);
}

export function asPercent(share) {
  return `${(share * 100).toPrecision(2)} %`;
}
