// Theme, copy, dialog, tabs and the words of scopes. Every page works without this file.
(() => {
  const byId = (id) => document.getElementById(id);
  const say = (text) => {
    const notice = Object.assign(document.createElement("p"), { className: "notice error", textContent: text, tabIndex: -1 });
    byId("status").replaceChildren(notice);
    notice.focus();
  };
  let copied = true; // no value is on the page

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
      Object.assign(tab, { type: "button", id: panel.id + "-tab", textContent: panel.querySelector("h4").textContent, onclick: () => show(i) });
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      list.append(tab);
    });
    list.onkeydown = (event) => {
      const now = [...list.children].indexOf(document.activeElement), last = panels.length - 1;
      const next = { ArrowRight: now < last ? now + 1 : 0, ArrowLeft: now > 0 ? now - 1 : last, Home: 0, End: last }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      show(next);
      list.children[next].focus();
    };
    box.prepend(list);
    box.removeAttribute("data-tabs");
    show(0);
  }

  function tell(box) {
    byId("can-" + box.value).hidden = !box.checked;
    const resource = box.closest("details"), badge = resource.querySelector(".badge");
    const chosen = resource.querySelectorAll(":checked").length;
    badge.hidden = !chosen;
    badge.textContent = chosen + " chosen";
  }

  function ready() {
    document.querySelectorAll("[name=scopes]").forEach(tell);
    document.querySelectorAll("[data-tabs]").forEach(tabs);
    if (byId("token-value")?.value) {
      copied = false;
      if (location.pathname.endsWith("new/")) history.replaceState(null, "", location.pathname.replace(/(\w+\/re)?new\/$/, ""));
    }
  }

  async function write(text, from) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // refused, or not there: on plain http
      const put = (event) => { event.preventDefault(); event.clipboardData.setData("text/plain", text); };
      getSelection().selectAllChildren(from);
      from.select?.();
      document.addEventListener("copy", put, { once: true });
      const done = document.execCommand("copy");
      document.removeEventListener("copy", put);
      if (!done) throw new Error("refused");
    }
  }

  async function copy(button) {
    const from = button.closest(".copy, section").querySelector("textarea, pre"), value = from.value;
    try {
      await write(button.dataset.copy + (value ?? from.textContent), from);
      button.focus();
      for (const label of document.querySelectorAll("[data-copy] span")) {
        label.dataset.name ??= label.textContent;
        label.textContent = label.parentElement === button ? "Copied" : label.dataset.name;
      }
      byId("copied").textContent = `The ${button.dataset.copy ? "header" : value ? "value" : "code"} is on the clipboard.`;
      copied ||= value;
    } catch {
      byId("copied").textContent = "The browser did not allow it. The value is selected: copy it by hand.";
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    byId("theme")?.addEventListener("change", (event) => { document.documentElement.dataset.theme = event.target.value; });
    ready();
  });
  document.addEventListener("input", (event) => { // no whole token may reach the address
    if (event.target.type === "search") event.target.value = event.target.value.replace(/(?=[a-z0-9]{2,6}_(?:live|test|dev)_)(\w{24})\w\S*|[0-9A-Za-z]{48,}/g, "$1");
  }, true);
  document.addEventListener("change", (event) => { if (event.target.name === "scopes") tell(event.target); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("copy", (event) => { if (event.target.id === "token-value") copied = true; });
  document.addEventListener("htmx:afterSwap", (event) => {
    const dialog = byId("dialog");
    if (event.detail.target === dialog) dialog.showModal();
    else if (dialog.open) { dialog.close(); byId("tokens")?.focus(); }
    ready();
  });
  for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(failure, (event) => {
      byId("dialog").close();
      const refused = event.detail.xhr?.status >= 400 && event.detail.xhr.status < 500;
      say(refused ? "That was not done. Reload the page and try again." : "We couldn't confirm that. Reload to see whether it was done.");
    });
  }
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    const known = event.detail.exception.name === "InvalidStateError";
    say(known ? "This device is added already." : "The browser did not use a passkey or key. Try again, or use another way.");
  });
  addEventListener("beforeunload", (event) => {
    if (copied) return;
    copied = true; // ask once
    event.preventDefault();
  });
  addEventListener("pagehide", () => { // so that Back finds nothing, even where the browser kept the page
    const field = byId("token-value");
    if (field) field.value = field.defaultValue = "";
  });
})();
