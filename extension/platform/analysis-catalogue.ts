/** The catalogue of analyses, as the build wrote it beside the bundles: listing it starts no process. */
import { readFileSync } from 'node:fs';
import type { AnalysisInfo } from '../../protocol/analysis/analysis';

export class AnalysisCatalogue {
  readonly #file: string;
  #list: readonly AnalysisInfo[] | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  get list(): readonly AnalysisInfo[] {
    // The build's own file: its form is known.
    this.#list ??= JSON.parse(readFileSync(this.#file, 'utf8')) as readonly AnalysisInfo[];
    return this.#list;
  }

  of(id: string): AnalysisInfo | undefined {
    return this.list.find((analysis) => analysis.id === id);
  }
}
