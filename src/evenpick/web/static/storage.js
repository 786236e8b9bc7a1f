// What the browser remembers of the page. Storage may be forbidden; the page works without.

const PERSON = "evenpick annotator";

// Neither the name of a storage nor its use may throw.
const forGood = () => localStorage;
const inThisTab = () => sessionStorage;

export function read(key, storage = forGood) {
  try {
    return JSON.parse(storage().getItem(key)) ?? [];
  } catch {
    return [];
  }
}

export function write(key, value, storage = forGood) {
  try {
    storage().setItem(key, JSON.stringify(value));
  } catch {
    // as above
  }
}

// Who labels here, if anybody said so.
export const personKnown = () => [read(PERSON, inThisTab)].flat()[0] ?? [read(PERSON)].flat()[0];

// A name that a link brings holds in its tab alone: nobody becomes another person by following one.
export function rememberPerson(name, tabAlone = false) {
  write(PERSON, name, inThisTab);
  if (!tabAlone) write(PERSON, name);
}
