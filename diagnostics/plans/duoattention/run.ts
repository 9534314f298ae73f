/** The run of the analysis `duoattention`: gates, the choice, and what it does beside other choices. */
import { chooseByGates, type GateRule, type Gates } from '../../../protocol/plans/gates';
import { parseGates } from '../../../protocol/plans/formats/duoattention';
import { fullPlan, type HeadPlan } from '../../../protocol/plans/head-plan';
import { refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { bytesByLength } from '../../shared/plans/bytes-table';
import { TaskTokens } from '../../tasks/task-tokens';
import { checkRows, choicesBeside, measured, type Measured } from './check';
import { firstOrderGates, trainedGates, type Found } from './find-gates';
import { keyPrompt, type KeySource } from './pass-keys';
import type { DuoParameters, Method } from './parameters';
import type { DuoResult } from './result';
import { trainingPlan } from './two-way';
import { mean } from '../../../kernels/tensors/vectors';

export async function* runDuo(
  model: ModelRunner,
  { parameters, seed, step }: AnalysisJob<DuoParameters>,
): AsyncGenerator<Step<DuoResult>, DuoResult> {
  const source = await keySource(model, parameters);
  const method = parameters.method as Method;
  const layers = model.facts.blocks.length;
  const work = method === 'published' ? 0 : parameters.steps;
  const total = Math.max(1, work + parameters.checks);
  let done = 0;
  let found: Found;
  if (method === 'published') {
    yield { sentence: 'Reading the published gates', done, total };
    const gates = await step('published', () => publishedGates(model, parameters.gates));
    found = { gates, curve: [] };
  } else {
    const finding = (method === 'gradient' ? trainedGates : firstOrderGates)({
      model,
      source,
      parameters,
      seed,
      step,
    });
    for (let yields = 0; ; yields++) {
      const next = await finding.next();
      if (next.done) {
        found = next.value;
        break;
      }
      done = method === 'gradient' ? next.value.curve.length : yields / layers;
      const sentence =
        method === 'gradient'
          ? `Training gates: step ${done} of ${work}`
          : `Prompt ${Math.floor(done) + 1} of ${work}: heads of layer ${yields % layers} stream alone`;
      const partial = done > 0 ? { partial: resultOf(model, parameters, next.value, false) } : {};
      yield { sentence, done, total, ...partial };
    }
  }
  const known = resultOf(model, parameters, found, true);
  const choices = choicesBeside(model, onTraining(known, parameters), seed);
  const prompts: (readonly Measured[])[] = [];
  let tokens = 0;
  for (let at = 0; at < parameters.checks; at++) {
    yield { sentence: `Check prompt ${at + 1} of ${parameters.checks}`, done: work + at, total, partial: known };
    const prompt = keyPrompt(source, parameters, seed, `check ${at}`);
    tokens += prompt.answers.length;
    prompts.push(await step(`check ${at}`, () => measured(model, prompt, choices)));
  }
  if (prompts.length === 0) return known;
  return { ...known, checks: { prompts: prompts.length, tokens, rows: checkRows(choices, prompts) } };
}

export async function keySource(model: ModelRunner, { text }: DuoParameters): Promise<KeySource> {
  const { facts } = model;
  if (facts.summary.tokenizer !== true) return { facts, tokens: undefined };
  const between = text.trim() === '' ? {} : { text: await model.textFile(text) };
  return { facts, tokens: await TaskTokens.of(model), ...between };
}

const ruleOf = ({ rule, sparsity, threshold }: DuoParameters): GateRule =>
  rule === 'threshold' ? { threshold } : { sparsity };

/** The choice with the sizes of the training: the check prompts are as short as those that the gates were found on. */
export const onTraining = ({ plan }: Pick<DuoResult, 'plan'>, parameters: DuoParameters): DuoResult['plan'] =>
  plan.map((row) => row.map((keep) => (keep.kind === 'full' ? keep : trainingPlan(parameters))));

function resultOf(
  { facts }: ModelRunner,
  parameters: DuoParameters,
  { gates, curve }: Found,
  done: boolean,
): DuoResult {
  const { sinks, recent, rule, trainSinks, trainRecent } = parameters;
  const { tokenizer } = facts.summary;
  const chosen = chooseByGates(gates, ruleOf(parameters));
  const streams: HeadPlan = { kind: 'recent', sinks, recent };
  const plan = chosen.full.map((row) => row.map((full) => (full ? fullPlan : streams)));
  const all = gates.flat();
  return {
    method: parameters.method as Method,
    gates,
    curve,
    done,
    rule,
    threshold: chosen.threshold,
    full: chosen.count,
    sparsity: 1 - chosen.count / all.length,
    above: mean(all.map((gate) => (gate > 0.5 ? 1 : 0))),
    plan,
    bytes: bytesByLength(facts, plan),
    deployed: { sinks, recent },
    windows: { trainSinks, trainRecent },
    config: { sink_size: sinks, recent_size: recent },
    notes: [
      ...(tokenizer === true ? [] : ['The model has no tokenizer: its pass keys are random tokens.']),
      ...(trainSinks + trainRecent >= parameters.shortest
        ? ['Streaming heads read all of the shortest prompts: those say nothing about their gates.']
        : []),
    ],
  };
}

async function publishedGates(model: ModelRunner, path: string): Promise<Gates> {
  if (path.trim() === '') throw refusal('There is no file of published gates. Choose a full_attention_heads.tsv.');
  const file = path.split(/[\\/]/u).at(-1) ?? path;
  const read = parseGates(await model.textFile(path));
  if (!read.ok) throw refusal(`${file} holds no gates. ${read.why}`);
  const { blocks } = model.facts;
  const fits =
    read.result.length === blocks.length &&
    blocks.every(({ kvHeads }, layer) => read.result[layer]?.length === kvHeads);
  if (!fits) {
    const [rows, columns] = [read.result.length, read.result[0]?.length ?? 0];
    throw refusal(
      `${file} has gates of ${rows} layers of ${columns} key/value heads, and this model has ${blocks.length} of ${blocks[0]?.kvHeads ?? 0}. Choose the gates of this model.`,
    );
  }
  return read.result;
}
