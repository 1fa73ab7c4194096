/** What this browser keeps: certificates with their wrapped keys, and which documents it was shown. */

const STORES = { certificates: "serial", shown: "id" };

/** The browser keeps nothing, as some do in private windows. */
export class StoreRefused extends Error {}

function database() {
  return new Promise((done, failed) => {
    const refused = () => failed(new StoreRefused());
    let asked;
    try {
      asked = indexedDB.open("kaihu-certificates", 1);
    } catch {
      return refused();
    }
    asked.onupgradeneeded = () => {
      for (const [name, keyPath] of Object.entries(STORES)) asked.result.createObjectStore(name, { keyPath });
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = asked.onblocked = refused;
  });
}

async function within(store, mode, act) {
  const opened = await database();
  try {
    return await new Promise((done, failed) => {
      // A key that the system lost before it was on the disk would be lost for good.
      const transaction = opened.transaction(store, mode, { durability: "strict" });
      const asked = act(transaction.objectStore(store));
      transaction.oncomplete = () => done(asked.result);
      transaction.onerror = transaction.onabort = () => failed(new StoreRefused());
    });
  } finally {
    opened.close();
  }
}

export const keep = (store, record) => within(store, "readwrite", (all) => all.put(record));
export const find = (store, key) => within(store, "readonly", (all) => all.get(key));
export const forget = (store, key) => within(store, "readwrite", (all) => all.delete(key));
