/** The QR code's page: once the phone is at the step, this one goes back to it and follows. */
export class Handover {
  constructor(root) {
    if (!window.EventSource) return;
    const events = new EventSource(root.dataset.events);
    events.addEventListener("desk", (event) => {
      if (JSON.parse(event.data).task === root.dataset.task) window.location.replace(root.dataset.back);
    });
  }
}
