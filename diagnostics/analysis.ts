/**
 * What an analysis is: a folder of its group exports one of these, and `catalogue.ts` lists it. Command, palette entry, form,
 * panel, saved file, comparison, export, progress, cancel and resume come from the shared machinery, which knows nothing more of
 * it than this.
 */
import type { Variant } from '../models/instrument/changes/changes';
import type { GenericSchema } from 'valibot';
import type { AnalysisInfo } from '../protocol/analysis/analysis';
import type { AnalysisInput, Offer, Part, SectionQuestion } from '../protocol/analysis/schema';
import type { ParameterTable } from '../protocol/analysis/parameters';
import type { ParameterValues } from '../protocol/schema/parts';
import type { Intervention } from '../protocol/interventions/interventions';
import type { GivenPlan } from '../protocol/plans/plan-from';
import type { Section } from '../protocol/sections/section';
import type { ModelFacts, ModelRunner, Prompt } from './model-runner/model-runner';
import type { KeyGroup } from './model-runner/sequence';
import type { TaskInfo } from '../protocol/analysis/tasks';
import type { OwnFileRead } from '../protocol/inputs/own-file';
import type { Corpus } from './corpus';
import type { Sample } from './tasks/task';

/** `why` is one sentence with a next step; the panel shows it and a run refuses with the same words. */
export type Support =
  | { readonly ok: true }
  /** `byParameters`: other parameters would do, so the request is at fault and not the model. */
  | { readonly ok: false; readonly why: string; readonly byParameters?: true };

/** What a run will take, for refusal, the estimate in the form, and time left. */
export interface Work {
  /** Forward passes over the input. */
  readonly passes: number;
  /** Tokens of a pass; absent: those of the prompt. */
  readonly tokens?: number;
  /** Bytes that the analysis itself holds beside a plain run. */
  readonly bytes: number;
}

/** What a run reads, after the runner has read it. */
export interface ReadInput {
  readonly given: AnalysisInput;
  /** One, or the prompt and its counterpart; none for inputs that are no prompt. */
  readonly prompts: readonly Prompt[];
  /** Present if the input is a task. */
  readonly task?: {
    readonly task: TaskInfo;
    /** The task file that gave them. */
    readonly file?: OwnFileRead;
    readonly samples: readonly Sample[];
    /** What was left out, and why. */
    readonly notes: readonly string[];
  };
  /** Present if the input is a corpus. For an estimate the documents of a large one are not read, but its bytes are known. */
  readonly corpus?: Corpus;
}

export interface AnalysisJob<P extends ParameterValues> {
  readonly input: ReadInput;
  readonly parameters: P;
  /** The person's interventions on the first prompt, and the key groups that they act on. */
  readonly variant: Variant;
  readonly groups: readonly KeyGroup[];
  /** As they were given, for prompts that the analysis makes itself; absent: none. */
  readonly interventions?: readonly Intervention[];
  readonly seed: number;
  /** The part of the pictures that is run, for an analysis with `stepsOfPictures`; absent: all. */
  readonly part?: Part;
  /**
   * The value of a step: what `act` gives, or what it gave in an earlier run of the same request that did not end. Keys are
   * unique within a run. Values are plain data (structured clone).
   */
  readonly step: <T>(key: string, act: () => Promise<T>) => Promise<T>;
  /** Where the run stands between two steps; absent: nothing of it is kept. */
  readonly standing?: Standing;
}

/** One value that takes the place of the one before, too large to be kept with every step. */
export interface Standing {
  /** As an earlier run of the same request left it. */
  readonly read: () => Promise<unknown>;
  /** `make` is called where the value is kept at all. */
  readonly write: (make: () => Promise<unknown>) => Promise<void>;
}

/** A plan needs no more than its title and heads: the run adds the model, the analysis and its settings. */
export interface GivenOffer extends Omit<Offer, 'plan'> {
  readonly plan?: GivenPlan;
}

/** Where a run stands; at each of these it can be cancelled. */
export interface Step<R> {
  /** What is being done, e.g. `Layer 3 of 12`. */
  readonly sentence: string;
  /** Work done and in all, in a unit of the analysis's own. */
  readonly done: number;
  readonly total: number;
  /** What is known so far, where it has changed. */
  readonly partial?: Partial<R>;
}

export interface Analysis<
  P extends ParameterValues = ParameterValues,
  R extends Readonly<Record<string, unknown>> = Readonly<Record<string, unknown>>,
> extends Omit<AnalysisInfo, 'parameters' | 'trains'> {
  readonly parameters: ParameterTable<P>;
  /** The person's interventions act on each picture of a set: the analysis lays them on itself. */
  readonly interventionsOnEach?: true;
  /**
   * Its steps are those of single pictures, whatever others are drawn: a larger sample goes on behind a smaller one. Names the
   * parameters that choose pictures, beside the number of samples.
   */
  readonly stepsOfPictures?: readonly string[];
  /** Parses saved results, and says what each field is. */
  readonly result: GenericSchema<unknown, R>;
  /** It says something of models whose layers are all recurrences: what it measures are outputs, streams or effective attention. */
  readonly recurrent?: true;
  /** It needs attention in every layer. */
  readonly everyLayer?: true;
  /** It holds all heads while it changes one, so that nothing may pass beside them. */
  readonly holdsHeads?: true;
  supports(model: ModelFacts, parameters: P): Support;
  estimate(model: ModelFacts, input: ReadInput, parameters: P): Work;
  run(model: ModelRunner, job: AnalysisJob<P>): AsyncGenerator<Step<R>, R>;
  /** The result of a run that was cancelled, of what was known by then; absent: such a run has none. */
  stopped?(known: Partial<R>): R | undefined;
  /** Looks closer at one head, edge, token or row of a section that has `ask`. */
  ask?(model: ModelRunner, job: AnalysisJob<P>, result: R, question: SectionQuestion): Promise<Section>;
  /** Asks for more that becomes a part of the result, step by step. */
  extend?(model: ModelRunner, job: AnalysisJob<P>, result: R, question: SectionQuestion): AsyncGenerator<Step<R>, R>;
  /** The first sentence of panel, command line and tree; never more than the numbers allow. */
  finding(result: Partial<R>): string;
  /** Sections of what is known: those whose numbers are not there yet are left out. */
  sections(result: Partial<R>): readonly Section[];
  /**
   * Further sections for two results side by side, most changed first; beside them the sections of both are shown. `own` is the
   * result on show, `other` the one that it is compared with: a change is `own` less `other`, and its words say so.
   */
  compare?(other: R, own: R): readonly Section[];
  offers?(result: R): readonly GivenOffer[];
}

/** Whether an analysis says something of a model. */
export const supportOf = (
  analysis: Pick<Analysis, 'supports' | 'recurrent' | 'everyLayer' | 'holdsHeads' | 'title'>,
  facts: ModelFacts,
  parameters: ParameterValues,
): Support => unsupportedByKind(analysis, facts) ?? analysis.supports(facts, parameters);

/** What is refused whatever the analysis itself says; undefined: it is asked. */
export function unsupportedByKind(
  analysis: Pick<Analysis, 'recurrent' | 'everyLayer' | 'holdsHeads' | 'title'>,
  facts: ModelFacts,
): Support | undefined {
  const { blocks, summary } = facts;
  const attends = blocks.some(({ heads }) => heads > 0);
  const without = blocks.findIndex(({ heads }) => heads === 0);
  if (attends && without >= 0 && analysis.everyLayer) {
    const why = `Layer ${without} of ${summary.name} has no attention, which "${analysis.title}" needs in every layer. Choose a model whose layers all have it.`;
    return { ok: false, why };
  }
  const beside = blocks.findIndex(({ heads, state }) => heads > 0 && state !== undefined);
  if (beside >= 0 && analysis.holdsHeads) {
    const why = `Layer ${beside} of ${summary.name} has a recurrence beside its attention, which "${analysis.title}" cannot hold while it changes one path. Choose another model.`;
    return { ok: false, why };
  }
  if (attends || analysis.recurrent) return undefined;
  if (!blocks.some(({ state }) => state)) {
    const why = `No layer of ${summary.name} has heads, and "${analysis.title}" is about them. Choose a model with attention.`;
    return { ok: false, why };
  }
  const why = `No layer of ${summary.name} has attention: they are recurrences, and "${analysis.title}" is about what attention reads. Choose a model with attention, or ask what its heads write (ablation, patching, direct logit attribution).`;
  return { ok: false, why };
}
