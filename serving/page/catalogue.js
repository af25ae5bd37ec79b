// The catalogue in memory: movies by id, genres, and a search over titles.

const MOST_MATCHES = 12;
const GOLDEN_SECTION = (3 - Math.sqrt(5)) / 2;
const FIRST_HUE = 280; // of the most frequent genre: the page's own accent

export class Catalogue {
  constructor({ model, version, movies, users }) {
    this.model = model;
    this.version = version;
    this.users = users;
    this.movies = new Map(movies.map((movie) => [movie.id, movie]));
    this.genres = [...new Set(movies.flatMap((movie) => movie.genres))].sort();
    this.colours = colours(movies);
    this.folded = movies.map((movie) => ({ movie, text: fold(movie.title) }));
  }

  /** Movies whose title holds every word, those that begin with the text first, then those with words that do. */
  search(text, without) {
    const asked = fold(text).trim();
    if (!asked) return [];
    const words = asked.split(/\s+/);
    return this.folded
      .filter(({ movie, text: title }) => words.every((word) => title.includes(word)) && !without.has(movie.id))
      .map((one) => ({ ...one, nearness: nearness(one.text, asked, words) }))
      .sort((a, b) => a.nearness - b.nearness || a.text.length - b.text.length)
      .slice(0, MOST_MATCHES)
      .map(({ movie }) => movie);
  }
}

/** A colour for every genre: hues (degrees) as far apart as the circle allows, the most frequent ones farthest; every
 * other place of the circle is darker, so that neighbours differ in that, too. */
function colours(movies) {
  const counts = new Map();
  for (const { genres } of movies) for (const genre of genres) counts.set(genre, (counts.get(genre) ?? 0) + 1);
  const byFrequency = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const step = coprimeTo(byFrequency.length);
  return new Map(byFrequency.map(([genre], at) => {
    const place = (at * step) % byFrequency.length;
    return [genre, { hue: (FIRST_HUE + place * (360 / byFrequency.length)) % 360, dark: place % 2 === 1 }];
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
