// Which answers a filter shows, and what is said of them. No elements here, so that it can be tested alone.

const SKIP = "can’t tell";

export const wordOf = (label) => label ?? SKIP;

const differ = ({ answers }) => answers.some(({ label }) => label !== answers[0].label);

// The filters in their order: everything, conflicts, what nobody could tell, then the classes, most frequent first.
export function filters(given) {
  const classes = new Map();
  for (const { answers } of given) if (answers[0].label !== null) count(classes, answers[0].label);
  const named = [...classes].sort(([, one], [, other]) => other - one);
  return [
    { id: "all", name: "All", count: given.length },
    { id: "conflicts", name: "Answered differently", count: given.filter(differ).length },
    { id: "skips", name: "Can’t tell", count: given.filter(({ answers }) => answers[0].label === null).length },
    ...named.map(([name, number]) => ({ id: `class ${name}`, name, count: number, isClass: true })),
  ];
}

const count = (counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1);

export const annotators = (given) =>
  [...new Set(given.flatMap(({ answers }) => answers.map(({ annotator }) => annotator)))].sort();

// What a filter shows; `who` is one person, or "" for everybody.
export function shown(given, filter, who) {
  const fits = {
    all: () => true,
    conflicts: differ,
    skips: ({ answers }) => answers[0].label === null,
  }[filter] ?? (({ answers }) => answers[0].label !== null && `class ${answers[0].label}` === filter);
  return given.filter((one) => fits(one) && (!who || one.answers.some(({ annotator }) => annotator === who)));
}

// Under an image: what counts, and who said what.
export function caption({ answers }) {
  const first = wordOf(answers[0].label);
  if (answers.every(({ label }) => label === answers[0].label))
    return [first, answers.map(({ annotator }) => annotator).join(", ")];
  return [first, answers.map(({ annotator, label }) => `${annotator}: ${wordOf(label)}`).join(", ")];
}
