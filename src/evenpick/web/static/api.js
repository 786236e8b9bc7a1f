// Talking to the server: an answer is sent until it is acknowledged, and counts once however often it was sent.

const FIRST_PAUSE = 300; // ms
const LONGEST_PAUSE = 5000;
const PATIENCE = 20000; // ms for one reply

export const randomId = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// Each page is handed other images, also two tabs of one person.
export const page = randomId();

export class Refusal extends Error {}

// The token is wrong: as after another one was given to the server.
class Locked extends Error {}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function once(path, options, read) {
  const reply = await fetch(path, { ...options, signal: AbortSignal.timeout(PATIENCE) });
  if (reply.ok) return read(reply);
  const { error } = await reply.json();
  if (reply.status >= 500) throw new TypeError(error);
  throw reply.status === 401 ? new Locked(error) : new Refusal(error);
}

// `held` is told why a request is being sent again: "silent" or "locked"; and "" once it is answered.
async function untilAnswered(path, options, held, read = (reply) => reply.json()) {
  for (let wait = FIRST_PAUSE; ; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
    try {
      const value = await once(path, options, read);
      held("");
      return value;
    } catch (error) {
      if (error instanceof Refusal) {
        held("");
        throw error;
      }
      held(error instanceof Locked ? "locked" : "silent");
      await pause(wait);
    }
  }
}

export const get = (path, held) => untilAnswered(path, {}, held);

// Why the server does not give an image; "" where it does.
export const reasonAgainst = (url, held) =>
  untilAnswered(url, {}, held, () => "").catch((error) => error.message);

export function post(path, body, held) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ page, ...body }),
  };
  return untilAnswered(path, options, held);
}

export const newAnswer = () => ({ request: randomId(), then_next: true });

export function release() {
  const body = new Blob([JSON.stringify({ page })], { type: "application/json" });
  navigator.sendBeacon("api/release", body);
}
