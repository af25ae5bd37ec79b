"use strict";
// What is folded away is printed too.
const folded = [];
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details:not([open])")) {
    one.open = true;
    folded.push(one);
  }
});
addEventListener("afterprint", () => {
  for (const one of folded.splice(0)) one.open = false;
});
