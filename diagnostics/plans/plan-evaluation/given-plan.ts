/** The plan that is evaluated: of a file, or of rules. */
import { keepOf, plan as planKind } from '../../../protocol/interventions/plan';
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import { parsePlan } from '../../../protocol/plans/plan-file';
import type { GivenPlan } from '../../../protocol/plans/plan-from';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { counted } from '../../../protocol/wire/number-words';
import { rulesProblem, type PlanEvaluationParameters } from './parameters';

export interface ReadPlan {
  readonly plan: GivenPlan;
  readonly notes: readonly string[];
}

export async function givenPlan(
  model: Pick<ModelRunner, 'textFile' | 'facts'>,
  { plan: path, rules }: Pick<PlanEvaluationParameters, 'plan' | 'rules'>,
): Promise<ReadPlan> {
  const { facts } = model;
  if (path === '') {
    const heads = ofRules(rules, facts);
    if (heads.flat().some(({ kind }) => kind === 'kept')) {
      throw refusal(
        'Rules cannot keep chosen positions, as they do not say of which prompt. Save such a plan as a file.',
      );
    }
    return { plan: { title: rules, heads }, notes: [] };
  }
  const read = parsePlan(await model.textFile(path));
  if (!read.ok) throw refusal(`${path} is no cache plan: ${read.why}`);
  const { title, heads, prompt, model: of, origin, measured } = read.result;
  requireHeads(path, heads, facts);
  const { name, hash } = facts.summary;
  return {
    plan: {
      title,
      heads,
      model: of,
      origin,
      ...(prompt === undefined ? {} : { prompt }),
      ...(measured ? { measured } : {}),
    },
    notes: of.hash === hash ? [] : [`The plan was made for ${of.name}, and this is ${name} with other weights.`],
  };
}

function ofRules(text: string, { blocks }: ModelFacts): readonly (readonly HeadPlan[])[] {
  const parsed = planKind.parse(text);
  if (!parsed) throw refusal(rulesProblem(text));
  return blocks.map(({ kvHeads }, layer) =>
    Array.from({ length: kvHeads }, (_, head) => keepOf(parsed.rules, layer, head)),
  );
}

function requireHeads(path: string, heads: readonly (readonly HeadPlan[])[], { blocks, summary }: ModelFacts): void {
  if (heads.length !== blocks.length) {
    throw refusal(
      `${path} is a plan of ${counted(heads.length, 'layer', 'layers')}, and ${summary.name} has ${blocks.length}. Choose a plan of this model.`,
    );
  }
  const layer = blocks.findIndex(({ kvHeads }, at) => heads[at]?.length !== kvHeads);
  if (layer >= 0) {
    throw refusal(
      `${path} plans ${heads[layer]?.length ?? 0} key/value heads in layer ${layer}, and ${summary.name} has ${blocks[layer]?.kvHeads ?? 0} there. Choose a plan of this model.`,
    );
  }
}
