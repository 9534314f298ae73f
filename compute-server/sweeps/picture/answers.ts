/** Answers what the Sweeps panel asks of one sweep. Keeps what it has read of results from one question to the next. */
import type {
  SweepAnswers,
  SweepAsk,
  SweepLook,
  SweepMistakes,
  SweepPicture,
} from '../../../protocol/sweeps/sweep-picture';
import { counted } from '../../../protocol/wire/number-words';
import { cancelSweep } from '../cancel';
import type { EstimateOfCell } from '../cell-work';
import { EngineRefusal, type SweepEngine } from '../engine';
import type { EngineId } from '../../../protocol/sweeps/sweep-file';
import type { OpenedSweep } from '../opened-sweep';
import { isActive, submitSweep } from '../submit';
import { statusOf } from '../status';
import { devicesInWords } from './devices-in-words';
import { KnownResults } from './known-results';
import { pictureOf } from './picture';

/** What the command line has for the panel. */
export interface PanelSweep {
  /** The sweep as the file has it now, or what is wrong with the file. `submitted`: with the shell of its last submission. */
  open(submitted: boolean): Promise<OpenedSweep | SweepMistakes>;
  /** Undefined if this version does not have it. */
  engineOf(id: EngineId, opened: OpenedSweep): SweepEngine | undefined;
  estimateOf?(opened: OpenedSweep): EstimateOfCell | undefined;
  /** Program and arguments of a task. */
  command(opened: OpenedSweep): readonly string[];
}

/** A refusal, as a sentence with a next step. */
class NotDone extends Error {}

export class SweepPanelAnswers {
  private readonly known = new KnownResults();

  constructor(private readonly sweep: PanelSweep) {}

  async answer(ask: SweepAsk): Promise<SweepAnswers[SweepAsk['kind']]> {
    if (ask.kind === 'look') return this.look(ask.look);
    const opened = await this.opened(ask.kind === 'cancel');
    if (ask.kind === 'cancel') return this.cancel(opened);
    return ask.kind === 'submit' ? this.submit(opened, ask.which) : this.again(opened, ask.key);
  }

  private async look(look: SweepLook): Promise<SweepPicture | SweepMistakes> {
    const began = performance.now();
    const opened = await this.sweep.open(true);
    if ('mistakes' in opened) return opened;
    const status = await statusOf(opened, (id) => this.sweep.engineOf(id, opened));
    await this.known.readFor(status.cells, opened.folder);
    const picture = pictureOf(status, this.known, look, () => (performance.now() - began) / 1000);
    const { sweep, shell, program } = opened;
    return program.takes('device') ? { ...picture, place: devicesInWords(sweep, shell) } : picture;
  }

  private async cancel(opened: OpenedSweep): Promise<string> {
    const cancelled = await cancelSweep(opened, (id) => this.sweep.engineOf(id, opened));
    return cancelled === undefined
      ? 'Nothing of this sweep was running.'
      : `${counted(cancelled, 'cell was', 'cells were')} cancelled. Results are kept.`;
  }

  private async submit(opened: OpenedSweep, which: 'open' | 'failed'): Promise<string> {
    if (which === 'open') return this.start(opened);
    const { cells } = await statusOf(opened, (id) => this.sweep.engineOf(id, opened));
    const failed = new Set(cells.filter(({ state }) => state === 'failed').map(({ key }) => key));
    return this.start(opened, (key) => failed.has(key));
  }

  /** The result of a cell that is done is set aside, not deleted. */
  private async again(opened: OpenedSweep, key: string): Promise<string> {
    const { folder } = opened;
    const last = await folder.last();
    if (last && (await isActive(last, (id) => this.sweep.engineOf(id, opened))))
      throw new NotDone('The sweep is running. Wait until it has ended, or cancel it, then run the cell again.');
    const now: string[] = [];
    for await (const cell of opened.keyed()) now.push(cell.key);
    if (!now.includes(key))
      throw new NotDone(
        'The sweep has this cell no more, or it ran with settings of another shell. Run it from there.',
      );
    const isDone = (await folder.finished()).has(key);
    const back = isDone ? await folder.setAside(key) : async (): Promise<void> => {};
    if (!back)
      throw new NotDone(`results/${key}.json is not the result of this cell. Move the file away, then run the cell.`);
    try {
      const said = await this.start(opened, (one) => one === key);
      return isDone ? `${said} Its result before is in results/earlier.` : said;
    } catch (error) {
      await back();
      throw error;
    }
  }

  private async start(opened: OpenedSweep, only?: (key: string) => boolean): Promise<string> {
    const faults = await opened.faults();
    if (faults.length > 0) throw new NotDone(faults.slice(0, 5).join('\n'));
    const id = opened.sweep.engine ?? 'local';
    const engine = this.sweep.engineOf(id, opened);
    if (!engine) throw new NotDone(`This version of Headscope has no engine "${id}". Change engine in the file.`);
    const estimate = this.sweep.estimateOf?.(opened);
    const submitted = await submitSweep(opened, {
      ...(estimate ? { estimate } : {}),
      engine,
      engineOf: (one) => this.sweep.engineOf(one, opened),
      command: this.sweep.command(opened),
      ...(only ? { only } : {}),
    });
    if (!submitted.ok) throw new NotDone(submitted.why);
    const { units } = submitted.plan;
    if (units === 0) return 'Nothing is left to run.';
    return `${counted(units, 'run was', 'runs were')} submitted to the engine ${engine.id}.`;
  }

  private async opened(submitted: boolean): Promise<OpenedSweep> {
    const opened = await this.sweep.open(submitted);
    if (!('mistakes' in opened)) return opened;
    const [first] = opened.mistakes;
    throw new NotDone(`The file has mistakes. Line ${first?.line ?? 1}: ${first?.message ?? ''}`);
  }
}

/** Answers one question after the other over node IPC, until the panel closes. */
export function servePanel(answers: SweepPanelAnswers): Promise<never> {
  let last: Promise<void> = Promise.resolve();
  process.on('message', (message: unknown) => {
    const { id, ask } = message as { readonly id: number; readonly ask: SweepAsk };
    const answer = async (): Promise<void> => {
      try {
        const ok = await answers.answer(ask);
        process.send?.({ id, ok });
      } catch (error) {
        const failed = error instanceof Error ? error.message : String(error);
        const isRefusal = error instanceof NotDone || error instanceof EngineRefusal;
        process.send?.({ id, failed, ...(isRefusal || !(error instanceof Error) ? {} : { details: error.stack }) });
      }
    };
    last = last.then(answer);
  });
  // The command line lets go of the channel when it starts, as cells of a sweep only use it to end.
  process.channel?.ref();
  return new Promise(() => {});
}
