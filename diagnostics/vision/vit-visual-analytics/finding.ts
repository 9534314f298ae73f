/** The first sentence of a result. */
import { percent, threeDigits } from '../../../protocol/wire/number-words';
import { scoreWords } from './importance-sections';
import { metricTitles } from './metrics';
import { mostImportant } from './offers';
import type { VitResult } from './result';
import { mean } from '../../../kernels/tensors/vectors';

export function finding(result: Partial<VitResult>): string {
  const { ranked, importance, heldOut, curves, strength } = result;
  if (!ranked) return 'No picture has been read yet.';
  const by = result.reader === 'probe' ? 'A linear probe names' : 'The classifier names';
  const sentences = [`${by} ${scoreWords(ranked)}.`];
  const best = mostImportant(importance ?? []);
  if (best) {
    const { layer, head, value, low, high } = best;
    const interval = Number.isNaN(low) ? '' : ` (95 % interval ${threeDigits(low)} to ${threeDigits(high)})`;
    sentences.push(`Without L${layer}H${head} the classes change most: ${threeDigits(value)} nats${interval}.`);
  }
  const curve = curves?.find(({ id }) => id === result.metric);
  const chance = 1 / (result.classes?.length ?? 1);
  if (heldOut && ranked.low <= chance && (result.classes?.length ?? 0) > 1) {
    sentences.push(
      `That is not clearly more than guessing (${percent(chance)}), so what heads are worth for it says little. Give more pictures, or another probe.`,
    );
  } else if (curve && heldOut) {
    const fallen = curve.points.findIndex(({ accuracy }) => accuracy < heldOut.accuracy - 0.01);
    const far = curve.points[(fallen < 0 ? curve.points.length : fallen) - 1];
    if (far && far.pruned > 0) {
      sentences.push(
        `By ${metricTitles[result.metric ?? 'divergence']} ${far.pruned} of ${heads(curve)} heads can be pruned before accuracy on ${heldOut.pictures} held-out pictures falls by more than 1 point (from ${percent(heldOut.accuracy)}).`,
      );
    }
  }
  const distances = strength?.distance.map(mean);
  if (strength && distances && distances.length > 1) {
    sentences.push(
      `Patches read ${threeDigits(distances[0] ?? Number.NaN)} patches away on average in the first layer and ${threeDigits(distances.at(-1) ?? Number.NaN)} in the last; reading all alike would be ${threeDigits(strength.uniform.distance)}.`,
    );
  }
  return sentences.join(' ');
}

const heads = ({ points }: { readonly points: readonly { readonly pruned: number }[] }): number =>
  Math.max(...points.map(({ pruned }) => pruned));
