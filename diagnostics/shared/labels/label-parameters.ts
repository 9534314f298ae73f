/** How heads are labelled, and where the labels come from. */
import type { AnalysisSource } from '../../../protocol/analysis/analysis';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';
import { usualNullSequences } from './label-run';

export const labelParameters = {
  causal: field.flag(
    'Causal check',
    'Remove labelled heads, each alone and all of a label at once, and measure the change of the loss.',
    false,
  ),
  nullSequences: field.integer(
    'Null sequences',
    'Random sequences for the null models of induction, duplicate token and retrieval.',
    { min: 3, max: 32, default: usualNullSequences },
  ),
} satisfies ParameterTable;

export const labelSource: AnalysisSource = {
  reference:
    'arXiv:1906.04341, section 3 (positions); arXiv:2309.17453 (sinks); arXiv:2209.11895 (induction, duplicate token); arXiv:2404.15574, section 2.1 (retrieval)',
  trust: 'medium',
  note: 'Null models, thresholds and the correction for the number of scores are choices of Headscope (docs/analyses/labels.md).',
};
