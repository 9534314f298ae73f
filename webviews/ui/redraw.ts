/**
 * One drawing a frame, however many messages come. A frame later is too late for one thing: a person's next key or click
 * would meet handlers and selections of the drawing before, and two keys within a frame would lose the first (2026-11).
 * So whatever waits is drawn before such an event reaches its target.
 */
const ofThePerson = ['keydown', 'pointerdown', 'click', 'beforeinput'] as const;

export class Redraw {
  private frame = 0;

  constructor(
    root: HTMLElement,
    private readonly draw: () => void,
  ) {
    for (const kind of ofThePerson) root.ownerDocument.addEventListener(kind, () => this.flush(), { capture: true });
  }

  /** Draws with the next frame. */
  request(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => this.now());
  }

  now(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.draw();
  }

  private flush(): void {
    if (this.frame !== 0) this.now();
  }
}
