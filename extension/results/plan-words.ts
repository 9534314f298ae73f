/** How a cache plan is named and described in a list. */
import { planSuffix } from '../../protocol/contributions/views';
import { headPlanText } from '../../protocol/plans/head-plan';
import { planBytes } from '../../protocol/plans/plan-bytes';
import type { Plan } from '../../protocol/plans/plan-file';
import { classCounts, fullWords, planClasses, planClassNames, planClassOf } from '../../protocol/plans/plan-words';
import { fileNameOf, threeDigits, type ResultLine } from './result-words';

export const planFileName = ({ origin, title, model }: Plan): string =>
  fileNameOf(origin.created, `plan ${title === '' ? model.name : title}`, planSuffix);

/** Tokens at which a list gives the share of a plan. */
const listedLength = 8192;

export function planDescription({ title, model, heads }: Plan): string {
  const { plan, full } = planBytes(heads, model.headDim, listedLength);
  return `${title === '' ? 'Cache plan' : title}: ${threeDigits((100 * plan) / full)} % of the cache at ${listedLength.toLocaleString('en-US')} tokens`;
}

export function planDetails({ model, heads, origin, measured = [] }: Plan): readonly string[] {
  return [
    `${model.name}: ${heads.length} layers, head dimension ${model.headDim}`,
    `${fullWords(heads)}.`,
    `By ${origin.method}, seed ${origin.seed}, Headscope ${origin.headscope}`,
    ...(origin.note === undefined ? [] : [origin.note]),
    ...measured.map(
      ({ what, score, full }) => `${what}: ${threeDigits(score)}, with the full cache ${threeDigits(full)}`,
    ),
    origin.created,
  ];
}

/** What heads keep, a line for each kind that occurs. */
export function planLines({ heads }: Plan): readonly ResultLine[] {
  const counts = classCounts(heads);
  const all = heads.flat();
  return planClassNames.flatMap((name) => {
    if (counts[name] === 0) return [];
    const forms = new Set(all.filter((keep) => planClassOf(keep) === name).map(headPlanText));
    const [form = ''] = forms;
    const written = name === 'full' ? '' : forms.size === 1 ? `: ${form}` : `: ${forms.size} forms`;
    return [
      {
        label: planClasses[name].title,
        text: `${counts[name]} key/value ${counts[name] === 1 ? 'head' : 'heads'}${written}`,
      },
    ];
  });
}
