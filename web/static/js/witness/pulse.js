// A clock of its own: a browser lets a page that nobody looks at sleep for a minute, but not its workers,
// and an agent who reads something elsewhere is still at work.
self.addEventListener("message", ({ data }) => setInterval(() => self.postMessage(data), data));
