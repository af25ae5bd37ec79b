// A search box with a list of matches, by the ARIA combobox pattern: keyboard, pointer and screen readers alike.

import { element } from "./elements.js";

/** @param options.search text => items  @param options.choose item => void */
export function itemPicker(input, list, { search, choose }) {
  let matches = [];
  let active = -1;

  function show() {
    matches = search(input.value);
    active = matches.length ? 0 : -1;
    list.replaceChildren(...(matches.length ? matches.map(option) : [nothing()]));
    list.hidden = !input.value.trim();
    mark();
  }

  function option(item, at) {
    const row = element("li", { role: "option", id: `match-${at}`, "aria-selected": "false" }, [
      element("span", {}, item.title),
      element("small", {}, Object.values(item.features).flat().join(" · ")),
    ]);
    row.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
    row.addEventListener("click", () => take(at));
    return row;
  }

  function nothing() {
    return element("li", { role: "option", "aria-disabled": "true", class: "nothing" }, "No item matches");
  }

  function mark() {
    input.setAttribute("aria-expanded", String(!list.hidden));
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === active)));
    if (active >= 0 && !list.hidden) {
      input.setAttribute("aria-activedescendant", `match-${active}`);
      list.children[active].scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function move(step) {
    if (list.hidden) show();
    if (matches.length) active = (active + step + matches.length) % matches.length;
    mark();
  }

  function take(at) {
    choose(matches[at]);
    input.value = "";
    close();
    input.focus();
  }

  function close() {
    list.hidden = true;
    active = -1;
    mark();
  }

  input.addEventListener("input", show);
  input.addEventListener("focus", () => input.value.trim() && show());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const open = !list.hidden;
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter" && input.value.trim()) {
      if (open && active >= 0) take(active);
    } else if (event.key === "Escape" && open) close();
    else return;
    event.preventDefault();
  });
}
