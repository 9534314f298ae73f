/** The attention of a head of any grid, on the prompts that the analysis read. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { headsAnalysis } from '../../../protocol/results/labelled-heads';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { MatrixSection } from '../../../protocol/sections/matrix';
import type { Stack } from '../../../protocol/sections/section-base';
import type { Section } from '../../../protocol/sections/section';
import { stackTitles } from '../../sections/stacks';
import { headName } from '../../ui/head-names';

/** Whether the heads of the result read a prompt whose attention can be computed again; a vision encoder alone reads none. */
export const hasAttention = ({ prompts, input }: AnalysisResult): boolean =>
  prompts.length > 0 && !('prompt' in input && input.prompt.kind === 'image');

type Sizes = Pick<AnalysisResult['model'], 'layers' | 'heads' | 'kvHeads' | 'source'>;

export interface Sections extends Pick<AnalysisResult, 'sections'> {
  readonly model: Sizes;
}

/** Layers and heads that a grid may have: those of the model, or of the other stacks of an encoder-decoder. */
const sizesOf = ({ layers, heads, source }: Sizes, stack: Stack | undefined) =>
  stack === 'encoder' ? { layers: source?.layers ?? 0, heads: source?.heads ?? 0 } : { layers, heads };

/** Whether the cells are query heads of the model: grids of key/value heads, MLPs and positions have others. */
export const hasShape = (section: Section, model: Sizes): section is HeadsSection => {
  if (section.kind !== 'heads' || !(section.cell === undefined || section.cell === 'query head')) return false;
  const { layers, heads } = sizesOf(model, section.stack);
  return section.numbers.every(({ values }) => values.length <= layers && values.every((row) => row.length <= heads));
};

/** The same of the heads that interventions and labels name: those of the decoder, where there is an encoder beside it. */
export const hasOwnHeads = (section: Section, model: Sizes): section is HeadsSection =>
  hasShape(section, model) && section.stack === undefined;

/**
 * Heads of a layer that have attention: those of a recurrence have none, and beside such layers the others may have fewer than the model
 * says.
 */
export function headsIn({ model, sections }: Sections, layer: number, stack?: Stack): number {
  const { layers, heads } = sizesOf(model, stack);
  if (layer >= layers || (stack === undefined && model.kvHeads === 0)) return 0;
  const grid = sections.find((one) => hasShape(one, model) && one.stack === stack && one.without !== undefined);
  return (grid?.kind === 'heads' ? grid.numbers[0]?.values[layer]?.length : undefined) ?? heads;
}

/** The head is one of the model, and its attention can be shown. */
export const hasHead = (result: AnalysisResult, { layer, head }: HeadPlace, stack?: Stack): boolean =>
  hasAttention(result) && head < headsIn(result, layer, stack);

/** The grid of the own heads of a result of heads, and the one of the highest score. */
export function firstHead(result: AnalysisResult): { readonly grid: string; readonly head: HeadPlace } | undefined {
  if (result.analysis !== headsAnalysis.id || !hasAttention(result)) return undefined;
  return firstIn(result.sections.find((section) => hasOwnHeads(section, result.model)));
}

/** The head that is open before another one is chosen: of an encoder-decoder one of cross-attention. */
export function firstOpened(result: AnalysisResult): ReturnType<typeof firstHead> {
  if (result.analysis !== headsAnalysis.id || !hasAttention(result)) return undefined;
  const cross = result.sections.find((section) => hasShape(section, result.model) && section.stack === 'cross');
  return firstIn(cross) ?? firstHead(result);
}

function firstIn(grid: Section | undefined): ReturnType<typeof firstHead> {
  if (grid?.kind !== 'heads') return undefined;
  const scored = (grid.classes ?? []).flatMap(({ heads, scores }) =>
    heads.map((head, at) => ({ head, score: scores?.[at] ?? 0 })),
  );
  const [first] = scored.toSorted((a, b) => b.score - a.score);
  // Layers of a recurrence have no head in this grid.
  const layer = grid.numbers[0]?.values.findIndex((row) => row.length > 0) ?? -1;
  const head = first?.head ?? (layer < 0 ? undefined : { layer, head: 0 });
  return head && { grid: grid.id, head };
}

/** One section for each prompt; `stack`: which heads of an encoder-decoder. */
export const attentionSections = (
  { prompts, model }: AnalysisResult,
  head: HeadPlace,
  stack?: Stack,
): readonly MatrixSection[] =>
  prompts.flatMap(({ ids, tokens, source, example }, at): readonly MatrixSection[] => {
    const name = headName(head.layer, head.head);
    const on = example !== undefined ? ` on ${example}` : prompts.length > 1 ? ` on prompt ${at + 1}` : '';
    const common = { kind: 'matrix', of: head, prompt: at } as const;
    if (stack === undefined)
      return [
        {
          ...common,
          id: `attention-${name}-${at}`,
          title: `Attention of ${name}${on}`,
          tokens,
          tokenIds: ids,
          causal: model.causal,
        },
      ];
    if (!source) return [];
    const own = {
      ...common,
      stack,
      id: `attention-${stack}-${name}-${at}`,
      title: `${stackTitles[stack].attention} of ${name}${on}`,
      causal: false,
    };
    return stack === 'encoder'
      ? [{ ...own, tokens: source.tokens, tokenIds: source.ids }]
      : [{ ...own, tokens, tokenIds: ids, keys: source.tokens, keyIds: source.ids }];
  });
