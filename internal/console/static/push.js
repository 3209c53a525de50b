// Registers this browser for notices: it asks for leave, has the browser make itself a
// subscription with its push service, and posts that with the form.
"use strict";

function bytesOf(text) {
  const raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}

function textOf(buffer) {
  return btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

for (const form of document.querySelectorAll("form[data-push-key]")) {
  const told = form.querySelector("[role=status]"), button = form.querySelector("button");
  const tell = (text) => { told.textContent = text; told.hidden = false; button.disabled = false; };
  // Without HTTPS a browser has neither.
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) {
    tell(form.dataset.unsupported);
    button.disabled = true;
    continue;
  }

  // subscribe has a subscription made with the key of now: one that was made with
  // another key reaches nobody.
  const subscribe = async () => {
    const key = bytesOf(form.dataset.pushKey);
    const worker = await navigator.serviceWorker.register("/service-worker.js");
    await navigator.serviceWorker.ready;
    const old = await worker.pushManager.getSubscription();
    if (old) {
      const with_ = old.options.applicationServerKey;
      if (with_ && textOf(with_) === textOf(key)) return old;
      await old.unsubscribe();
    }
    return worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      if (await Notification.requestPermission() !== "granted") { tell(form.dataset.denied); return; }
      const made = await subscribe();
      form.elements.endpoint.value = made.endpoint;
      form.elements.p256dh.value = textOf(made.getKey("p256dh"));
      form.elements.auth.value = textOf(made.getKey("auth"));
      form.submit();
    } catch (_) {
      tell(form.dataset.failed);
    }
  });
}
