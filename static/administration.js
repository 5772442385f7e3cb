// Names for what Django's scripts make without a name: choosers of groups and of permissions.
addEventListener("load", () => setTimeout(() => { // after Django's scripts, which wait for it too
  for (const box of document.querySelectorAll(".select2-selection--single")) {
    const value = box.querySelector(".select2-selection__rendered");
    const label = box.closest(".form-row").querySelector("label");
    label.id = `${label.htmlFor}-label`;
    value.removeAttribute("role");
    value.removeAttribute("aria-readonly");
    box.setAttribute("aria-labelledby", `${label.id} ${value.id}`);
  }
  for (const field of document.querySelectorAll(".select2-search__field")) {
    field.setAttribute("aria-label", field.closest(".form-row").querySelector("label").textContent);
  }
  for (const icon of document.querySelectorAll("span.help-tooltip")) {
    icon.removeAttribute("aria-label"); // the field beside it has the same words
  }
}));
