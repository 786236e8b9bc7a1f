// When two names mean the same class: the rule of names.py, tested on the same cases. No elements here.

// What nobody sees: soft hyphen, zero-width blanks, direction marks.
const UNSEEN = /[\u00ad\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\u206a-\u206f\ufeff]/g;

// A name as it is kept.
export const tidy = (text) => text.replace(UNSEEN, "").replace(/\s+/gu, " ").trim().normalize("NFC");

// As Unicode's case folding; the i without a dot is a letter of its own.
const fold = (letter) => (letter === "ı" ? letter : letter.toLowerCase().toUpperCase().toLowerCase());

const folded = (name) => Array.from(tidy(name), fold).join("").normalize("NFC");

// The class that a name means: the very same, or else the first that differs in case alone.
export function sameClass(names, typed) {
  const [name, meant] = [tidy(typed), folded(typed)];
  return names.find((known) => known === name) ?? names.find((known) => folded(known) === meant);
}

// For searching, where accents and other marks do not matter.
export const plain = (text) => tidy(text).normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

export const isStartOfSome = (names, typed) => names.some((name) => folded(name).startsWith(folded(typed)));

const SHORTEST = 4; // letters; of shorter names too many are one step apart

// Classes that a new name may have been meant for: it is them, or their start, but for marks or a slip of the fingers.
export function nearClasses(names, typed) {
  const name = tidy(typed);
  if (!name || sameClass(names, name)) return [];
  return names.filter((known) => plain(known).startsWith(plain(name)) || isOneSlip(folded(known), folded(name)));
}

// One letter more, less or other, or two in the wrong order.
function isOneSlip(one, other) {
  const [short, long] = [[...one], [...other]].sort((a, b) => a.length - b.length);
  if (short.length < SHORTEST || long.length - short.length > 1) return false;
  let start = 0;
  while (start < short.length && short[start] === long[start]) start += 1;
  const rest = (letters, from) => letters.slice(from).join("");
  if (long.length > short.length) return rest(short, start) === rest(long, start + 1);
  const swapped = short[start] === long[start + 1] && short[start + 1] === long[start];
  return rest(short, start + 1) === rest(long, start + 1) || (swapped && rest(short, start + 2) === rest(long, start + 2));
}
