// What counts as one press, and letters in a row, which are a word. No elements here, so that they can be tested alone.

const BOUNCE = 300; // ms
export const DOUBLE_CLICK = 500; // ms, as most systems have it
const ALONE = 300; // ms
const SLOWEST = 1000; // ms from an answer to a letter that belongs to the same word

let last = { what: undefined, at: 0 };

// Whether this is no second press of the same: a key that bounces, a double click.
export function once(what, within = BOUNCE, now = performance.now()) {
  if (last.what === what && now - last.at < within) return false;
  last = { what, at: now };
  return true;
}

// A letter that stays alone for a moment answers; with the next one it is the start of a word.
// `answer` is told the class of a letter, `type` the start of a word, and `takeBack` the same when the first letter
// has answered already and nobody can have looked at the next image yet.
export class Letters {
  constructor({ answer, type, takeBack, alone = ALONE }) {
    Object.assign(this, { answer, type, takeBack, alone });
    this.forget();
  }

  // The letters that wait for what comes next.
  get waiting() {
    return this.state === "waiting";
  }

  // A letter, or another sign while some are waiting; `name` is its class; `ready`: whether the image can be answered.
  pressed(letter, name, ready) {
    const isSame = [...this.letters].every((known) => known === letter);
    if (this.state === "answered" && (ready || performance.now() - this.at > SLOWEST)) this.forget();
    if (this.state === "idle") this.first(letter, name, ready);
    else if (isSame) this.letters += letter; // a key that bounces, or a word like llama
    else this.word(this.letters + letter);
  }

  first(letter, name, ready) {
    if (name === undefined) this.type(letter);
    else if (ready) {
      [this.state, this.letters, this.name] = ["waiting", letter, name];
      this.timer = setTimeout(() => this.settle(), this.alone);
    }
  }

  // No other letter came.
  settle() {
    clearTimeout(this.timer);
    this.state = "answered";
    this.at = performance.now();
    this.answer(this.name);
  }

  word(letters) {
    const back = this.state === "answered";
    this.forget();
    if (back) this.takeBack(letters);
    else this.type(letters);
  }

  // Another key or a click: what was pressed before has nothing to do with what comes now.
  forget() {
    clearTimeout(this.timer);
    [this.state, this.letters] = ["idle", ""];
  }
}
