/**
 * The catalogues of analyses and of tasks, as the build wrote them beside the bundles, and behind them what files of the workspace are
 * known to hold: listing them starts no process.
 */
import type { AnalysisInfo } from '../../protocol/analysis/analysis';
import type { TaskInfo } from '../../protocol/analysis/tasks';
import { readBuilt } from './built-file';

interface Lists {
  readonly analyses: readonly AnalysisInfo[];
  readonly tasks: readonly TaskInfo[];
}

export class AnalysisCatalogue {
  private lists: Lists | undefined;

  constructor(
    private readonly file: string,
    private readonly ownFiles: Lists = { analyses: [], tasks: [] },
  ) {}

  private get read(): Lists {
    return (this.lists ??= readBuilt<Lists>(this.file));
  }

  get list(): readonly AnalysisInfo[] {
    return [...this.read.analyses, ...this.ownFiles.analyses];
  }

  get tasks(): readonly TaskInfo[] {
    return [...this.read.tasks, ...this.ownFiles.tasks];
  }

  of(id: string): AnalysisInfo | undefined {
    return this.list.find((analysis) => analysis.id === id);
  }
}
