const KEPT = "kaihu-video-seat";

/**
 * The name of this window, the same after a reload. A duplicated tab would take it along, so its owner holds a
 * lock of that name as long as the window lives.
 */
export async function seat() {
  let name = "";
  try { name = sessionStorage.getItem(KEPT) ?? ""; } catch { /* no storage: a new name each time */ }
  if (!name || !(await held(name))) {
    name = globalThis.crypto?.randomUUID?.() ?? `${Date.now()}-${Math.floor(Math.random() * 1e9)}`;
    await held(name);
    try { sessionStorage.setItem(KEPT, name); } catch { /* as above */ }
  }
  return name;
}

/** Hold the lock until the window goes; false when another window holds it. */
function held(name) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((done) => {
    navigator.locks.request(`${KEPT}-${name}`, { ifAvailable: true }, (lock) => {
      done(Boolean(lock));
      return lock ? new Promise(() => {}) : undefined;
    }).catch(() => done(true));
  });
}
