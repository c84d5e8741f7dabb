/* What the page says, in the language it was served in. English is in the source; locale/LANGUAGE.js has the others. */
const language = document.documentElement.lang;
const catalogue = language === "en" ? {} : (await import(`./locale/${language}.js`)).default;

/** How days, times and numbers are written. */
export const LOCALE = { en: "en-GB", de: "de-DE" }[language];

/** The text in the page's language, with {names} replaced. */
export const _ = (text, values = {}) => (catalogue[text] ?? text).replace(/\{(\w+)\}/g, (_whole, name) => values[name]);
