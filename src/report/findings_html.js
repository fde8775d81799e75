"use strict";
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const rows = [...document.querySelectorAll("#findings tbody tr")];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const apply = () => {
    const value = (name) => (form.elements[name] ? form.elements[name].value : "");
    const words = value("text").toLowerCase().split(/\s+/).filter(Boolean);
    const withSuppressed = form.elements.suppressed ? form.elements.suppressed.checked : false;
    let shown = 0;
    for (const row of rows) {
      const data = row.dataset;
      const fits = ["severity", "class", "place"].every((name) => !value(name) || data[name] === value(name));
      const has = words.every((word) => texts.get(row).includes(word));
      row.hidden = !(fits && has && (withSuppressed || !("suppressed" in data)));
      if (!row.hidden) shown += 1;
    }
    document.getElementById("shown").value = `${shown} of ${rows.length} shown`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
})();
