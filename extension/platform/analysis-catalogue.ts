/** The catalogues of analyses and of tasks, as the build wrote them beside the bundles: listing them starts no process. */
import type { AnalysisInfo } from '../../protocol/analysis/analysis';
import type { TaskInfo } from '../../protocol/analysis/tasks';
import { readBuilt } from './built-file';

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
    return (this.lists ??= readBuilt<Lists>(this.file));
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
