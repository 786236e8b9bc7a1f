// The classes: which key each has, and which ones a few typed letters mean.

import { plain } from "./names.js";
import { read, write } from "./storage.js";

const KEYS = [..."123456789abcdefghijklmnopqrstuvwxyz"];

// A class keeps its key as long as it exists, also when others come, go or merge.
export class Keys {
  constructor(store) {
    this.store = store;
    this.byName = new Map(read(store));
  }

  // `fixed`: the keys that a list of classes gives, which go before those that were dealt.
  update(names, fixed = new Map()) {
    for (const [name, key] of fixed) {
      this.byName.delete(this.name(key));
      this.byName.set(name, key);
    }
    const here = new Set(names);
    for (const name of this.byName.keys()) if (!here.has(name)) this.byName.delete(name);
    const taken = new Set(this.byName.values());
    const free = KEYS.filter((key) => !taken.has(key));
    for (const name of names) if (!this.byName.has(name) && free.length) this.byName.set(name, free.shift());
    write(this.store, [...this.byName]);
  }

  rename(old, name) {
    const key = this.byName.get(old);
    if (key && !this.byName.has(name)) this.byName.set(name, key);
    this.byName.delete(old);
  }

  of(name) {
    return this.byName.get(name) ?? "";
  }

  name(key) {
    return [...this.byName].find(([, own]) => own === key)?.[0];
  }
}

// The classes in the order that a person likes: by key, by use or by name; where that tells nothing, as they are given.
export function inOrder(classes, order, keyOf) {
  const place = (name) => KEYS.indexOf(keyOf(name)) >>> 0; // without a key last
  const before = {
    key: (one, other) => place(one.name) - place(other.name),
    use: (one, other) => other.count - one.count,
    name: (one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }),
  }[order];
  return [...classes].sort(before).map(({ name }) => name);
}

// Smaller is better, undefined is no match: the letters must come in order, best at the start of words.
function distance(query, name) {
  const text = plain(name);
  if (text.startsWith(query)) return text.length - query.length;
  const inside = text.indexOf(query);
  if (inside >= 0) return 100 + inside;
  let position = -1;
  let gaps = 0;
  for (const letter of query) {
    const found = text.indexOf(letter, position + 1);
    if (found < 0) return undefined;
    gaps += found - position - 1;
    position = found;
  }
  return 1000 + gaps;
}

export function matching(names, typed) {
  const query = plain(typed);
  if (!query) return names;
  return names
    .map((name) => [distance(query, name), name])
    .filter(([far]) => far !== undefined)
    .sort(([one], [other]) => one - other)
    .map(([, name]) => name);
}
