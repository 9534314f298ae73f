/**
 * The analyses and tasks of the workspace that were checked here, as they said what they are: forms offer them, and nothing runs to
 * list them. A request that names one gets the place of its code.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { AnalysisInfo } from '../../protocol/analysis/analysis';
import type { AnalysisRequest, AnalysisResult } from '../../protocol/analysis/schema';
import type { TaskInfo } from '../../protocol/analysis/tasks';
import type { ResultCode } from '../../protocol/compute/analyses';
import { isCodeFile, isOwnAnalysis, type OwnFilePlace, type OwnFileRead } from '../../protocol/inputs/own-file';
import { FailureError, refusal } from '../../protocol/wire/failures';
import { realFolder } from '../models/real-folder';
import { Owner } from '../platform/owner';
import { Signal } from '../platform/signal';
import type { OwnFiles } from './own-files';

const memoryKey = 'ownFiles.known';
/** Of each kind; the oldest are forgotten first. */
const most = 50;
/** Files of one name that are looked at for the code of a result. */
const mostPlaces = 8;

interface Known<Info> {
  readonly place: OwnFilePlace;
  readonly info: Info;
}

interface Kept {
  /** Of the extension: what another one has kept may lack what this one reads. */
  readonly version: string;
  readonly analyses: readonly Known<AnalysisInfo>[];
  readonly tasks: readonly Known<TaskInfo>[];
}

interface KnownFilesParts {
  readonly memory: { get(key: string): unknown; update(key: string, value: unknown): PromiseLike<void> };
  /** Of the extension. */
  readonly version: string;
  readonly ownFiles: Pick<OwnFiles, 'ask' | 'mayRun'>;
  /** Where the code of a file lies; undefined where it is in no folder of the workspace. */
  readonly placeOf: (file: string) => OwnFilePlace | undefined;
  /** Files of the workspace with this name, wherever they lie. */
  readonly named: (name: string) => Promise<readonly string[]>;
}

export class KnownFiles extends Owner {
  private readonly changed = this.own(new Signal<void>());
  readonly onChange = this.changed.event;

  constructor(private readonly parts: KnownFilesParts) {
    super();
  }

  get analyses(): readonly AnalysisInfo[] {
    return this.kept.analyses.map(({ info }) => info);
  }

  get tasks(): readonly TaskInfo[] {
    return this.kept.tasks.map(({ info }) => info);
  }

  /** Files of the same name are one analysis to results: the one that was checked last takes the place. */
  keepAnalysis(place: OwnFilePlace, info: AnalysisInfo): Promise<void> {
    const others = this.kept.analyses.filter((one) => one.info.id !== info.id);
    return this.keep({ analyses: [{ place, info }, ...others].slice(0, most) });
  }

  keepTask(place: OwnFilePlace, info: TaskInfo): Promise<void> {
    const others = this.kept.tasks.filter((one) => one.info.id !== info.id);
    return this.keep({ tasks: [{ place, info }, ...others].slice(0, most) });
  }

  /** The file is gone, or has another name. */
  async forget(file: string): Promise<void> {
    const { analyses, tasks } = this.kept;
    const real = join(realFolder(dirname(file)), basename(file));
    const isOther = ({ place }: Known<unknown>): boolean => place.file !== real;
    if (analyses.every(isOther) && tasks.every(isOther)) return;
    await this.keep({ analyses: analyses.filter(isOther), tasks: tasks.filter(isOther) });
  }

  /**
   * The request with the places of the code that it runs; the request itself where it runs none. `asks`: a person may be asked
   * whether it may run. Throws a FailureError where it may not.
   */
  withCode(request: AnalysisRequest, asks: boolean): AnalysisRequest | Promise<AnalysisRequest> {
    const { analysis, input } = request;
    const task = input.kind === 'task' && isCodeFile(input.task) ? input.task : undefined;
    return isOwnAnalysis(analysis) || task !== undefined ? this.withPlaces(request, task, asks) : request;
  }

  private async withPlaces(
    request: AnalysisRequest,
    task: string | undefined,
    asks: boolean,
  ): Promise<AnalysisRequest> {
    const { analysis } = request;
    const isOwn = isOwnAnalysis(analysis);
    const file = isOwn ? this.kept.analyses.find(({ info }) => info.id === analysis)?.place : undefined;
    if (isOwn && file === undefined) {
      throw refusal(`there is no analysis ${analysis} here. Open its file, and choose "Run on a Model…" in the title`);
    }
    const taskFile = task === undefined ? undefined : this.parts.placeOf(task);
    if (task !== undefined && taskFile === undefined) {
      throw refusal(`${task} lies in no folder of the workspace, and only files of it are run. Open its folder`);
    }
    if (!(asks ? await this.parts.ownFiles.ask() : this.parts.ownFiles.mayRun)) {
      throw refusal(
        'it runs a file of the workspace, which you have not allowed here. Choose "Run Own Files When They Are Saved…" in the title menu of the file',
      );
    }
    return { ...request, ...(file ? { file } : {}), ...(taskFile ? { taskFile } : {}) };
  }

  /**
   * Where the code of a saved result may lie: at the path that it names, where a file of its name was known last, or anywhere else in
   * the workspace. `asks`: a person may be asked whether it may run. Throws a FailureError, one sentence, where nothing may answer.
   */
  async codeOf(
    { file, taskFile }: Pick<AnalysisResult, 'file' | 'taskFile'>,
    asks: boolean,
  ): Promise<ResultCode | undefined> {
    if (!file && !taskFile) return undefined;
    const code = {
      ...(file ? { file: await this.placesOf(file, this.kept.analyses) } : {}),
      ...(taskFile ? { taskFile: await this.placesOf(taskFile, this.kept.tasks) } : {}),
    };
    if (asks ? await this.parts.ownFiles.ask() : this.parts.ownFiles.mayRun) return code;
    throw notAnswered(
      `This needs ${nameOf(file ?? taskFile!)} to run, which you have not allowed here. Choose "Run Own Files When They Are Saved…" in the title menu of the file.`,
    );
  }

  private async placesOf(read: OwnFileRead, known: readonly Known<unknown>[]): Promise<readonly OwnFilePlace[]> {
    const name = nameOf(read);
    const files = [
      read.path,
      ...known.flatMap(({ place }) => (basename(place.file) === name ? [place.file] : [])),
      ...(await this.parts.named(name)),
    ];
    const found = new Map<string, OwnFilePlace>();
    for (const one of files) {
      const place = this.parts.placeOf(one);
      if (place && existsSync(place.file)) found.set(place.file, place);
    }
    if (found.size === 0) {
      throw notAnswered(`${name}, which gave this result, lies in no folder of the workspace. Open its folder.`);
    }
    return [...found.values()].slice(0, mostPlaces);
  }

  private get kept(): Kept {
    const { memory, version } = this.parts;
    const kept = memory.get(memoryKey) as Kept | undefined;
    return kept?.version === version ? kept : { version, analyses: [], tasks: [] };
  }

  private async keep(change: Partial<Kept>): Promise<void> {
    await this.parts.memory.update(memoryKey, { ...this.kept, ...change });
    this.changed.fire();
  }
}

/** The result may come from a machine that writes paths another way. */
const nameOf = ({ path }: OwnFileRead): string => path.split(/[\\/]/u).at(-1) ?? path;

const notAnswered = (sentence: string): FailureError =>
  new FailureError({ code: 'kernel-file', detail: sentence, sentence });
