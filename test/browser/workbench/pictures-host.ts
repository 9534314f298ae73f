/** The workbench over a planted vision model: its divergence on a picture and on a text, and the captions of a folder. */
import { divergenceSet } from '../../../diagnostics/vision/divergence-set/analysis';
import { divergence } from '../../../diagnostics/vision/divergence/analysis';
import { infoOf } from '../../../diagnostics/analysis-info';
import type { AnalysisResult, SectionQuestion } from '../../../protocol/analysis/schema';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import { setupOfAnalysis, type ToWorkbench } from '../../../protocol/panels/workbench';
import type { DivergenceResult } from '../../../protocol/results/divergence-result';
import { resultOfCaptions } from '../../../protocol/results/earlier/captions';
import { resultOfVhd } from '../../../protocol/results/earlier/vhd';
import { askedHeads, headTables, markedOf, spanSection } from '../../../protocol/results/sections/divergence';
import type { Section } from '../../../protocol/sections/section';
import { laterAttention, laterVhd, picture, plantedMap, result, set, summary } from './planted-result';
import { answering, openMessage, sendBytes, type OpenMessage, type Panel } from './workbench-host';

export const ofPicture: AnalysisResult = resultOfVhd(result);
export const ofFolder: AnalysisResult = {
  ...resultOfCaptions(set),
  input: { kind: 'image-set', folder: '/pictures', prompt: { kind: 'text', text: result.prompt ?? '' }, samples: 300 },
};

export const opened = (shown: AnalysisResult | undefined, change: Partial<OpenMessage> = {}): OpenMessage =>
  openMessage({
    analyses: [infoOf(divergence), infoOf(divergenceSet)],
    models: [
      { folder: summary.folder, label: 'planted-vlm', family: 'llava', runs: true },
      { folder: '/models/text', label: 'text', family: 'llama', runs: true },
    ],
    plan: setupOfAnalysis(shown ?? ofPicture),
    model: summary,
    ...(shown ? { result: shown } : {}),
    ...change,
  });

/** What the analysis answers about a place, from the planted tables. */
function answerOf({ section, place }: SectionQuestion, of: DivergenceResult): Section | undefined {
  if (place.kind === 'token') {
    const { textEnergy, outlier, selected } = result;
    const step = { vhd: laterVhd, textEnergy, outlier, selected, visualAttention: laterAttention };
    return {
      kind: 'heads',
      id: `${section}-${place.token}`,
      title: `Heads at token ${place.token}`,
      ...askedHeads(of),
      ...headTables(step, of),
      marked: markedOf(step),
    };
  }
  if (place.kind !== 'head' && place.kind !== 'heads') return undefined;
  const heads = place.kind === 'head' ? [place] : place.heads;
  const names = heads.map(({ layer, head }) => `L${layer}H${head}`).join(' ');
  const token = place.kind === 'heads' ? (place.token ?? 0) : 0;
  const values = of.span ? of.span.map((_, at) => (at === 5 ? 0.6 : 0.02)) : [...plantedMap(token, heads)];
  return spanSection(`${section}-map`, `Where ${names} looks at token ${token}`, of, { values, definition: 'p' });
}

/** Answers questions about the result of an opening; the test sends runs and extensions itself. */
export const answeringPictures = (opening: OpenMessage) => {
  const other = answering(opening);
  return (message: FromWorkbench): readonly ToWorkbench[] => {
    if (message.kind === 'ask') {
      const section = answerOf(message.question, (opening.result ?? ofPicture).result as DivergenceResult);
      return section ? [{ kind: 'answer', request: message.request, section }] : [];
    }
    if (message.kind === 'beside') return [{ kind: 'beside', request: message.request, beside: {} }];
    if (message.kind === 'tokenise') {
      const { prompt } = message;
      const text = prompt.kind === 'text' ? prompt.text : '';
      const tokens = text.split(/(?= )/);
      const image = prompt.image === undefined ? {} : { image: picture.image };
      return [
        {
          kind: 'tokenised',
          request: message.request,
          tokenised: { ids: tokens.map((_, at) => at), tokens, ...image },
        },
      ];
    }
    return other(message);
  };
};

/** The bytes of the planted picture, once the page has asked for them. */
export async function sendPlanted(panel: Panel): Promise<void> {
  const { sha256 } = await panel.posts('picture');
  await sendBytes(panel, sha256, picture.bytes);
}
