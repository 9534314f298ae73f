/** What a kernel file says of itself, checked: it comes from another process. */
import * as v from 'valibot';
import type { KernelFacts } from '../../kernels/own/kernel-file';

const titled = { title: v.string(), description: v.string() };
const range = { min: v.number(), max: v.number(), default: v.number() };

const parameter = v.variant('kind', [
  v.object({ kind: v.literal('integer'), ...titled, ...range }),
  v.object({ kind: v.literal('number'), ...titled, ...range }),
  v.object({ kind: v.literal('choice'), ...titled, options: v.array(v.string()), default: v.string() }),
  v.object({ kind: v.literal('boolean'), ...titled, default: v.boolean() }),
]);

/** One sentence, where the table of parameters or the layout is none. */
export function tableFault({ parameters, layout }: KernelFacts): string | undefined {
  if (!['heads-first', 'sequence-first'].includes(layout)) {
    return `The layout is "${layout}". Choose heads-first or sequence-first.`;
  }
  for (const [name, given] of Object.entries(parameters)) {
    if (!v.safeParse(parameter, given).success) {
      return `The parameter "${name}" is none that a form can show. Make it with field.integer, field.number, field.choice or field.flag.`;
    }
  }
  return undefined;
}
