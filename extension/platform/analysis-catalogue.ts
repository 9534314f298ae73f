/** The catalogues of analyses and of tasks, as the build wrote them beside the bundles: listing them starts no process. */
import { readFileSync } from 'node:fs';
import type { AnalysisInfo } from '../../protocol/analysis/analysis';
import type { TaskInfo } from '../../protocol/analysis/tasks';

interface Lists {
  readonly analyses: readonly AnalysisInfo[];
  readonly tasks: readonly TaskInfo[];
}

export class AnalysisCatalogue {
  private readonly file: string;
  private lists: Lists | undefined;

  constructor(file: string) {
    this.file = file;
  }

  private get read(): Lists {
    this.lists ??= this.parsed();
    return this.lists;
  }

  /** The build's own file: its form is known. */
  private parsed(): Lists {
    try {
      return JSON.parse(readFileSync(this.file, 'utf8')) as Lists;
    } catch {
      throw new Error(`${this.file} could not be read; reinstall Headscope, or build it again`);
    }
  }

  get list(): readonly AnalysisInfo[] {
    return this.read.analyses;
  }

  get tasks(): readonly TaskInfo[] {
    return this.read.tasks;
  }

  of(id: string): AnalysisInfo | undefined {
    return this.list.find((analysis) => analysis.id === id);
  }
}
