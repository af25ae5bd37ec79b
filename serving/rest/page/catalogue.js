// The catalogue in memory: items by id, the values by which lists are filtered, and a search over titles.

const MOST_MATCHES = 12;
const GOLDEN_SECTION = (3 - Math.sqrt(5)) / 2;
const FIRST_HUE = 280; // of the most frequent value: the page's own accent
const MOST_VALUES = 60; // of a feature with more of them a choice on a page is no help

export class Catalogue {
  constructor({ model, version, items, users }) {
    this.model = model;
    this.version = version;
    this.users = users;
    this.items = new Map(items.map((item) => [item.id, item]));
    this.features = valuesByFeature(items); // name of a feature => its values
    this.filters = new Set([...this.features].flatMap(([name, values]) => values.map((value) => `${name}=${value}`)));
    this.coloured = this.features.has("genres") ? "genres" : this.features.keys().next().value;
    this.colours = colours(items.map((item) => item.features[this.coloured] ?? []));
    this.folded = items.map((item) => ({ item, text: fold(item.title) }));
  }

  /** Items whose title holds every word, those that begin with the text first, then those with words that do. */
  search(text, without) {
    const asked = fold(text).trim();
    if (!asked) return [];
    const words = asked.split(/\s+/);
    return this.folded
      .filter(({ item, text: title }) => words.every((word) => title.includes(word)) && !without.has(item.id))
      .map((one) => ({ ...one, nearness: nearness(one.text, asked, words) }))
      .sort((a, b) => a.nearness - b.nearness || a.text.length - b.text.length)
      .slice(0, MOST_MATCHES)
      .map(({ item }) => item);
  }
}

/** The values of every feature that filters, in order; a feature of very many values is left out. */
function valuesByFeature(items) {
  const found = new Map();
  for (const { features } of items)
    for (const [name, values] of Object.entries(features))
      for (const value of values) found.set(name, (found.get(name) ?? new Set()).add(value));
  const sorted = [...found].map(([name, values]) => [name, [...values].sort()]);
  return new Map(sorted.filter(([, values]) => values.length <= MOST_VALUES));
}

/** A colour for every value of a feature: hues (degrees) as far apart as the circle allows, the most frequent ones farthest; every
 * other place of the circle is darker, so that neighbours differ in that, too. */
function colours(lists) {
  const counts = new Map();
  for (const values of lists) for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const byFrequency = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const step = coprimeTo(byFrequency.length);
  return new Map(byFrequency.map(([value], at) => {
    const place = (at * step) % byFrequency.length;
    return [value, { hue: (FIRST_HUE + place * (360 / byFrequency.length)) % 360, dark: place % 2 === 1 }];
  }));
}

/** The first number from the golden section of `count` on that shares no divisor with it: its multiples reach every place. */
function coprimeTo(count) {
  const divisor = (a, b) => (b ? divisor(b, a % b) : a);
  let step = Math.max(1, Math.round(count * GOLDEN_SECTION));
  while (divisor(count, step) > 1) step += 1;
  return step;
}

function nearness(title, asked, words) {
  if (title.startsWith(asked)) return 0;
  return words.every((word) => ` ${title}`.includes(` ${word}`)) ? 1 : 2;
}

/** Small letters without accents and marks: "Amélie (2001)" is found by "amelie 2001". */
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ");
}
