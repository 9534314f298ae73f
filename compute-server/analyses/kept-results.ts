/** The last results of this process by their names, so that a closer look at one does not send it back. */
import type { AnalysisResult } from '../../protocol/analysis/schema';

/** UTF-16 code units of JSON that are kept: about 64 MB. */
const mostUnits = 32 * 2 ** 20;

interface Kept {
  /** As it would have come back. */
  readonly text: string;
  /** Read at the first question. */
  result?: AnalysisResult;
}

export class KeptResults {
  private readonly kept = new Map<string, Kept>();
  private readonly most: number;
  private units = 0;

  constructor(most = mostUnits) {
    this.most = most;
  }

  keep(name: string, result: unknown): void {
    const text = JSON.stringify(result);
    if (text.length > this.most) return;
    this.drop(name);
    this.kept.set(name, { text });
    this.units += text.length;
    for (const oldest of this.kept.keys()) {
      if (this.units <= this.most) break;
      this.drop(oldest);
    }
  }

  /** `read` checks it once; the one that was asked last is the last to go. */
  of(name: string, read: (value: unknown) => AnalysisResult): AnalysisResult | undefined {
    const kept = this.kept.get(name);
    if (kept === undefined) return undefined;
    this.kept.delete(name);
    this.kept.set(name, kept);
    return (kept.result ??= read(JSON.parse(kept.text)));
  }

  private drop(name: string): void {
    this.units -= this.kept.get(name)?.text.length ?? 0;
    this.kept.delete(name);
  }
}
