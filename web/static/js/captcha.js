/** 换一张 without leaving the page; the sound plays in place. */
export class Captcha {
  constructor(root) {
    const picture = root.querySelector("img");
    const field = root.closest("form").elements.captcha;
    root.querySelector("[data-captcha-refresh]").addEventListener("click", (event) => {
      event.preventDefault();
      picture.src = `/captcha.png?new=${Date.now()}`;
      field.value = "";
      field.focus();
    });
    root.closest("form").querySelector("[data-captcha-sound]")?.addEventListener("click", (event) => {
      event.preventDefault();
      new Audio(`/captcha.wav?at=${Date.now()}`).play();
      field.focus();
    });
  }
}
