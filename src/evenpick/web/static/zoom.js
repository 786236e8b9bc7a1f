// Looking closer: wheel, pinch, double click, drag and keys move one image inside its frame.

const MOST = 8;

export class Zoom {
  constructor(frame) {
    this.frame = frame;
    this.pointers = new Map();
    this.reset();
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    frame.addEventListener("dblclick", (event) => this.toggle(this.at(event)));
    frame.addEventListener("pointerdown", (event) => this.down(event));
    frame.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "pointerleave"])
      frame.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
  }

  reset() {
    [this.scale, this.x, this.y] = [1, 0, 0];
    this.show();
  }

  // Zoom so that the point, from the middle of the frame, stays where it is.
  by(factor, point = { x: 0, y: 0 }) {
    const scale = Math.min(MOST, Math.max(1, this.scale * factor));
    const ratio = scale / this.scale;
    this.x = point.x - ratio * (point.x - this.x);
    this.y = point.y - ratio * (point.y - this.y);
    this.scale = scale;
    this.show();
  }

  toggle(point) {
    if (this.scale > 1) this.reset();
    else this.by(2.5, point);
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.show();
  }

  show() {
    const { clientWidth: width, clientHeight: height } = this.frame;
    const room = (size) => (size * (this.scale - 1)) / 2;
    this.x = Math.min(room(width), Math.max(-room(width), this.x));
    this.y = Math.min(room(height), Math.max(-room(height), this.y));
    const image = this.frame.querySelector("img");
    if (image) image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.frame.classList.toggle("zoomed", this.scale > 1);
  }

  at(event) {
    const box = this.frame.getBoundingClientRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  }

  wheel(event) {
    event.preventDefault();
    this.by(Math.exp(-event.deltaY / 400), this.at(event));
  }

  down(event) {
    this.pointers.set(event.pointerId, this.at(event));
    this.frame.setPointerCapture(event.pointerId);
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.at(event);
    this.pointers.set(event.pointerId, now);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) {
      this.pan(now.x - before.x, now.y - before.y);
      return;
    }
    const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    this.by(apart(now) / apart(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }
}
