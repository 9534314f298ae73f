/** Which runs of this window are Looks, and which of them have ended without a tab that shows them. */
import type { AnalysisSetup } from '../../../protocol/analysis/schema';

type LookKind = 'asked' | 'by-itself';

export class Looks {
  /** By the request that was sent, which is the one of its run. */
  private readonly kinds = new WeakMap<AnalysisSetup, LookKind>();
  private readonly superseded = new Set<number>();
  private readonly returned = new Set<number>();

  mark(setup: AnalysisSetup, kind: LookKind): void {
    this.kinds.set(setup, kind);
  }

  /** Undefined: it is no Look. */
  kindOf(setup: AnalysisSetup): LookKind | undefined {
    return this.kinds.get(setup);
  }

  /** It runs by itself. */
  isOwn(setup: AnalysisSetup): boolean {
    return this.kindOf(setup) === 'by-itself';
  }

  /** The next Look has ended the run. */
  supersede(run: number): void {
    this.superseded.add(run);
  }

  isSuperseded(run: number): boolean {
    return this.superseded.has(run);
  }

  /** The tab of the run is gone, or shows again what stood there before. */
  giveBack(run: number): void {
    this.returned.add(run);
  }

  hasReturned(run: number): boolean {
    return this.returned.has(run);
  }
}
