/** What the status bar and its list say of the queue of runs. */
import { queueTime, type QueuedRun } from '../platform/run-queue';

/** The row of a run in the list. */
export interface QueueLine {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
}

/** As "40 s", "3 min", "2 h 5 min". */
export function timeWords(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest === 0 ? '' : ` ${rest} min`}`;
}

const percent = (share: number): string => `${Math.floor(share * 100)} %`;

/** As "Ablation of heads and MLPs · gpt2". */
export const runName = ({ title, model }: QueuedRun): string => (model === '' ? title : `${title} · ${model}`);

export function queueLine(run: QueuedRun): QueueLine {
  const { state, beside, sentence, share, secondsLeft } = run;
  const time = secondsLeft === undefined ? '' : timeWords(secondsLeft);
  const words =
    state === 'waiting'
      ? ['waits', ...(time === '' ? [] : [`will take about ${time}`])]
      : [
          beside === true ? 'runs beside the others' : 'runs',
          ...(share === undefined ? [] : [percent(share)]),
          ...(time === '' ? [] : [`about ${time} left`]),
        ];
  const icon = state === 'waiting' ? 'watch' : 'sync~spin';
  return { label: `$(${icon}) ${runName(run)}`, description: words.join(', '), detail: sentence };
}

export interface QueueSummary {
  /** For the status bar; icons apart. */
  readonly text: string;
  /** Whole sentences. */
  readonly sentences: readonly string[];
}

/** A title in the status bar is cut behind this many characters. */
const longestTitle = 28;

const cut = (title: string): string =>
  title.length <= longestTitle ? title : `${title.slice(0, longestTitle - 1).trimEnd()}…`;

/** Undefined where nothing runs and nothing waits. */
export function queueSummary(list: readonly QueuedRun[]): QueueSummary | undefined {
  const [first] = list;
  if (first === undefined) return undefined;
  const waiting = list.filter(({ state }) => state === 'waiting').length;
  const time = queueTime(list);
  const left = time && `${time.atLeast ? 'at least' : 'about'} ${timeWords(time.seconds)} left`;
  const share = first.share === undefined ? '' : ` ${percent(first.share)}`;
  const text = [
    `${cut(first.title)}${share}`,
    ...(waiting === 0 ? [] : [`${waiting} waiting`]),
    ...(left === undefined ? [] : [left]),
  ].join(', ');
  const running = list
    .filter(({ state }) => state === 'running')
    .map((run) => {
      const { description } = queueLine(run);
      return `${runName(run)} ${description}.`;
    });
  const waits = waiting === 1 ? ['1 run waits.'] : waiting > 1 ? [`${waiting} runs wait.`] : [];
  const all = left === undefined ? [] : [`All together: ${left}.`];
  return { text, sentences: [...running, ...waits, ...all] };
}
