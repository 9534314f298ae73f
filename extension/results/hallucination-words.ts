/** How a saved result of pictures is named and described in a list. */
import { hallucinationSuffix } from '../../protocol/contributions/views';
import type { HallucinationResult, HallucinationSet } from '../../protocol/results/hallucination-schema';
import type { SavedHallucination } from './hallucination-file';
import { fileNameOf, threeDigits, type ResultLine } from './result-words';

const percent = (share: number | null): string => (share === null ? 'none' : `${threeDigits(share * 100)} %`);

const subject = (saved: SavedHallucination): string =>
  saved.kind === 'headscope-hallucination-set'
    ? `${saved.entries.length} pictures`
    : (saved.image?.name ?? 'a span of text');

export const hallucinationFileName = (saved: SavedHallucination): string =>
  fileNameOf(saved.created, `${saved.model.name} ${subject(saved).replace(/\.\w+$/, '')}`, hallucinationSuffix);

export function hallucinationDescription(saved: SavedHallucination): string {
  const stopped = saved.kind === 'headscope-hallucination-set' && saved.state === 'cancelled' ? ', stopped' : '';
  return `${saved.model.name}, ${subject(saved)}${stopped}`;
}

/** Plain lines for a tooltip: which model, which prompt, where, with what. */
export function hallucinationDetails(saved: SavedHallucination): readonly string[] {
  const { model, device, prompt } = saved;
  return [
    `${model.name}, family ${model.family}, ${model.layers} layers x ${model.heads} heads`,
    `prompt: ${prompt ?? 'token ids'}`,
    `distance ${saved.distance}, outlier rule ${saved.outliers}, positions ${saved.positions}, k ${saved.k}`,
    `${device.name}, ${device.provider}, ${device.runtime}, ${device.platform}, Headscope ${saved.headscope}, seed ${saved.seed}`,
    `${saved.created}, ${threeDigits(saved.seconds)} s`,
  ];
}

/** What stands under the result in the tree. */
export const hallucinationLines = (saved: SavedHallucination): readonly ResultLine[] =>
  saved.kind === 'headscope-hallucination-set' ? setLines(saved) : resultLines(saved);

function setLines({ plain, variants, separation }: HallucinationSet): readonly ResultLine[] {
  return [
    { label: 'CHAIR_S, plain', text: percent(plain.chairS) },
    ...variants.map(({ reinforcement, score }) => ({
      label: `CHAIR_S, ${reinforcement.heads} heads x ${threeDigits(reinforcement.alpha)}`,
      text: percent(score.chairS),
    })),
    { label: 'AUROC of T-VHD', text: separation.auroc === null ? 'none' : threeDigits(separation.auroc) },
  ];
}

function resultLines({ vhd, outlier, caption }: HallucinationResult): readonly ResultLine[] {
  const strongest = vhd
    .flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })))
    .filter(({ layer, head, value }) => !Number.isNaN(value) && outlier[layer]?.[head] !== true)
    .sort((a, b) => b.value - a.value)
    .slice(0, 4);
  return [
    {
      label: 'Largest divergence',
      text: strongest.map(({ layer, head, value }) => `L${layer}H${head} ${threeDigits(value)}`).join(', '),
    },
    { label: 'Caption', text: caption.text.trim() },
  ];
}
