/**
 * Plans of MoA's release (github.com/thu-nics/MoA, `moa_alpha_beta.json`): `{"alphas": [layers][heads], "betas": [layers][heads]}`. A head keeps alpha + beta N
 * positions, in whole blocks of 64 and at least 128, the first 64 among them (`moa_config_to_cache_config` of the release). N is the prompt
 * there with the tokens that will be written (1,024), here the prompt.
 *
 * The release has a rule for each query head. Heads that share keys and values get the largest alpha and the largest beta of their rules,
 * which keeps what each of them keeps; a file of key/value heads is read as it is.
 */
import { parseJson, type Checked, type Schema } from '../../schema/check';
import { ensure, list, number, numberFrom, object } from '../../schema/fields';
import { mostHeads, mostLayers } from '../../schema/parts';
import { headPlanText, type HeadPlan } from '../head-plan';
import type { Plan } from '../plan-file';
import { importedPlan, type ImportTarget, type PlanFormat } from './format';

const [sinks, least, multiple] = [64, 128, 64];

const table = (item: Schema<number>): Schema<readonly (readonly number[])[]> =>
  list(list(item, 'a list of heads', { least: 1, most: mostHeads }), 'a list of layers', {
    least: 1,
    most: mostLayers,
  });

const moaField = ensure(
  object(
    { alphas: table(number), betas: table(numberFrom(0, 1)) },
    'an object with "alphas" and "betas", a number for each layer and head',
  ),
  ({ alphas, betas }) =>
    alphas.length === betas.length && alphas.every((row, layer) => row.length === betas[layer]?.length),
  'a file with as many betas as alphas in each layer',
);

const keptBy = (alpha: number, beta: number): HeadPlan =>
  beta === 1 && alpha >= 0 ? { kind: 'full' } : { kind: 'span', alpha, beta, sinks, least, multiple };

function readMoa(text: string, target: ImportTarget): Checked<Plan> {
  const read = parseJson(moaField, text);
  if (!read.ok) return read;
  const { alphas, betas } = read.result;
  const { kvHeads, model } = target;
  const heads = alphas.map((row, layer) => {
    const group = row.length === model.heads ? model.heads / kvHeads : 1;
    const most = (of: readonly number[], at: number): number => Math.max(...of.slice(at * group, (at + 1) * group));
    return Array.from({ length: row.length / group }, (_, at) => keptBy(most(row, at), most(betas[layer] ?? [], at)));
  });
  return importedPlan(heads, target);
}

/** alpha and beta; undefined where the release keeps something else. */
function ruleOf(plan: HeadPlan): readonly [alpha: number, beta: number] | undefined {
  if (plan.kind === 'full') return [0, 1];
  if (plan.kind === 'span')
    return plan.sinks === sinks && plan.least === least && plan.multiple === multiple
      ? [plan.alpha, plan.beta]
      : undefined;
  if (plan.kind !== 'recent' || plan.mean || plan.append || plan.share !== undefined) return undefined;
  const size = plan.sinks + plan.recent;
  return plan.sinks === sinks && size >= least && size % multiple === 0 ? [size, 0] : undefined;
}

function writeMoa({ heads, model }: Plan): Checked<string> {
  for (const [layer, row] of heads.entries()) {
    const head = row.findIndex((plan) => !ruleOf(plan));
    const plan = row[head];
    if (plan) {
      return {
        ok: false,
        why: `Key/value head ${head} of layer ${layer} keeps ${headPlanText(plan)}, which MoA's form cannot say: it has spans of whole blocks of 64, at least 128, with the first 64. Write the plan as a table.`,
      };
    }
  }
  const of = (part: 0 | 1): readonly (readonly number[])[] =>
    heads.map((row) =>
      row.flatMap((plan) => new Array<number>(model.heads / row.length).fill(ruleOf(plan)?.[part] ?? 0)),
    );
  return { ok: true, result: `${JSON.stringify({ alphas: of(0), betas: of(1) })}\n` };
}

export const moa: PlanFormat = {
  id: 'moa',
  title: 'MoA (JSON)',
  extension: '.json',
  import: readMoa,
  export: writeMoa,
};
