/** A plan as a CSV table, one key/value head a row: `layer,head,kind,keeps`, the last in its written form (head-plan.ts). */
import { csvText } from '../../wire/csv';
import type { Checked } from '../../schema/check';
import { headPlanText, parseHeadPlan, type HeadPlan } from '../head-plan';
import type { Plan } from '../plan-file';
import { importedPlan, type ImportTarget, type PlanFormat } from './format';

const header = 'layer,head,kind,keeps';

/** The kind is for readers: the written form says it too. It is quoted where it has a comma. */
const rowForm = /^(\d{1,7}),(\d{1,7}),[a-z]*,(?:"([^"]+)"|([^",]+))$/;

function readTable(text: string, target: ImportTarget): Checked<Plan> {
  const [first = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (first.trim() !== header) return { ok: false, why: `The first line of the table is not "${header}".` };
  const heads: (HeadPlan | undefined)[][] = Array.from({ length: target.layers }, () =>
    Array.from({ length: target.kvHeads }),
  );
  for (const [at, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const parts = rowForm.exec(line.trim());
    const keep = parseHeadPlan(parts?.[3] ?? parts?.[4] ?? '');
    if (!parts || !keep)
      return {
        ok: false,
        why: `Line ${at + 2} of the table is not a layer, a head, a kind and what the head keeps, e.g. "0,1,recent,4+64".`,
      };
    const [layer, head] = [Number(parts[1]), Number(parts[2])];
    if (layer >= target.layers || head >= target.kvHeads)
      return {
        ok: false,
        why: `Line ${at + 2} names key/value head ${head} of layer ${layer}, and ${target.model.name} has ${target.layers} layers of ${target.kvHeads}.`,
      };
    if (heads[layer]?.[head] !== undefined)
      return { ok: false, why: `Line ${at + 2} names key/value head ${head} of layer ${layer} again.` };
    heads[layer]?.splice(head, 1, keep);
  }
  const whole = heads.map((layer) => layer.filter((keep) => keep !== undefined));
  const missing = heads.findIndex((layer) => layer.includes(undefined));
  if (missing < 0) return importedPlan(whole, target);
  const head = heads[missing]?.indexOf(undefined) ?? 0;
  return { ok: false, why: `The table has no row for key/value head ${head} of layer ${missing}.` };
}

export const table: PlanFormat = {
  id: 'table',
  title: 'Table (CSV)',
  extension: '.csv',
  import: readTable,
  export: ({ heads }) => ({
    ok: true,
    result: csvText([
      header.split(','),
      ...heads.flatMap((layer, index) =>
        layer.map((keep, head) => [index, head, keep.kind, headPlanText(keep)] as const),
      ),
    ]),
  }),
};
