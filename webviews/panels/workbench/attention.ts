/** The attention of a head of any grid, on the prompts that the analysis read. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { headsAnalysis } from '../../../protocol/results/labelled-heads';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import type { Section } from '../../../protocol/sections/section';
import { headName } from '../../ui/head-names';

/** Whether the heads of the result read a prompt whose attention can be computed again; a vision encoder alone reads none. */
export const hasAttention = ({ prompts, input }: AnalysisResult): boolean =>
  prompts.length > 0 && !('prompt' in input && input.prompt.kind === 'image');

/** Whether the cells are the query heads of the model: grids of key/value heads, MLPs and positions have others. */
export const hasShape = (section: Section, { layers, heads }: AnalysisResult['model']): boolean =>
  section.kind === 'heads' &&
  (section.cell === undefined || section.cell === 'query head') &&
  section.numbers.every(({ values }) => values.length <= layers && values.every((row) => row.length <= heads));

/** The head is one of the model, and its attention can be shown. */
export const hasHead = (result: AnalysisResult, { layer, head }: HeadPlace): boolean =>
  hasAttention(result) && layer < result.model.layers && head < result.model.heads;

/** The grid of a result of heads, and the head that is open in it before another one is chosen: that of the highest score. */
export function firstHead(result: AnalysisResult): { readonly grid: string; readonly head: HeadPlace } | undefined {
  if (result.analysis !== headsAnalysis.id || !hasAttention(result)) return undefined;
  const grid = result.sections.find((section) => hasShape(section, result.model));
  if (grid?.kind !== 'heads') return undefined;
  const scored = (grid.classes ?? []).flatMap(({ heads, scores }) =>
    heads.map((head, at) => ({ head, score: scores?.[at] ?? 0 })),
  );
  const [first] = scored.toSorted((a, b) => b.score - a.score);
  return { grid: grid.id, head: first?.head ?? { layer: 0, head: 0 } };
}

/** One section for each prompt. */
export const attentionSections = ({ prompts, model }: AnalysisResult, head: HeadPlace): readonly MatrixSection[] =>
  prompts.map(({ ids, tokens, example }, at): MatrixSection => ({
    kind: 'matrix',
    id: `attention-${headName(head.layer, head.head)}-${at}`,
    title: `Attention of ${headName(head.layer, head.head)}${example !== undefined ? ` on ${example}` : prompts.length > 1 ? ` on prompt ${at + 1}` : ''}`,
    of: head,
    tokens,
    tokenIds: ids,
    causal: model.causal,
    prompt: at,
  }));
