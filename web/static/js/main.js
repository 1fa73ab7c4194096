/** The one script that pages name; everything else is loaded when a page needs it. */
import { wake } from "./wake.js";

document.documentElement.dataset.script = "on";
wake(document);
