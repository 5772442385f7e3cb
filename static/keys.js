// Passkeys and security keys. When a person clicks the button of such a page, tokenry.js loads two
// scripts of allauth and then this file, which connects them to the button and clicks it again.
(() => {
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    const known = event.detail.exception.name === "InvalidStateError";
    const message = document.createElement("p");
    Object.assign(message, { className: "notice error", tabIndex: -1, textContent: known
      ? "This device is already added."
      : "The browser did not use a passkey or security key. Try again, or use another way." });
    document.getElementById("tokenry-status").replaceChildren(message);
    message.focus();
  });
  const setUp = document.querySelector("[data-allauth-onload]");
  const call = setUp.dataset.allauthOnload.split(".").reduce((part, name) => part[name], window);
  call(JSON.parse(setUp.textContent));
  document.querySelector("[data-key]").click();
})();
