/** Acts that wait a moment: a name's newest one takes the place of the one that waits. */
export class Later<Name extends string> {
  private readonly timers = new Map<Name, ReturnType<typeof setTimeout>>();

  waits(name: Name): boolean {
    return this.timers.has(name);
  }

  do(name: Name, delay: number, act: () => void): void {
    clearTimeout(this.timers.get(name));
    this.timers.set(
      name,
      setTimeout(() => {
        this.timers.delete(name);
        act();
      }, delay),
    );
  }
}
