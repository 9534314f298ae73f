/** A task file, opened in a process of its own, and its samples. */
import type { AnsweredSample, OwnScore, TaskInfo } from '../../protocol/analysis/tasks';
import { Gathered, type Drawn, type DrawRequest } from './samples';
import { Unfit, type Draft } from './task';
import type { TaskTokens } from './task-tokens';

export interface TaskCode {
  readonly info: TaskInfo;
  readonly sha256: string;
  /** Absent: accuracy and metric alone. */
  readonly score?: OwnScore;
  /** Before the first draw. Without tokens: samples are wanted as text alone. */
  begin(request: Omit<DrawRequest, 'count'>, tokens: TaskTokens | undefined): Promise<void>;
  /** Rejects with `Unfit` as a task throws it, and with the place in the file where the file is at fault. */
  draw(number: number): Promise<Draft>;
  /** A finite number for each. */
  scores(samples: readonly AnsweredSample[]): Promise<readonly number[]>;
}

/** As tasks of the catalogue are drawn: no two are the same prompt. */
export async function drawnByCode<S>(
  code: TaskCode,
  request: DrawRequest,
  tokens: TaskTokens | undefined,
  { finish, pause }: { readonly finish: (draft: Draft) => S; readonly pause: () => Promise<void> },
): Promise<Drawn<S>> {
  await code.begin(request, tokens);
  const gathered = new Gathered(code.info.title, request.count, finish);
  while (gathered.goesOn) {
    await pause();
    const drawn = await code.draw(gathered.samples.length).catch((error: unknown) => {
      if (error instanceof Unfit) return error;
      throw error;
    });
    gathered.take(() => {
      if (drawn instanceof Unfit) throw drawn;
      return drawn;
    });
  }
  return gathered.end();
}
