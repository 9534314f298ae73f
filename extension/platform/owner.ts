import type { Disposable } from 'vscode';

/** Owns what it makes: everything passed to `own` is disposed with it, last made first. */
export abstract class Owner implements Disposable {
  private readonly owned: Disposable[] = [];
  private isDisposed = false;

  protected own<T extends Disposable>(thing: T): T {
    if (this.isDisposed) thing.dispose();
    else this.owned.push(thing);
    return thing;
  }

  protected get disposed(): boolean {
    return this.isDisposed;
  }

  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    for (const thing of this.owned.splice(0).reverse()) thing.dispose();
  }
}
