// Shows what is pushed, and opens its page. A notice that is sent again takes the place
// of the one before it.
"use strict";

self.addEventListener("push", (event) => {
  let note = {};
  try { note = event.data.json(); } catch (_) { /* a message of another form is shown as a bare one */ }
  event.waitUntil(self.registration.showNotification(note.title || "Holdfast", {
    body: note.incident || "", tag: note.id || "holdfast", renotify: true, requireInteraction: note.urgent === true,
    lang: note.lang || "", data: { link: note.link || "/" },
  }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const link = new URL(event.notification.data.link, self.location.origin);
  if (link.origin === self.location.origin) event.waitUntil(self.clients.openWindow(link.href));
});
