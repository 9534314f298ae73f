/**
 * An analysis file as an analysis that is run. All of its code runs in one process of its own, which is asked here: the model is reached
 * by messages alone, one turn at a time, so that no more than one answer is ever on its way.
 */
import * as v from 'valibot';
import type { AnalysisJob, Step, Support, Work } from '../../diagnostics/analysis';
import type { ModelRunner } from '../../diagnostics/model-runner/model-runner';
import type { AnalysisFacts, AnalysisQuestion, JobData, Turn } from '../../diagnostics/own/analysis-file';
import { analysisGroups, inputKinds } from '../../protocol/analysis/analysis';
import { resolveTable } from '../../protocol/analysis/parameters';
import { offer } from '../../protocol/analysis/schema';
import { analysisEnding, ownAnalysisName, type OwnFilePlace } from '../../protocol/inputs/own-file';
import { check } from '../../protocol/schema/check';
import { list } from '../../protocol/schema/fields';
import type { ParameterValues } from '../../protocol/schema/parts';
import { section, sections, type Section } from '../../protocol/sections/section';
import { pack } from '../../protocol/wire/packed';
import type { RunAnalysis } from './run-analysis';
import { kernelLimits } from '../own-kernels/messages';
import { OwnProcess } from '../own-kernels/own-process';
import { commonFacts, faultIn, questionsTo, unlessAborted } from './file-questions';
import { ModelDesk } from './model-desk';

type Result = Readonly<Record<string, unknown>>;

export interface OwnAnalysis {
  readonly analysis: RunAnalysis & { readonly sha256: string };
  /** Ends its process. */
  readonly end: () => void;
}

/** Bytes of tensors that one answer of the model may carry. */
const mostBytes = 512 * 2 ** 20;

/** Throws a KernelFault: a sentence with the place in the file. */
export async function openOwnAnalysis({ file, root }: OwnFilePlace, signal: AbortSignal): Promise<OwnAnalysis> {
  let desk: ModelDesk | undefined;
  const process = new OwnProcess(
    { file, root, ending: analysisEnding, library: 'analysis-library.js' },
    kernelLimits(globalThis.process.env),
    (text) => desk?.tell(text) ?? JSON.stringify({ why: 'The model is reached while the analysis runs alone.' }),
  );
  const end = (): void => process.end();
  const { ask: askFile, fault } = questionsTo(process, file);
  const ask = (question: AnalysisQuestion): Promise<unknown> =>
    askFile(question, [['next', 'answer', 'refusal'].includes(question.kind) ? 'run' : question.kind]);

  /** Until the file ends, or gives a step. */
  const turns = async (first: AnalysisQuestion): Promise<NonNullable<Turn['outcome']>> => {
    const follow = async (question: AnalysisQuestion): Promise<Turn> =>
      (await unlessAborted(signal, end, () => ask(question))) as Turn;
    let turn = await follow(first);
    const waiting = [...turn.calls];
    for (;;) {
      if (turn.outcome) return turn.outcome;
      const { id, method, args } = waiting.shift() ?? { id: 0, method: '', args: [] };
      turn = await follow(await answered(id, () => desk!.call(method, args), signal));
      waiting.push(...turn.calls);
    }
  };
  const dataOf = ({
    input,
    parameters,
    variant,
    groups,
    interventions,
    seed,
    part,
  }: AnalysisJob<ParameterValues>): JobData => ({
    input,
    parameters,
    variant,
    groups,
    seed,
    ...(interventions ? { interventions } : {}),
    ...(part ? { part } : {}),
  });

  try {
    const facts = (await unlessAborted(signal, end, () => ask({ kind: 'facts' }))) as AnalysisFacts;
    const why = factFault(facts);
    if (why !== undefined) throw fault(why[0], [why[1]]);
    const { info: said, flags } = facts;
    // It is given a model, and writes none.
    const { trains: _trains, converts: _converts, ...info } = said;
    const shown = async (question: AnalysisQuestion, part: string): Promise<readonly Section[]> => {
      const found = check(sections, await ask(question), part);
      if (!found.ok) throw fault(`What ${part} gives cannot be shown. ${found.why}`, [part]);
      return found.result;
    };
    const analysis: OwnAnalysis['analysis'] = {
      ...info,
      ...flags,
      id: ownAnalysisName(file),
      sha256: process.sha256,
      supports: async (model, parameters) => {
        const found = (await ask({ kind: 'supports', model, parameters })) as Partial<{
          ok: unknown;
          why: unknown;
        }> | null;
        if (found?.ok === true || typeof found?.why === 'string') return found as Support;
        throw fault('supports gave no answer. Return { ok: true }, or { ok: false, why: "…" }.', ['supports']);
      },
      estimate: async (model, input, parameters) => {
        const work = (await ask({ kind: 'estimate', model, input, parameters })) as Partial<Work> | null;
        if (Number.isFinite(work?.passes) && Number.isFinite(work?.bytes)) return work as Work;
        throw fault('estimate gave no numbers. Return { passes, bytes }.', ['estimate']);
      },
      async *run(model: ModelRunner, job: AnalysisJob<ParameterValues>): AsyncGenerator<Step<Result>, Result> {
        desk = new ModelDesk(model, job);
        try {
          for (let question: AnalysisQuestion = { kind: 'run', model: model.facts, job: dataOf(job) }; ;) {
            const outcome = await turns(question);
            if (outcome.kind === 'done') return outcome.value as Result;
            yield outcome.step;
            question = { kind: 'next' };
          }
        } finally {
          desk = undefined;
        }
      },
      finding: async (result) => {
        const sentence = await ask({ kind: 'finding', result });
        if (typeof sentence !== 'string') throw fault('finding gave no text. Return one sentence.', ['finding']);
        return sentence;
      },
      sections: (result) => shown({ kind: 'sections', result }, 'sections'),
      ...(facts.stopped
        ? {
            stopped: async (known: Partial<Result>) =>
              ((await ask({ kind: 'stopped', known })) as Result | null) ?? undefined,
          }
        : {}),
      ...(facts.compare
        ? { compare: (other: Result, own: Result) => shown({ kind: 'compare', other, own }, 'compare') }
        : {}),
      ...(facts.offers
        ? {
            offers: async (result: Result) => {
              const found = check(list(offer), await ask({ kind: 'offers', result }), 'offers');
              if (!found.ok) throw fault(`What offers gives cannot be applied. ${found.why}`, ['offers']);
              return found.result;
            },
          }
        : {}),
      ...(facts.ask
        ? {
            ask: async (model, job, result, question): Promise<Section> => {
              desk = new ModelDesk(model, job);
              try {
                const outcome = await turns({ kind: 'ask', model: model.facts, job: dataOf(job), result, question });
                const found = check(section, outcome.kind === 'done' ? outcome.value : undefined, 'ask');
                if (!found.ok) throw fault(`What ask gives cannot be shown. ${found.why}`, ['ask']);
                return found.result;
              } finally {
                desk = undefined;
              }
            },
          }
        : {}),
    };
    return { analysis, end };
  } catch (error) {
    end();
    throw error;
  }
}

async function answered(id: number, act: () => Promise<unknown>, signal: AbortSignal): Promise<AnalysisQuestion> {
  try {
    const value = await act();
    const bytes = pack(value, 'the answer').arrays.reduce((sum, one) => sum + one.byteLength, 0);
    if (bytes > mostBytes) {
      const size = Math.ceil(bytes / 2 ** 20);
      throw new RangeError(
        `The call gives ${size} MB, and ${mostBytes / 2 ** 20} MB is the most. Ask for fewer layers, heads or rows at once.`,
      );
    }
    return { kind: 'answer', id, value };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'refusal', id, why: (error as Error).message };
  }
}

const texts = v.object({
  ...commonFacts,
  question: v.string(),
  group: v.picklist(analysisGroups),
  inputs: v.pipe(v.array(v.picklist(inputKinds)), v.minLength(1)),
});

/** What is wrong, and the name of the part that says it. */
function factFault({ info, wrong: part }: AnalysisFacts): readonly [sentence: string, part: string] | undefined {
  const wrong = faultIn(texts, info, 'an analysis') ?? part;
  if (wrong) return wrong;
  const resolved = resolveTable(info.title, info.parameters, {});
  return resolved.ok ? undefined : [resolved.why, 'parameters'];
}
