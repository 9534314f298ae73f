import type { Disposable } from 'vscode';

/** Owns what it makes: everything passed to `own` is disposed with it, last made first. */
export abstract class Owner implements Disposable {
  readonly #owned: Disposable[] = [];
  #disposed = false;

  protected own<T extends Disposable>(thing: T): T {
    if (this.#disposed) thing.dispose();
    else this.#owned.push(thing);
    return thing;
  }

  protected get disposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const thing of this.#owned.splice(0).reverse()) thing.dispose();
  }
}
