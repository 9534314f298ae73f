/** What changed between two results of one kind, as the tool `compare` of `headscope mcp` answers. */
import type { Output } from '../schema/check';
import { object, text } from '../schema/fields';
import { headOf } from '../schema/parts';
import { sections } from '../sections/section';

export const savedComparison = object(
  {
    ...headOf('headscope-comparison', 'comparison'),
    headscope: text,
    /** ISO time. */
    created: text,
    title: text,
    finding: text,
    /** That of the result that it is compared with. */
    otherFinding: text,
    /** Besides the numbers, as a sentence. */
    differences: text,
    sections,
  },
  'a comparison',
);
export type Comparison = Output<typeof savedComparison>;
