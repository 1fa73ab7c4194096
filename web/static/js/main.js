/** The one script that pages name; everything else is loaded when a page needs it. */
import { isAwake, wake } from "./wake.js";

document.documentElement.dataset.script = "on";
// A page that answered a form is asked for anew by Back and reload, not sent again: no browser's warning.
history.replaceState(history.state, "", location.href);
// On a slow line somebody presses before the scripts are there: what a script alone can do is done then.
const early = new Set();
const press = ({ target }) => {
  const button = target.closest?.("button[type=button]");
  const owner = button?.closest("[data-module]");
  if (owner && !isAwake(owner)) early.add(button);
};
document.addEventListener("click", press, true);
wake(document).then(() => { document.documentElement.dataset.awake = ""; }).finally(() => {
  // Also where one script did not come: the others are at work.
  document.removeEventListener("click", press, true);
  for (const button of early) button.click();
});
