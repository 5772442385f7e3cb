// The script of all pages. Pages work without it too.
(() => {
  const byId = (id) => document.getElementById(id);
  const showError = (text) => {
    const message = document.createElement("p");
    Object.assign(message, { className: "notice error", textContent: text, tabIndex: -1 });
    byId("tokenry-status").replaceChildren(message);
    message.focus();
  };
  let copied = true; // false while the page shows a token's value that nobody has copied

  function tabs(box) {
    const panels = [...box.querySelectorAll("section")];
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", "Language");
    const show = (chosen) => panels.forEach((panel, i) => {
      panel.hidden = i !== chosen;
      list.children[i].setAttribute("aria-selected", i === chosen);
      list.children[i].tabIndex = i === chosen ? 0 : -1;
    });
    panels.forEach((panel, i) => {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.id = panel.id + "-tab";
      tab.textContent = panel.querySelector("h3").textContent;
      tab.onclick = () => show(i);
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      list.append(tab);
    });
    list.onkeydown = (event) => {
      const now = [...list.children].indexOf(document.activeElement), last = panels.length - 1;
      const right = now < last ? now + 1 : 0, left = now > 0 ? now - 1 : last;
      const next = { ArrowRight: right, ArrowLeft: left, Home: 0, End: last }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      show(next);
      list.children[next].focus();
    };
    box.prepend(list);
    box.removeAttribute("data-tabs");
    show(0);
  }

  // Show what the scope of this checkbox permits only if the box is ticked.
  const showChosen = (box) => { byId("can-" + box.value).hidden = !box.checked; };

  function ready() {
    document.querySelectorAll("[name=scopes]").forEach(showChosen);
    document.querySelectorAll("[data-tabs]").forEach(tabs);
    if (byId("token-value")?.value) {
      copied = false;
      if (location.pathname.endsWith("new/")) { // a reload must not send the form again
        history.replaceState(null, "", location.pathname.replace(/(\w+\/re)?new\/$/, ""));
      }
    }
  }

  async function toClipboard(text, from) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // the browser refused, or has no navigator.clipboard without HTTPS
      const put = (event) => {
        event.preventDefault();
        event.clipboardData.setData("text/plain", text);
      };
      getSelection().selectAllChildren(from);
      from.select?.();
      document.addEventListener("copy", put, { once: true });
      const done = document.execCommand("copy");
      document.removeEventListener("copy", put);
      if (!done) throw new Error("refused");
    }
  }

  // Say this below the button, or in #copied.
  function tell(button, text) {
    document.querySelectorAll(".said").forEach((box) => box.replaceChildren());
    (button.parentElement.querySelector(".said") || byId("copied")).textContent = text;
  }

  async function copy(button) {
    const from = button.closest(".copy, section").querySelector("textarea, pre");
    const value = from.value;
    try {
      await toClipboard(button.dataset.copy + (value ?? from.textContent), from);
      button.focus();
      for (const label of document.querySelectorAll("[data-copy] span")) {
        label.dataset.name ??= label.textContent;
        const done = label.parentElement === button;
        label.textContent = done ? "Copied" : label.dataset.name;
        label.parentElement.classList.toggle("copied", done);
      }
      tell(button, button.dataset.said ?? "The code is copied.");
      copied ||= value;
    } catch {
      tell(button, "The browser did not allow Copy. The text is selected: press Ctrl+C or ⌘C.");
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    byId("theme")?.addEventListener("change", (event) => {
      document.documentElement.dataset.theme = event.target.value;
    });
    ready();
  });
  // A search goes into the URL, so the secret part of a token is removed.
  const tokenValues = /(?=[a-z0-9]{2,6}_(?:live|test|dev)_)(\w{24})\w\S*|[0-9A-Za-z]{48,}/g;
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.type === "search") field.value = field.value.replace(tokenValues, "$1");
    if (field.id === "resource-filter") document.querySelectorAll(".resources li").forEach((row) => {
      row.hidden = !row.textContent.toLowerCase().includes(field.value.toLowerCase());
    });
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.name === "scopes") showChosen(event.target);
  });
  let lastBox; // the checkbox clicked last; a click with Shift ticks all boxes between
  document.addEventListener("click", ({ target, shiftKey }) => {
    const button = target.closest("[data-copy], [data-click]");
    if (button?.dataset.click) { // click the boxes of one resource, or of all that the filter shows
      const found = "li:not([hidden]) [name=scopes]" + button.dataset.click;
      button.closest("li, fieldset").querySelectorAll(found).forEach((box) => box.click());
    } else if (button) copy(button);
    const boxes = [...document.querySelectorAll(".pick input")];
    const at = boxes.indexOf(target), from = shiftKey ? boxes.indexOf(lastBox) : at;
    if (at >= 0) lastBox = target;
    boxes.forEach((box, i) => {
      const between = at >= 0 && from >= 0 && (i - at) * (i - from) < 0;
      if (between || target.id === "pick-all") box.checked = target.checked ?? true;
    });
    if (target.type === "reset") byId("tokens").focus();
    setTimeout(() => byId("picked")?.replaceChildren(boxes.filter((box) => box.checked).length));
  });
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest("input, select, textarea, dialog");
    if (busy || event.ctrlKey || event.metaKey || event.altKey) return;
    const found = document.querySelector(`[aria-keyshortcuts="${CSS.escape(event.key)}"]`);
    if (!found) return;
    event.preventDefault();
    found.focus();
    found.click();
  });
  document.addEventListener("copy", (event) => {
    if (event.target.id === "token-value") copied = true;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const dialog = byId("tokenry-dialog");
    if (event.detail.target === dialog) dialog.showModal();
    else if (dialog.open) { dialog.close(); byId("tokens")?.focus(); }
    ready();
  });
  for (const error of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(error, (event) => {
      byId("tokenry-dialog").close();
      const refused = event.detail.xhr?.status >= 400 && event.detail.xhr.status < 500;
      showError(refused
        ? "Nothing was changed. Reload the page and try again."
        : "We couldn't confirm that. Reload to see whether it was done.");
    });
  }
  // Load the scripts for passkeys. The last one, keys.js, clicks the button again.
  document.addEventListener("click", (event) => {
    const scripts = byId("key-scripts");
    if (!scripts || !event.target.closest("[data-key]")) return;
    event.preventDefault();
    scripts.remove();
    for (const { src } of scripts.content.children) {
      const script = document.createElement("script");
      script.onerror = () => location.reload();
      document.head.append(Object.assign(script, { src, async: false }));
    }
  });
  // The server offers this time zone. When the person has chosen, the server replaces the cookie by
  // an HttpOnly one, which no script can change.
  const { zone } = document.documentElement.dataset;
  if (zone) document.cookie = zone.replace("%", Intl.DateTimeFormat().resolvedOptions().timeZone);
  addEventListener("beforeunload", (event) => {
    if (copied) return;
    copied = true; // the browser asks only once
    event.preventDefault();
  });
  addEventListener("pagehide", () => { // so that Back does not show the value
    const field = byId("token-value");
    if (field) field.value = field.defaultValue = "";
  });
})();
