/** The page's words in English and Korean: the English words are the key; the Korean ones are loaded where they are wanted. */

import { signal } from "../vendor/signals-core/signals-core.module.js";

/** @type {import("../vendor/signals-core/signals-core.module.js").Signal<Record<string, string>>} */
const korean = signal({});

async function loadKorean() {
  korean.value = (await import("./korean.js")).KOREAN;
}

/** The language that was chosen last; a report is in one, as its other text is. */
const saved = (() => {
  const written = document.documentElement.dataset.language;
  if (written) return written;
  try {
    return localStorage.getItem("devenv-language");
  } catch {
    return null;
  }
})();

export const language = signal(saved === "ko" || saved === "en" ? saved : navigator.language.startsWith("ko") ? "ko" : "en");

/** @param {"en"|"ko"} next */
export function setLanguage(next) {
  language.value = next;
  document.documentElement.lang = next;
  if (next === "ko") void loadKorean();
  try {
    localStorage.setItem("devenv-language", next);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

document.documentElement.lang = language.value;
if (language.value === "ko") void loadKorean();

/** How a text of the server reads in Korean; the page sets it when it is loaded. */
export const translated = signal(/** @type {(text: string) => string|undefined} */ (() => undefined));

/** A text of the server in the page's language; as it is where that has none for it, or for `key`. @param {string} text @param {string} [key] */
export function fromServer(text, key = text) {
  return (language.value === "ko" && translated.value(key)) || text;
}

/** The words in the page's language, with values for what stands in braces. @param {string} text @param {Record<string, unknown>} [values] */
export function t(text, values) {
  const words = language.value === "ko" ? (korean.value[text] ?? text) : text;
  return values === undefined ? words : words.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
