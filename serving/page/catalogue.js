// The catalogue in memory: movies by id, genres, and a search over titles.

const MOST_MATCHES = 12;

export class Catalogue {
  constructor({ model, version, movies, users }) {
    this.model = model;
    this.version = version;
    this.users = users;
    this.movies = new Map(movies.map((movie) => [movie.id, movie]));
    this.genres = [...new Set(movies.flatMap((movie) => movie.genres))].sort();
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

function nearness(title, asked, words) {
  if (title.startsWith(asked)) return 0;
  return words.every((word) => ` ${title}`.includes(` ${word}`)) ? 1 : 2;
}

/** Small letters without accents and marks: "Amélie (2001)" is found by "amelie 2001". */
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ");
}
