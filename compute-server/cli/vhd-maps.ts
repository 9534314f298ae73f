/** What `headscope vhd` adds to its result on request: where heads read, and the change from another result. */
import { basename } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { ComputeClient } from '../../protocol/compute/client';
import { analysisResult, type AnalysisResult } from '../../protocol/analysis/schema';
import { vhdOfAnalysis } from '../../protocol/compute/vhd-of-analysis';
import { divergenceAnalysis, divergenceResult } from '../../protocol/results/divergence-result';
import { whyNotCompared } from '../../protocol/results/comparability';
import { comparedWith, divergenceChange } from '../../protocol/results/divergence-change';
import { type HallucinationResult, savedHallucination } from '../../protocol/results/hallucination-schema';
import { headsId } from '../../protocol/results/sections/divergence';
import { check } from '../../protocol/schema/check';
import { wrongUsage } from './exit-codes';
import { textTable } from './table';
import { jsonFile } from './text-files';

interface Head {
  readonly layer: number;
  readonly head: number;
}

/** `selected`: the heads selected at the first token. */
export type MapOption = 'selected' | readonly Head[];

export function mapOption(text: string): MapOption {
  if (text.trim() === 'selected') return 'selected';
  return text.split(',').map((part) => {
    const numbers = /^(\d+)\.(\d+)$/.exec(part.trim());
    if (!numbers) throw new InvalidArgumentError('It takes selected, or heads as layer.head, e.g. 2.5,3.1.');
    return { layer: Number(numbers[1]), head: Number(numbers[2]) };
  });
}

/**
 * `imageMap` or `spanMap`, as the panel's file has it: of the query of the first token, which share of its attention lies on each
 * image token (in the order of `image.tiles`) or token of the span; the mean over the heads.
 */
export async function mapOf(
  client: ComputeClient,
  analysis: AnalysisResult,
  { removed, promptTokens, selected, layers, heads: width }: HallucinationResult,
  option: MapOption,
  signal: AbortSignal,
): Promise<object> {
  const chosen = selected.flatMap((row, layer) => row.flatMap((is, head) => (is ? [{ layer, head }] : [])));
  const heads = option === 'selected' ? chosen : option;
  const outside = heads.find(({ layer, head }) => layer >= layers || head >= width);
  if (outside) {
    const { layer, head } = outside;
    throw wrongUsage(`There is no head ${layer}.${head}: the model has ${layers} layers of ${width} heads.`);
  }
  if (heads.length === 0) throw wrongUsage('No head is selected at the first token. Name heads, e.g. --map 2.5.');
  const span = removed.kind === 'span' ? { start: removed.start, end: removed.end } : undefined;
  const question = { section: headsId, place: { kind: 'heads', heads } } as const;
  const section = await client.call('askAnalysis', [analysis, question], { signal });
  if (section.kind !== 'image' && section.kind !== 'tokens') throw new RangeError(`a ${section.kind} is no map`);
  const map = section.numbers[0]?.values ?? [];
  const of = { token: { variant: null, step: 0 }, heads };
  if (!span) return { imageMap: { ...of, shares: map } };
  const texts = promptTokens.slice(span.start, span.end);
  const shares = texts.map((text, at) => ({ position: span.start + at, text, share: map[at] }));
  return { spanMap: { ...of, shares } };
}

/** The saved result of one picture or text, of this command or of the analysis; what measured something else is refused. */
export async function otherResult(path: string): Promise<HallucinationResult> {
  const content = await jsonFile(path);
  const analysis = check(analysisResult, content, 'The file');
  if (analysis.ok && analysis.result.analysis === divergenceAnalysis.id) {
    const own = check(divergenceResult, analysis.result.result, 'result');
    if (own.ok) return vhdOfAnalysis({ ...analysis.result, result: own.result });
  }
  const checked = check(savedHallucination, content, 'The file');
  if (!checked.ok) throw wrongUsage(`${path} is not a result of headscope vhd: ${checked.why}`);
  if (checked.result.kind === 'headscope-hallucination') return checked.result;
  throw wrongUsage(`${path} holds a folder of pictures. Compare one picture with another one.`);
}

/** Most heads listed. */
const listed = 10;

/** The change of every head for the file, and the largest as a table. */
export function changesFrom(
  path: string,
  here: HallucinationResult,
  there: HallucinationResult,
): { readonly data: object; readonly words: string } {
  const name = basename(path);
  const why = whyNotCompared(here, there, name);
  if (why !== undefined) throw wrongUsage(why);
  const vhd = divergenceChange(here, there);
  const heads = vhd.flatMap((row, layer) => row.map((change, head) => ({ layer, head, change })));
  heads.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  const rows = heads
    .slice(0, listed)
    .map(({ layer, head, change }) => [
      String(layer),
      String(head),
      (here.vhd[layer]?.[head] ?? Number.NaN).toPrecision(3),
      `${change < 0 ? '' : '+'}${change.toPrecision(3)}`,
    ]);
  return {
    data: { comparedWith: comparedWith(name, there, { vhd }) },
    words: textTable(['layer', 'head', 'VHD', `change from ${name}`], rows, [0, 1, 2, 3]),
  };
}
