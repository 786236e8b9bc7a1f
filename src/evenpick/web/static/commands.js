// Which command a key gives. No elements here, so that it can be tested alone.

const PAN = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
const SINGLE = {
  0: ["skip"],
  Backspace: ["undo"],
  "/": ["type"],
  "+": ["zoom", 1.5],
  "=": ["zoom", 1.5],
  "-": ["zoom", 1 / 1.5],
  "?": ["help"],
};

// A command's name and its arguments; undefined for a key that does nothing.
// `single`: whether single keys answer; `nameOf`: the class that has a key.
export function commandOf(key, { zoomed, single, nameOf }) {
  if (key === "Enter") return ["type"];
  if (key === " ") return ["toggle zoom"];
  if (zoomed && PAN[key]) return ["pan", ...PAN[key]];
  if (!single) return undefined;
  if (SINGLE[key]) return SINGLE[key];
  const name = nameOf(key.toLowerCase());
  return name === undefined ? undefined : ["label", name];
}
