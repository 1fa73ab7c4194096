/**
 * Wakes the modules of a page: every element names its own in data-module. A module is one class in one
 * file; the page works without any of them.
 */
const modules = {
  address: async () => (await import("./address.js")).Address,
  autosave: async () => (await import("./autosave.js")).Autosave,
  awaited: async () => (await import("./awaited.js")).Awaited,
  browser: async () => (await import("./browser.js")).Browser,
  captcha: async () => (await import("./captcha.js")).Captcha,
  certificate_mine: async () => (await import("./certificate/mine.js")).Mine,
  certificate_install: async () => (await import("./certificate/install.js")).Installation,
  changed: async () => (await import("./changed.js")).Changed,
  conditional: async () => (await import("./conditional.js")).Conditional,
  countdown: async () => (await import("./countdown.js")).Countdown,
  decision: async () => (await import("./decision.js")).Decision,
  dialog: async () => (await import("./dialog.js")).Dialog,
  dynamiclist: async () => (await import("./dynamiclist.js")).DynamicList,
  errors: async () => (await import("./errors.js")).Errors,
  exclusive: async () => (await import("./exclusive.js")).Exclusive,
  filters: async () => (await import("./filters.js")).Filters,
  handover: async () => (await import("./handover.js")).Handover,
  live: async () => (await import("./live.js")).Live,
  playback: async () => (await import("./playback.js")).Playback,
  phone_code: async () => (await import("./phone_code.js")).PhoneCode,
  photo: async () => (await import("./photo.js")).Photo,
  picker: async () => (await import("./picker.js")).Picker,
  reader: async () => (await import("./reader.js")).Reader,
  shown: async () => (await import("./certificate/shown.js")).Shown,
  signing: async () => (await import("./certificate/signing.js")).Signing,
  sms: async () => (await import("./sms.js")).Sms,
  validity: async () => (await import("./validity.js")).Validity,
  video_witness: async () => (await import("./video/witness.js")).Witness,
  viewer: async () => (await import("./viewer.js")).Viewer,
  witness_call: async () => (await import("./witness/call.js")).WitnessCall,
  witness_desk: async () => (await import("./witness/desk.js")).WitnessDesk,
};

/** Elements by whether their modules are at work, or still being loaded. */
const awake = new WeakMap();

/** Whether the modules of an element are at work. */
export function isAwake(element) {
  return awake.get(element) === true;
}

/** Wake what is in `root` and not awake yet; called again for parts that arrive later. */
export async function wake(root) {
  const found = [...root.querySelectorAll("[data-module]")];
  await Promise.all(found.map(async (element) => {
    if (awake.has(element)) return;
    awake.set(element, false);
    for (const name of element.dataset.module.split(" ")) {
      const load = modules[name];
      if (load) new (await load())(element);
    }
    awake.set(element, true);
  }));
}
