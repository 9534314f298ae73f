/**
 * The catalogue of mechanisms as the compute server last gave it, kept between windows. It is a fact of the server's bundle: a
 * bundle of another size or time has another one.
 */
import { statSync } from 'node:fs';
import type { Memento } from 'vscode';
import type { MechanismInfo } from '../../protocol/compute/api';

const key = 'compute.catalogue';

export class KeptCatalogue {
  private readonly memory: Pick<Memento, 'get' | 'update'>;
  private readonly bundle: string;

  constructor(memory: Pick<Memento, 'get' | 'update'>, bundle: string) {
    this.memory = memory;
    this.bundle = bundle;
  }

  read(): readonly MechanismInfo[] | undefined {
    const kept = this.memory.get<{ readonly of?: string; readonly catalogue?: readonly MechanismInfo[] }>(key);
    return kept?.of !== undefined && kept.of === this.of() ? kept.catalogue : undefined;
  }

  keep(catalogue: readonly MechanismInfo[]): void {
    void this.memory.update(key, { of: this.of(), catalogue });
  }

  private of(): string | undefined {
    const { size, mtimeMs } = statSync(this.bundle, { throwIfNoEntry: false }) ?? {};
    return size === undefined ? undefined : `${size} ${mtimeMs}`;
  }
}
