/** The one script that pages name; everything else is loaded when a page needs it. */
import { wake } from "./wake.js";

document.documentElement.dataset.script = "on";
// A page that answered a form is asked for anew by Back and reload, not sent again: no browser's warning.
history.replaceState(history.state, "", location.href);
wake(document).then(() => { document.documentElement.dataset.awake = ""; });
