/**
 * What a `*.headscope-analysis.ts` file exports, and how the process that runs it is asked. A run goes in turns: each question lets the
 * file go on until it waits for calls of the model, gives a step, or ends. Nothing in the file goes on between two turns.
 */
import { check } from '../../protocol/schema/check';
import { pack } from '../../protocol/wire/packed';
import { infoOf } from '../analysis-info';
import type { Analysis, AnalysisJob, ReadInput, Step } from '../analysis';
import type { AnalysisInfo } from '../../protocol/analysis/analysis';
import type { SectionQuestion } from '../../protocol/analysis/schema';
import type { ParameterValues } from '../../protocol/schema/parts';
import type { ModelFacts, ModelRunner } from '../model-runner/model-runner';
import { farModel, Outbox, type Call, type Outside } from './far-model';

/** The default export of an analysis file. Its id is the name of the file, whatever it says. */
export type AnalysisFile<
  P extends ParameterValues = ParameterValues,
  R extends Readonly<Record<string, unknown>> = Readonly<Record<string, unknown>>,
> = Omit<Analysis<P, R>, 'id'> & { readonly id?: string };

type Result = Readonly<Record<string, unknown>>;

/** What of an analysis can be said without a model. */
export interface AnalysisFacts {
  readonly info: AnalysisInfo;
  readonly flags: Pick<Analysis, 'interventionsOnEach' | 'recurrent' | 'everyLayer' | 'holdsHeads'>;
  readonly stopped: boolean;
  readonly ask: boolean;
  readonly compare: boolean;
  readonly offers: boolean;
  /** What would go wrong at the end of a run, or behind it, and the part of the file that it is about. */
  readonly wrong?: readonly [sentence: string, part: string];
}

/** A job without what crosses by calls. */
export type JobData = Omit<AnalysisJob<ParameterValues>, 'step' | 'standing'>;

interface Start {
  readonly model: ModelFacts;
  readonly job: JobData;
}

export type AnalysisQuestion =
  | { readonly kind: 'facts' }
  | { readonly kind: 'supports'; readonly model: ModelFacts; readonly parameters: ParameterValues }
  | {
      readonly kind: 'estimate';
      readonly model: ModelFacts;
      readonly input: ReadInput;
      readonly parameters: ParameterValues;
    }
  | { readonly kind: 'finding' | 'sections'; readonly result: Partial<Result> }
  | { readonly kind: 'stopped'; readonly known: Partial<Result> }
  | { readonly kind: 'compare'; readonly other: Result; readonly own: Result }
  | { readonly kind: 'offers'; readonly result: Result }
  | ({ readonly kind: 'run' } & Start)
  | ({ readonly kind: 'ask'; readonly result: Result; readonly question: SectionQuestion } & Start)
  /** Behind a step. */
  | { readonly kind: 'next' }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly why: string };

/** What a turn of a run came to. */
export interface Turn {
  readonly calls: readonly Call[];
  readonly outcome?:
    | { readonly kind: 'step'; readonly step: Step<Result> }
    | { readonly kind: 'done'; readonly value: unknown };
}

/** Characters of a result as JSON. */
const mostCharacters = 64 * 2 ** 20;

export class AnalysisAnswerer {
  private readonly analysis: Analysis;
  private outbox = new Outbox();
  private run: AsyncGenerator<Step<Result>, Result> | undefined;
  private outcome: Turn['outcome'] | undefined;
  private failure: { readonly error: unknown } | undefined;

  constructor(
    exported: unknown,
    private readonly outside: Outside,
  ) {
    if (typeof exported !== 'object' || exported === null) {
      throw new TypeError('The file has no default export that is an analysis. Add "export default analysis({ … })".');
    }
    const given = exported as Partial<AnalysisFile>;
    for (const name of ['supports', 'estimate', 'run', 'finding', 'sections'] as const) {
      if (typeof given[name] !== 'function') {
        throw new TypeError(`The default export has no function "${name}". Every analysis has one.`);
      }
    }
    if (typeof given.title !== 'string' || given.title.trim() === '') {
      throw new TypeError('The default export has no title. Give it a title in a few words.');
    }
    if (!given.result || typeof given.result !== 'object') {
      throw new TypeError('The default export has no schema "result". Say what its result is: result: object({ … }).');
    }
    this.analysis = { id: '', parameters: {}, ...given } as Analysis;
  }

  /** Undefined where the answer comes with the end of the turn. */
  begin(question: AnalysisQuestion): unknown {
    const { analysis } = this;
    switch (question.kind) {
      case 'facts':
        return this.facts();
      case 'supports':
        return analysis.supports(question.model, question.parameters);
      case 'estimate':
        return analysis.estimate(question.model, question.input, question.parameters);
      case 'finding':
        return analysis.finding(question.result);
      case 'sections':
        return asJson(analysis.sections(question.result), 'sections');
      case 'stopped': {
        const result = analysis.stopped?.(question.known);
        return result === undefined ? null : this.checked(result);
      }
      case 'compare':
        return asJson(analysis.compare?.(this.saved(question.other), this.saved(question.own)) ?? [], 'compare');
      case 'offers':
        return asJson(analysis.offers?.(question.result) ?? [], 'offers');
      case 'run':
        this.run = analysis.run(this.started(question), this.jobOf(question.job));
        this.goOn();
        return undefined;
      case 'ask':
        this.until(
          analysis.ask?.(
            this.started(question),
            this.jobOf(question.job),
            this.saved(question.result),
            question.question,
          ),
          (section) => ({ kind: 'done', value: asJson(section, 'ask') }),
        );
        return undefined;
      case 'next':
        this.goOn();
        return undefined;
      case 'answer':
        this.outbox.answer(question.id, question.value);
        return undefined;
      case 'refusal':
        this.outbox.refuse(question.id, question.why);
        return undefined;
    }
  }

  /** What the turn came to; a fault of the file is thrown as it is. */
  turn(): Turn {
    const { outcome, failure } = this;
    this.outcome = undefined;
    this.failure = undefined;
    if (failure) throw failure.error;
    const calls = this.outbox.take();
    if (!outcome && calls.length === 0 && this.outbox.waiting === 0) {
      throw new Error('It waits for something that never comes. Wait for the model and for steps alone.');
    }
    return { calls, ...(outcome ? { outcome } : {}) };
  }

  private facts(): AnalysisFacts {
    const { analysis } = this;
    const wrong = wrongPart(analysis);
    const { interventionsOnEach, recurrent, everyLayer, holdsHeads } = analysis;
    return {
      info: infoOf(analysis),
      flags: {
        ...(interventionsOnEach ? { interventionsOnEach } : {}),
        ...(recurrent ? { recurrent } : {}),
        ...(everyLayer ? { everyLayer } : {}),
        ...(holdsHeads ? { holdsHeads } : {}),
      },
      stopped: analysis.stopped !== undefined,
      ask: analysis.ask !== undefined,
      compare: analysis.compare !== undefined,
      offers: analysis.offers !== undefined,
      ...(wrong ? { wrong } : {}),
    };
  }

  private started({ model }: Start): ModelRunner {
    this.outbox = new Outbox();
    return farModel(model, this.outbox, this.outside);
  }

  private jobOf(job: JobData): AnalysisJob<ParameterValues> {
    const { outbox } = this;
    return {
      ...job,
      step: async <T>(key: string, act: () => Promise<T>) => {
        const before = (await outbox.call('step.begin', [key])) as { readonly known: boolean; readonly value?: T };
        if (before.known) return before.value as T;
        const value = await act();
        await outbox.call('step.end', [key, value]);
        return value;
      },
    };
  }

  private goOn(): void {
    this.until(this.run?.next(), ({ done, value }) =>
      done ? { kind: 'done', value: this.checked(value) } : { kind: 'step', step: stepOf(value) },
    );
  }

  private until<T>(promised: Promise<T> | undefined, outcome: (value: T) => Turn['outcome']): void {
    Promise.resolve(promised).then(
      (value) => {
        try {
          this.outcome = outcome(value as T);
        } catch (error) {
          this.failure = { error };
        }
      },
      (error: unknown) => (this.failure = { error }),
    );
  }

  private checked(result: unknown): Result {
    return this.ofSchema(result, 'What it gave');
  }

  /** The file may be edited in which it was saved. */
  private saved(result: Result): Result {
    return this.ofSchema(result, 'The saved result');
  }

  /** A result is data of its schema: it is saved and read again as JSON, in which NaN is null. */
  private ofSchema(result: unknown, what: string): Result {
    const found = check(this.analysis.result, asJson(result, 'result'), 'The result');
    if (!found.ok) throw new TypeError(`${what} is not what its schema says. ${found.why}`);
    return found.result;
  }
}

function wrongPart(analysis: Analysis): AnalysisFacts['wrong'] {
  const { '~run': run } = analysis.result as Partial<Analysis['result']>;
  if (typeof run !== 'function') {
    return ['"result" is an object and no schema. Say what its fields are: result: object({ … }).', 'result'];
  }
  const part = (['stopped', 'ask', 'compare', 'offers'] as const).find(
    (name) => analysis[name] !== undefined && typeof analysis[name] !== 'function',
  );
  return part && [`"${part}" is no function. Leave it out, or make it one.`, part];
}

function stepOf(step: Step<Result>): Step<Result> {
  const { sentence, done, total, partial } = (step ?? {}) as Partial<Step<Result>>;
  if (typeof sentence !== 'string' || !Number.isFinite(done) || !Number.isFinite(total)) {
    throw new TypeError('A step has no sentence, or no numbers done and total. Yield { sentence, done, total }.');
  }
  if (partial !== undefined) asJson(partial, 'partial');
  return { sentence, done: done!, total: total!, ...(partial === undefined ? {} : { partial }) };
}

/** As a saved file has it. Throws a TypeError, one sentence, where it is no data. */
function asJson(value: unknown, root: string): unknown {
  const { json, arrays } = pack(value, root);
  if (arrays.length > 0) {
    throw new TypeError(`${root} holds an array of numbers that JSON has not. Make it a list: Array.from(…).`);
  }
  if (/\{"\$":"-?Infinity"\}/u.test(json)) {
    throw new TypeError(
      `${root} holds an infinite number, which a saved file cannot. Use NaN where nothing was measured.`,
    );
  }
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`${root} is missing.`);
  if (text.length > mostCharacters) {
    throw new TypeError(
      `${root} has ${Math.ceil(text.length / 2 ** 20)} MB as JSON, and ${mostCharacters / 2 ** 20} MB is the most. Keep less of it.`,
    );
  }
  return JSON.parse(text) as unknown;
}
