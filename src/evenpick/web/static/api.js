// Talking to the server: an answer is sent until it is acknowledged, and counts once however often it was sent.

const FIRST_PAUSE = 300; // ms
const LONGEST_PAUSE = 5000;
const PATIENCE = 20000; // ms for one reply

export const randomId = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// Each page is handed other images, also two tabs of one person.
export const page = randomId();

export class Refusal extends Error {}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function once(path, options) {
  const reply = await fetch(path, { ...options, signal: AbortSignal.timeout(PATIENCE) });
  const value = await reply.json();
  if (reply.status >= 500) throw new TypeError(value.error);
  if (!reply.ok) throw new Refusal(value.error);
  return value;
}

// `silent` is told true while the server does not answer.
async function untilAnswered(path, options, silent) {
  for (let wait = FIRST_PAUSE; ; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
    try {
      const value = await once(path, options);
      silent(false);
      return value;
    } catch (error) {
      if (error instanceof Refusal) {
        silent(false);
        throw error;
      }
      silent(true);
      await pause(wait);
    }
  }
}

export const get = (path, silent) => untilAnswered(path, {}, silent);

export function post(path, body, silent) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ page, ...body }),
  };
  return untilAnswered(path, options, silent);
}

export const newAnswer = () => ({ request: randomId(), then_next: true });

export function release() {
  const body = new Blob([JSON.stringify({ page })], { type: "application/json" });
  navigator.sendBeacon("/api/release", body);
}
