// Which command a key gives. No elements here, so that it can be tested alone.

const PAN = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
const SINGLE = {
  0: ["skip"],
  Backspace: ["undo"],
  "*": ["alike"],
  "/": ["type"],
  "+": ["zoom", 1.5],
  "=": ["zoom", 1.5],
  "-": ["zoom", 1 / 1.5],
  ".": ["caption"],
  "?": ["help"],
};

// The key as a keyboard of the United States names it. The row of digits and letters of other scripts go by where
// they are, as on French, Russian or Arabic keyboards; Latin letters, signs and digits of any script by what they are.
export function keyOf({ key, code, shiftKey }) {
  const digit = /^Digit(\d)$/.exec(code)?.[1];
  if (digit && !shiftKey) return digit;
  const typed = key.normalize("NFKC");
  if (/^[!-~]$/.test(typed)) return typed.toLowerCase();
  if (/^\p{Nd}$/u.test(typed)) return digitOf(typed);
  return /^Key([A-Z])$/.exec(code)?.[1].toLowerCase() ?? key;
}

// In every script the digits lie in a row from zero.
function digitOf(sign) {
  let zero = sign.codePointAt(0);
  while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((sign.codePointAt(0) - zero) % 10);
}

// Whether a key writes something.
export const isPrintable = (key) => [...key].length === 1;

// A command's name and its arguments; undefined for a key that does nothing.
// `key`: as `keyOf` gives it; `single`: whether single keys answer; `nameOf`: the class that has a key, or is the guess
// that has it.
export function commandOf(key, { zoomed, single, nameOf }) {
  if (key === "Enter") return ["type"];
  if (key === " ") return ["toggle zoom"];
  if (zoomed && PAN[key]) return ["pan", ...PAN[key]];
  if (!single) return undefined;
  if (SINGLE[key]) return SINGLE[key];
  const name = nameOf(key);
  return name === undefined ? undefined : ["label", name];
}
