/** Which browser this is, as far as the way to its permissions differs: the key of a help text. */
export function browserKind(agent = navigator.userAgent) {
  const phone = /Android|iPhone|iPad|Mobile/i.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1);
  if (/MicroMessenger/i.test(agent)) return "wechat";
  if (/Firefox|FxiOS/i.test(agent)) return "firefox";
  if (/Edg(e|A|iOS)?\//i.test(agent) && !phone) return "edge";
  if (/Chrome|CriOS/i.test(agent) && !/iPhone|iPad/.test(agent)) return phone ? "chrome-phone" : "chrome";
  if (/Safari|iPhone|iPad/i.test(agent)) return phone ? "safari-phone" : "safari";
  return "";
}
