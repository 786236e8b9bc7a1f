// Which answers a filter shows, and what is said of them. No elements here, so that it can be tested alone.

const SKIP = "can’t tell";

export const wordOf = (label) => label ?? SKIP;

const differ = ({ answers }) => answers.some(({ label }) => label !== answers[0].label);

// What is known beside the answers: rows that were answered at once, images that inherited, labels that may be wrong.
export const NOTHING = { atOnce: new Set(), inherited: [], inheritedCount: 0, doubts: [] };

// The filters in their order: everything, conflicts, what nobody could tell, what there is beside, then the classes, most
// frequent first.
export function filters(given, more = NOTHING) {
  const classes = new Map();
  for (const { answers } of given) if (answers[0].label !== null) count(classes, answers[0].label);
  const named = [...classes].sort(([, one], [, other]) => other - one);
  const beside = [
    { id: "doubts", name: "May be wrong", count: doubted(given, more).length },
    { id: "at once", name: "Many at once", count: given.filter(({ row }) => more.atOnce.has(row)).length },
    { id: "inherited", name: "Inherited", count: more.inheritedCount },
  ];
  return [
    { id: "all", name: "All", count: given.length },
    { id: "conflicts", name: "Answered differently", count: given.filter(differ).length },
    { id: "skips", name: "Can’t tell", count: given.filter(({ answers }) => answers[0].label === null).length },
    ...beside.filter((filter) => filter.count > 0),
    ...named.map(([name, number]) => ({ id: `class ${name}`, name, count: number, isClass: true })),
  ];
}

// The worst first.
function doubted(given, { doubts }) {
  const byRow = new Map(given.map((one) => [one.row, one]));
  return doubts.filter(({ row }) => byRow.has(row)).map((doubt) => ({ ...byRow.get(doubt.row), doubt }));
}

const count = (counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1);

export const annotators = (given) =>
  [...new Set(given.flatMap(({ answers }) => answers.map(({ annotator }) => annotator)))].sort();

// What a filter shows; `who` is one person, or "" for everybody.
export function shown(given, filter, who, more = NOTHING) {
  const own = { doubts: () => doubted(given, more), inherited: () => more.inherited }[filter];
  const fits = {
    all: () => true,
    conflicts: differ,
    skips: ({ answers }) => answers[0].label === null,
    "at once": ({ row }) => more.atOnce.has(row),
  }[filter] ?? (({ answers }) => answers[0].label !== null && `class ${answers[0].label}` === filter);
  const here = own ? own() : given.filter(fits);
  return here.filter((one) => !who || one.answers.some(({ annotator }) => annotator === who));
}

export const shownLine = (filter, here, answered) =>
  filter === "inherited" ? `${here} images that inherited an answer` : `${here} of ${answered} answered images`;

// Under an image: what counts, and who said what.
export function caption({ answers, doubt }) {
  const first = wordOf(answers[0].label);
  if (doubt) return [`${first}, perhaps ${doubt.likely}`, `${percent(doubt.probability)}, ${percent(doubt.likely_probability)}`];
  if (answers.every(({ label }) => label === answers[0].label))
    return [first, answers.map(({ annotator }) => annotator).join(", ")];
  return [first, answers.map(({ annotator, label }) => `${annotator}: ${wordOf(label)}`).join(", ")];
}

const percent = (share) => `${Math.round(100 * share)} %`;
