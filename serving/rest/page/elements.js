// Elements from names, attributes and text. Titles, ids and messages only ever become text, never markup.

export function element(name, attributes = {}, content = []) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...[content].flat());
  return made;
}

export const byId = (id) => document.getElementById(id);
