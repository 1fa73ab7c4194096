/** 无 stands alone: choosing it clears the others, choosing another clears it. */
export class Exclusive {
  constructor(root) {
    const boxes = [...root.querySelectorAll("input[type=checkbox]")];
    const alone = boxes.find((box) => "alone" in box.dataset);
    const others = boxes.filter((box) => box !== alone);
    root.addEventListener("change", (event) => {
      if (!event.target.checked) return;
      if (event.target === alone) for (const box of others) box.checked = false;
      else if (alone) alone.checked = false;
    });
  }
}
